/** One game: its chart from before the start until now, what happened, and what the books did about it. */

import { arbitrageTables, valueTables } from "./bets.js";
import { chart, columns } from "./chart.js";
import { element, say, show } from "./elements.js";
import { chips, drawBar, drawChips } from "./games.js";
import { address, ask, changed, comeTo, held, nowMs, token } from "./live.js";
import { subscribe } from "./stream.js";
import { table } from "./table.js";
import { change, market, moment, named, outcome, price, reason, share, situation, time, versus } from "./wording.js";

const BEFORE_START_MS = 15 * 60_000;
/** Further back the log is not read for a chart. */
const LONGEST_MS = 12 * 3_600_000;
const PRICES_EVERY_MS = 5_000;
const ROWS = 30;
/** As many marks as people can tell apart: those that moved the probability most. */
const MARKS = 12;
/** What is no score is marked from such a change of the probability on. */
const LEAST_MARKED = 0.02;

export const title = "Game";

/** Show a game in `root`; its event comes from the address. */
export function open(root, filters, event) {
  const { home, away, league } = named(event);
  const story = { model: [], market: [], happened: [], revisions: {} };
  const parts = head(root, event, league);
  const isThree = () => (held["games.probabilities"].get(event)?.game.length ?? 0) > 2;
  let side = Number(filters.get("of")) || 0;
  let isStale = true;
  let drawn;
  let past;
  let odds;
  let isQuoted = false;
  let moved;

  const sides = element("span", { role: "group", "aria-label": "Outcome of the chart" });
  const buttons = [home, away, "Draw"].map((text, place) => sides.appendChild(element("button", {
    type: "button", onclick: () => {
      side = place;
      filters.set("of", place ? `${place}` : "");
      isStale = true;
      changed();
    },
  }, text)));
  const plot = element("div", { class: "plot", role: "img" });
  const note = element("p", { class: "note" }, "Reading the history of this game …");
  const points = table({ caption: "The chart's newest numbers", columns: POINTS, key: ([s], place) => `${s} ${place}`, none: "No probability has been published of it.", file: `${event}-chart` });
  const listed = element("details", {}, element("summary", {}, "The chart as a table"), points.whole);
  const happened = table({ caption: "What happened", columns: HAPPENED, key: ({ id }) => id, none: "Nothing yet.", file: `${event}-events` });
  const prices = table({ caption: "Fair prices", columns: PRICES, key: ({ id }) => id, none: "No market is quoted by enough desks.", file: `${event}-fair` });
  const moves = table({ caption: "Moves", columns: moveColumns(event), key: ({ market: kind, scope, outcome: place }) => `${kind} ${scope} ${place}`, none: "No significant one of late.", file: `${event}-moves` });
  const steam = table({ caption: "Steam", columns: steamColumns(event), key: ({ market: kind, scope, outcome: place, since_ms }) => `${kind} ${scope} ${place} ${since_ms}`, none: "None of late.", file: `${event}-steam` });
  const value = valueTables(["Game"]);
  const arbitrage = arbitrageTables(["Game"]);
  root.append(
    element("section", { class: "chart" }, element("h2", {}, "Probability of ", sides), plot, note, listed),
    element("div", { class: "columns" }, happened.whole, prices.whole),
    ...value.nodes, ...arbitrage.nodes,
    element("div", { class: "columns" }, moves.whole, steam.whole),
  );
  chart(plot).then((made) => {
    drawn = made;
    isStale = true;
    changed();
  }).catch(() => {
    plot.remove();
    listed.open = true;
    say(note, "The charts' library is not installed here (make setup installs it where npm is): the numbers are in the table.");
    note.dataset.isLasting = "yes";
  });

  function hear(topic, key, record, said) {
    isStale = true;
    if (topic === "odds.fair") isQuoted = record !== null;
    if (record === null) {
      if (topic === "odds.fair") story.market.push([said.received_at_ms ?? nowMs, "", []]);
      return;
    }
    comeTo(record.received_at_ms);
    if (topic === "odds.moves") moved = record;
    else if (story.revisions[topic] >= record.revision) return; // a repeat says nothing new
    story.revisions[topic] = record.revision;
    if (topic === "games.probabilities") tellModel(story, record);
    if (topic === "games.states") tellState(story, record);
    if (topic === "odds.fair") tellMarket(story, record);
    changed();
  }

  /** Hear the game from before its start, as soon as it is known when that was. */
  function follow() {
    const state = held["games.states"].get(event) ?? held["games.probabilities"].get(event);
    if (past || !nowMs || (!state && Date.now() - openedAt < 2_000)) return;
    const start = state?.started_at_ms || nowMs;
    listen({ from: Math.max(start - BEFORE_START_MS, nowMs - LONGEST_MS), live: true });
  }

  function listen(where) {
    past = subscribe(address(), [
      { topic: "games.states", event }, { topic: "games.probabilities", event }, { topic: "odds.moves", event },
      { topic: "odds.fair", event, market: "h2h" }, { topic: "odds.fair", event, market: "h2h_3way" },
    ], hear, { ...where, token, onStatus: (said) => {
      if (said.type === "error" && said.code === "no_past" && where.from) listen({});
      else if (said.type === "error") tellNote(`The history cannot be read: ${said.message}`);
      else if (said.type === "closed") tellNote("The history was cut off, and goes on when the connection is back.");
      else if (said.type === "subscribed" || said.type === "playback") tellNote("");
      if (said.type === "subscribed") askPrices();
    } });
  }

  function tellNote(text) {
    if (!note.dataset.isLasting) say(note, text);
  }

  async function askPrices() {
    if (!isQuoted) return void (odds = undefined); // of what is not quoted there is nothing, and a 404 is an error in the console
    try {
      odds = await ask(`v1/events/${encodeURIComponent(event)}/odds`);
    } catch (error) {
      console.warn(error.message); // the socket says how the connection is
    }
    changed();
  }

  function draw() {
    follow();
    const state = held["games.states"].get(event);
    const probabilities = held["games.probabilities"].get(event);
    drawHead(parts, event, state, probabilities);
    buttons.forEach((button, place) => {
      show(button, place < 2 || isThree());
      button.setAttribute("aria-pressed", place === side);
    });
    value.draw(event);
    arbitrage.draw(event);
    moves.draw(moved?.moves ?? []);
    steam.draw(moved?.steam ?? []);
    prices.draw((odds?.markets ?? []).flatMap((found) => found.probabilities.map((probability, place) => ({
      id: `${market(found)} ${place}`, market: market(found), outcome: outcome(event, found.market, place), probability,
      fair: found.fair_prices[place], best: odds.closing_final ? null : found.closing_best[place],
    }))));
    if (isStale) drawStory();
  }

  function drawStory() {
    isStale = false;
    const three = isThree();
    const pick = ([ms, game, low, high]) => [ms, game[side], low[side] ?? null, high[side] ?? null];
    const model = story.model.filter(([, game]) => game.length > side).map(pick);
    const fair = story.market.filter(([, kind]) => !kind || (kind === "h2h_3way") === three).map(([ms, , shares]) => [ms, shares[side] ?? null]);
    const data = columns(model, fair);
    drawn?.draw(data, marks(story));
    const newest = model.at(-1);
    const name = [home, away, "a draw"][side];
    plot.setAttribute("aria-label", newest
      ? `Probability of ${name} over time; newest by the model ${share(newest[1])}${fair.at(-1)?.[1] ? `, by the market ${share(fair.at(-1)[1])}` : ""}`
      : `Probability of ${name} over time; none yet`);
    if (listed.open) points.draw(data[0].map((_, place) => data.map((column) => column[place])).slice(-ROWS).reverse());
    happened.draw([...story.happened].reverse());
  }

  listed.addEventListener("toggle", () => {
    isStale = true;
    changed();
  });
  const openedAt = Date.now();
  const timer = setInterval(askPrices, PRICES_EVERY_MS);
  return {
    title: versus(event),
    draw,
    close() {
      clearInterval(timer);
      past?.close();
      drawn?.close();
    },
  };
}

const POINTS = [
  { title: "Time", text: ([s]) => time(s * 1000), value: ([s]) => Math.round(s * 1000) },
  ...[["Model", 3], ["At least", 2], ["At most", 1], ["Market", 4]].map(([name, place]) => ({
    title: name, isNumber: true, value: (row) => row[place] ?? "", text: (row) => (row[place] === null ? "–" : share(row[place])),
  })),
];
const HAPPENED = [
  { title: "Time", text: ({ ms }) => time(ms), value: ({ ms }) => ms },
  { title: "When", text: ({ when }) => when, value: ({ when }) => when },
  { title: "What", text: ({ text }) => text, value: ({ text }) => text },
  { title: "Score", text: ({ score }) => score, value: ({ score }) => score },
  { title: "Home by", isNumber: true, text: ({ impact }) => (impact === undefined ? "–" : change(impact)), value: ({ impact }) => impact ?? "" },
];
const PRICES = [
  { title: "Market", text: (row) => row.market, value: (row) => row.market },
  { title: "Outcome", text: (row) => row.outcome, value: (row) => row.outcome },
  { title: "Chance", isNumber: true, text: (row) => share(row.probability), value: (row) => row.probability },
  { title: "Fair price", isNumber: true, text: (row) => price(row.fair), value: (row) => row.fair ?? "" },
  { title: "Best before start", isNumber: true, text: (row) => price(row.best), value: (row) => row.best ?? "" },
];

const moveColumns = (event) => [
  { title: "Market", text: market, value: market },
  { title: "Outcome", text: (row) => outcome(event, row.market, row.outcome), value: (row) => row.outcome },
  { title: "Line", text: (row) => (row.from_line === row.line ? "" : `${row.from_line} → ${row.line}`), value: (row) => row.line },
  { title: "Fair", isNumber: true, isLong: true, text: (row) => `${share(row.from_probability)} → ${share(row.to_probability)}`, value: (row) => row.to_probability },
  { title: "At", isNumber: true, text: (row) => time(row.at_ms), value: (row) => row.at_ms },
  { title: "Cause", text: (row) => row.cause || "–", value: (row) => row.cause },
];
const steamColumns = (event) => [
  { title: "Market", text: market, value: market },
  { title: "Likelier", text: (row) => outcome(event, row.market, row.outcome), value: (row) => row.outcome },
  { title: "First", text: (row) => row.first_desk || "unclear", value: (row) => row.first_desk },
  { title: "Desks", isLong: true, text: (row) => row.desks.map(({ desk }) => desk).join(", "), value: (row) => row.desks.map(({ desk }) => desk).join(" ") },
  { title: "At", isNumber: true, text: (row) => time(row.at_ms), value: (row) => row.at_ms },
];

function tellModel(story, { received_at_ms, game, game_low, game_high, source_event_id, impact }) {
  if (game.length) story.model.push([received_at_ms, game, game_low, game_high]);
  const found = source_event_id && story.happened.findLast(({ source }) => source === source_event_id);
  if (found) found.impact = impact;
  else if (source_event_id) story.impact = [source_event_id, impact];
}

function tellMarket(story, { received_at_ms, markets }) {
  const found = markets.find(({ market: kind, scope }) => (kind === "h2h" && scope === "game") || (kind === "h2h_3way" && scope === "regulation"));
  story.market.push([received_at_ms, found?.market ?? "", found?.probabilities ?? []]); // none: the line ends there
}

/** What moved the game most, as [Unix ms, text], in the order in which it came. */
function marks({ happened }) {
  const size = ({ impact = 0 }) => Math.abs(impact);
  const largest = new Set(happened.filter((each) => each.isScore || (each.isKey && size(each) >= LEAST_MARKED)).sort((one, other) => size(other) - size(one)).slice(0, MARKS));
  return happened.filter((each) => largest.has(each)).map(({ ms, score, impact }) => [ms, impact === undefined ? score : `${score} (${change(impact)})`]);
}

/** What is new in a state; a score that was taken back takes its marks with it. */
function tellState(story, state) {
  const { home_score, away_score, text, source_event_id, last_key_event_at_ms, received_at_ms, revision } = state;
  story.happened = story.happened.filter(({ scores }) => scores[0] <= home_score && scores[1] <= away_score);
  const last = story.state ?? state;
  story.state = state;
  const isScore = last.home_score !== home_score || last.away_score !== away_score;
  if (story.happened.at(-1)?.source === source_event_id || (!text && !isScore)) return;
  const isKey = last.last_key_event_at_ms !== last_key_event_at_ms;
  story.happened.push({
    id: `${revision}`, ms: received_at_ms, when: moment(state), text: text || "score", score: `${home_score}–${away_score}`,
    scores: [home_score, away_score], source: source_event_id, isKey, isScore,
    impact: story.impact?.[0] === source_event_id ? story.impact[1] : undefined,
  });
}

function head(root, event, league) {
  const parts = {};
  const made = (name, tag = "span", attributes = {}) => (parts[name] = element(tag, { class: name, ...attributes }));
  const bar = (...names) => element("span", { class: "bar", "aria-hidden": "true" }, ...names.map((name) => (parts[name] = element("i", { class: name }))));
  const { home, away } = named(event);
  const next = element("div", { class: "meter" }, element("h2", {}, "Next score"), made("nextText", "p"));
  parts.next = { whole: next };
  for (const name of ["barHome", "barDraw", "barAway"]) parts.next[name] = element("i", { class: name });
  next.append(element("span", { class: "bar", "aria-hidden": "true" }, ...Object.values(parts.next).slice(1)));
  parts.momentum = element("i");
  root.append(element("section", { class: "head" },
    element("p", { class: "above" }, element("span", { class: "league" }, league), made("moment"), made("chips")),
    element("h1", {}, element("span", { class: "home" }, home), " ", made("score"), " ", element("span", { class: "away" }, away)),
    element("p", { class: "shares" }, made("homeShare"), made("drawShare"), made("awayShare")),
    bar("barHome", "barDraw", "barAway"),
    element("p", { class: "situation" }, made("at"), " ", made("text")),
    made("doubts", "p", { role: "note" }),
    element("div", { class: "meters" }, next,
      element("div", { class: "meter" }, element("h2", {}, "Momentum"), made("momentumText", "p"), element("span", { class: "track", "aria-hidden": "true" }, parts.momentum)),
      element("div", { class: "meter" }, element("h2", {}, "Model"), made("model", "p")),
    ),
  ));
  return parts;
}

function drawHead(parts, event, state, probabilities) {
  const { home, away } = named(event);
  const game = probabilities?.game ?? [];
  const low = probabilities?.game_low ?? [];
  const high = probabilities?.game_high ?? [];
  const shareOf = (place) => (game.length > place ? share(game[place]) + (low.length > place ? ` (${share(low[place])} to ${share(high[place])})` : "") : "");
  say(parts.score, state && state.status !== "scheduled" ? `${state.home_score} – ${state.away_score}` : "–");
  say(parts.moment, state ? moment(state) : "No feed speaks of this game");
  say(parts.homeShare, shareOf(0));
  say(parts.awayShare, shareOf(1));
  say(parts.drawShare, game.length > 2 ? `draw ${share(game[2])}` : "");
  drawBar(parts, game);
  say(parts.at, state ? situation(state) : "");
  say(parts.text, state?.text ?? "");
  drawChips(parts.chips, state ? chips(state) : []);
  const doubts = probabilities?.doubts ?? [];
  show(parts.doubts, doubts.length > 0);
  say(parts.doubts, `In doubt: ${doubts.map(reason).join("; ")}`);
  const next = probabilities?.next_score ?? [];
  show(parts.next.whole, next.length > 0);
  say(parts.nextText, next.length ? `${home} ${share(next[0])}, ${away} ${share(next[1])}, nobody ${share(next[2])}` : "");
  drawBar(parts.next, next);
  const momentum = probabilities?.momentum ?? 0;
  parts.momentum.style.left = `${50 - 50 * momentum}%`; // the home side is on the left of everything
  say(parts.momentumText, momentum === 0 ? "even" : `${share(Math.abs(momentum))} towards ${momentum > 0 ? home : away}`);
  say(parts.model, probabilities ? `${probabilities.model}, strengths from ${probabilities.prior}` : "none");
}
