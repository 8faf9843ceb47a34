/** Numbers and names as people read them: prices in three notations, times in the viewer's zone, periods of each sport. */

const NOTATION = "sharpline.prices";
const shares = new Intl.NumberFormat(undefined, { style: "percent", minimumFractionDigits: 1, maximumFractionDigits: 1 });
const changes = new Intl.NumberFormat(undefined, {
  style: "percent", minimumFractionDigits: 1, maximumFractionDigits: 1, signDisplay: "exceptZero",
});
const times = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit", second: "2-digit" });
const days = new Intl.DateTimeFormat(undefined, { weekday: "short", hour: "2-digit", minute: "2-digit" });
const minutes = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
const money = new Intl.NumberFormat(undefined, { minimumFractionDigits: 2, maximumFractionDigits: 2 });

export const zone = new Intl.DateTimeFormat().resolvedOptions().timeZone;
export const share = (value) => shares.format(value);
export const change = (value) => changes.format(value);
export const time = (ms) => (ms ? times.format(ms) : "–");
export const minute = (ms) => minutes.format(ms);
export const day = (ms) => (ms ? days.format(ms) : "–");
export const minor = (amount) => money.format(amount / 100);

let notation = globalThis.localStorage?.getItem(NOTATION) ?? "decimal";
export const notationOfPrices = () => notation;
export function writePricesIn(wanted) {
  notation = wanted;
  globalThis.localStorage?.setItem(NOTATION, wanted);
}

/** A decimal price in the notation that the viewer chose. */
export function price(decimal) {
  if (!decimal || decimal <= 1) return "–";
  if (notation === "american") return american(decimal);
  if (notation === "fractional") return fractional(decimal);
  return decimal.toFixed(decimal < 10 ? 2 : 1);
}

function american(decimal) {
  return decimal >= 2 ? `+${Math.round(100 * (decimal - 1))}` : `−${Math.round(100 / (decimal - 1))}`;
}

/** The nearest fraction with a denominator that bookmakers write. */
function fractional(decimal) {
  let best = [Infinity, 0, 1];
  for (const under of [1, 2, 4, 5, 8, 10, 11, 20, 25, 33, 40, 100]) {
    const over = Math.round((decimal - 1) * under);
    const off = Math.abs(over / under - (decimal - 1));
    if (over && off < best[0] - 1e-9) best = [off, over, under];
  }
  return `${best[1]}/${best[2]}`;
}

/** How long ago, by the log's own clock. */
export function age(ms) {
  const s = Math.max(0, Math.round(ms / 1000));
  if (s < 100) return `${s} s`;
  if (s < 6000) return `${Math.round(s / 60)} min`;
  return `${Math.round(s / 3600)} h`;
}

export const SPORTS = {
  "american-football": "American football", baseball: "Baseball", basketball: "Basketball", hockey: "Hockey",
  soccer: "Soccer",
};
/** Of each sport: what a period is called, and how many there are before overtime. */
const PERIODS = { "american-football": ["Q", 4], basketball: ["Q", 4], hockey: ["P", 3], soccer: ["Half ", 2] };

/** A team's code as scoreboards write it. */
export const team = (code) => code.toUpperCase();

/** What an event's id says of it: league, sides. */
export function named(event) {
  const [league = "", , sides = ""] = event.split(":");
  const [home = "", away = ""] = sides.split("-");
  return { league, home: team(home), away: team(away) };
}

export const versus = (event) => `${named(event).home} – ${named(event).away}`;

/** The period and its clock, or what stands instead of them. */
export function moment(state) {
  const { status, sport, period, clock_s, situation, starts_at_ms } = state;
  if (status === "scheduled") return day(starts_at_ms);
  if (status !== "live" && status !== "suspended") return status;
  if (sport === "baseball") return `${situation?.half ?? "Inning"} ${period}`;
  const [name, regular] = PERIODS[sport] ?? ["", 99];
  const where = period > regular ? `Overtime ${period - regular > 1 ? period - regular : ""}`.trim() : `${name}${period}`;
  if (clock_s < 0) return where;
  return `${where} ${Math.floor(clock_s / 60)}:${String(Math.floor(clock_s % 60)).padStart(2, "0")}`;
}

/** Who has the ball and where, who is on base, who was sent off: what the sport's own state of play says. */
export function situation(state) {
  const at = state.situation;
  if (!at || state.status !== "live") return "";
  const ball = at.possession ? `${team(state[at.possession])} ball` : "";
  if (state.sport === "american-football") {
    const yards = at.yards_to_goal ? `, ${at.yards_to_goal} yd to goal` : "";
    return ball && at.down ? `${ball}, ${at.down} & ${at.distance_yd}${yards}` : ball;
  }
  if (state.sport === "basketball") return ball;
  if (state.sport === "baseball") {
    const bases = ["1st", "2nd", "3rd"].filter((_, number) => at.bases & (1 << number));
    return `${at.outs} out${bases.length ? `, on ${bases.join(", ")}` : ""}`;
  }
  if (state.sport === "hockey") {
    return at.home_skaters === at.away_skaters ? "" : `${at.home_skaters} on ${at.away_skaters}`;
  }
  const reds = [[state.home, at.home_reds], [state.away, at.away_reds]].filter(([, count]) => count);
  return reds.map(([side, count]) => `${team(side)} ${count} red`).join(", ");
}

const KINDS = {
  h2h: "Winner", h2h_3way: "Winner or draw", spread: "Handicap", total: "Total", btts: "Both score",
  team_total_home: "Home total", team_total_away: "Away total",
};
const signed = (line) => (line > 0 ? `+${line}` : `${line}`.replace("-", "−"));

/** A market by its kind, part of the game and line, as the entry of a record names it. */
export function market({ market: kind, scope, line }) {
  const part = scope === "game" ? "" : `, ${scope}`;
  if (kind === "spread") return `Home ${line ? signed(line) : "level"}${part}`;
  return `${KINDS[kind] ?? kind}${line ? ` ${line}` : ""}${part}`;
}

/** What is bet on: of a handicap the side's own, which is the home side's turned around for the away side. */
export function bet(event, entry) {
  const { market: kind, scope, line, outcome: place } = entry;
  const side = outcome(event, kind, place);
  if (kind !== "spread") return `${market(entry)} ${side}`;
  return `Handicap ${side} ${line ? signed(place ? -line : line) : "level"}${scope === "game" ? "" : `, ${scope}`}`;
}

/** An outcome by its place in the market's fixed order. */
export function outcome(event, kind, place) {
  const { home, away } = named(event);
  if (kind === "btts") return ["yes", "no"][place];
  if (kind.includes("total")) return ["over", "under"][place];
  return [home, away, "draw"][place];
}

/** Why something is held back or gone, in words. */
export const reason = (code) => code.replaceAll("_", " ");
