/** The games: in play, soon and over, as the socket has them; those of which only books speak come over HTTP. */

import { choice, element, keep, say, show } from "./elements.js";
import { ask, changed, held, nowMs, trails } from "./live.js";
import { age, moment, share, situation, SPORTS, team } from "./wording.js";

const OVER = ["final", "abandoned", "cancelled"];
const ASK_AGAIN_MS = 60_000;
/** A game in play of which nothing came for so long may not be as it is shown. */
const SILENT_MS = 180_000;
const SVG = "http://www.w3.org/2000/svg";

export const title = "Games";

/** Show the games in `root`, filtered as the address says. */
export function open(root, filters) {
  const quoted = new Map();
  const leagues = element("span");
  const parts = {
    live: section("In play"), soon: section("Soon"), over: section("Over"),
  };
  const none = element("p", { class: "none" });
  root.append(
    element("h1", { class: "unseen" }, "Games"),
    element("form", { class: "filters", "aria-label": "Filters" },
      choice("Sport", "sport", [["", "all"], ...Object.entries(SPORTS)], filters.get("sport"), filters.set),
      leagues,
      choice("With", "with", [["", "anything"], ["value", "value"], ["arbitrage", "arbitrage"]], filters.get("with"), filters.set),
    ),
    none,
    ...Object.values(parts).map(({ whole }) => whole),
  );
  let named = "";

  async function fill() {
    try {
      const { events } = await ask("v1/events?status=upcoming&limit=1000");
      quoted.clear();
      for (const row of events) if (row.status === null) quoted.set(row.event, { ...row, event_id: row.event, status: "scheduled" });
      changed();
    } catch (error) {
      console.warn(error.message); // the socket says how the connection is
    }
  }

  function draw() {
    const all = [...held["games.states"].values()];
    for (const [event, row] of quoted) if (!held["games.states"].has(event)) all.push(row);
    offerLeagues(all);
    const sorted = { live: [], soon: [], over: [] };
    for (const state of all) if (matches(state, filters)) sorted[part(state)].push(state);
    const byStart = (one, other) => one.starts_at_ms - other.starts_at_ms || (one.event_id < other.event_id ? -1 : 1);
    sorted.live.sort(byStart);
    sorted.soon.sort(byStart);
    sorted.over.sort((one, other) => byStart(other, one));
    for (const [name, { whole, list, count }] of Object.entries(parts)) {
      show(whole, sorted[name].length > 0);
      say(count, `${sorted[name].length}`);
      keep(list, sorted[name], (state) => state.event_id, card, update);
    }
    const isEmpty = !Object.values(sorted).some((games) => games.length);
    show(none, isEmpty);
    say(none, all.length ? "No game matches the filters." : "No game is known yet.");
  }

  function offerLeagues(all) {
    const keys = [...new Set(all.filter((state) => isOf(state, filters.get("sport"))).map(({ league }) => league))].sort();
    if (named === keys.join()) return;
    named = keys.join();
    leagues.replaceChildren(choice("League", "league", [["", "all"], ...keys.map((key) => [key, key])], filters.get("league"), filters.set));
  }

  fill();
  const timer = setInterval(fill, ASK_AGAIN_MS);
  return { draw, close: () => clearInterval(timer) };
}

const isOf = (state, sport) => !sport || state.sport === sport;

function part({ status }) {
  if (status === "live" || status === "suspended") return "live";
  return OVER.includes(status) ? "over" : "soon";
}

function matches(state, filters) {
  const { value, arbitrage } = marks(state.event_id);
  const wanted = { "": true, value, arbitrage }[filters.get("with")];
  return wanted && isOf(state, filters.get("sport")) && (!filters.get("league") || state.league === filters.get("league"));
}

/** Whether there is an open value bet, and an open arbitrage that nothing speaks against. */
export function marks(event) {
  const found = held["bets.arbitrage"].get(event)?.arbitrages ?? [];
  return {
    value: Boolean(held["bets.value"].get(event)?.bets.length),
    arbitrage: found.some(({ kind, suspect }) => kind === "arbitrage" && !suspect.length),
  };
}

function section(name) {
  const count = element("span", { class: "count" });
  const list = element("ul", { class: "games" });
  return { count, list, whole: element("section", { hidden: true }, element("h2", {}, name, " ", count), list) };
}

/** What a card is made of, by names that `update` finds again. */
function card(state) {
  const parts = {};
  const named = (name, tag = "span", attributes = {}) => (parts[name] = element(tag, { class: name, ...attributes }));
  const side = (which) => element("span", { class: `side ${which}` },
    element("b", {}, team(state[which])), named(`${which}Score`, "span", { class: "score" }), named(`${which}Share`, "span", { class: "share" }));
  const link = element("a", { class: "game", href: `#/game/${state.event_id}` },
    element("span", { class: "above" }, element("span", { class: "league" }, state.league), named("moment"), named("chips")),
    side("home"), side("away"),
    bar(parts),
    element("span", { class: "below" }, named("situation"), parts.trail = trail()),
  );
  const whole = element("li", {}, link);
  whole.parts = parts;
  return whole;
}

function bar(parts) {
  const segment = (name) => (parts[name] = element("i", { class: name }));
  return element("span", { class: "bar", "aria-hidden": "true" }, segment("barHome"), segment("barDraw"), segment("barAway"));
}

function trail() {
  const drawing = document.createElementNS(SVG, "svg");
  drawing.setAttribute("viewBox", "0 0 80 20");
  drawing.setAttribute("preserveAspectRatio", "none");
  drawing.setAttribute("aria-hidden", "true");
  drawing.append(document.createElementNS(SVG, "polyline"));
  return drawing;
}

function update({ parts }, state) {
  const event = state.event_id;
  const probabilities = held["games.probabilities"].get(event);
  const game = probabilities?.game ?? state.game ?? [];
  const isScored = part(state) !== "soon";
  say(parts.homeScore, isScored ? `${state.home_score}` : "");
  say(parts.awayScore, isScored ? `${state.away_score}` : "");
  say(parts.homeShare, game.length ? share(game[0]) : "");
  say(parts.awayShare, game.length ? share(game[1]) : "");
  say(parts.moment, moment(state));
  say(parts.situation, part(state) === "live" ? situation(state) || state.text || "" : game.length > 2 ? `draw ${share(game[2])}` : "");
  drawBar(parts, game);
  parts.trail.firstChild.setAttribute("points", points(trails.get(event) ?? []));
  drawChips(parts.chips, chips(state));
}

/** A bar of two or three shares. */
export function drawBar(parts, game) {
  [parts.barHome, parts.barAway, parts.barDraw].forEach((segment, place) => {
    segment.style.flexGrow = game[place] ?? 0;
  });
}

function points(shares) {
  return shares.map((value, place) => `${(80 * place) / Math.max(1, shares.length - 1)},${20 - 20 * value}`).join(" ");
}

/** What is to be known of a game before anything of it is believed: [kind, text]. */
export function chips(state) {
  const found = [];
  const { value, arbitrage } = marks(state.event_id);
  if (state.suspended || state.status === "suspended") found.push(["bad", "suspended"]);
  if (state.contested) found.push(["bad", "in doubt"]);
  const silentMs = nowMs - Math.max(state.received_at_ms ?? 0, held["games.probabilities"].get(state.event_id)?.received_at_ms ?? 0);
  if (state.status === "live" && silentMs > SILENT_MS) found.push(["bad", `silent for ${age(silentMs)}`]);
  if (value) found.push(["value", "value"]);
  if (arbitrage) found.push(["arbitrage", "arbitrage"]);
  return found;
}

export function drawChips(parent, wanted) {
  keep(parent, wanted, ([kind, text]) => kind + text.slice(0, 6), ([kind]) => element("span", { class: `chip ${kind}` }), (chip, [, text]) => say(chip, text));
}

