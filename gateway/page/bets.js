/** Value bets and arbitrage: the tables, of all games or of one, and what is held back or suspect, with why. */

import { choice, element } from "./elements.js";
import { held, nowMs, withdrawn } from "./live.js";
import { table } from "./table.js";
import { age, bet, change, market, minor, outcome, price, reason, share, SPORTS, versus } from "./wording.js";

const MARKETS = [["", "all"], ["h2h", "winner"], ["h2h_3way", "winner or draw"], ["spread", "handicap"], ["total", "total"], ["btts", "both score"]];
const LEAST = ["0", "0.01", "0.02", "0.05", "0.1"].map((value) => [value === "0" ? "" : value, share(Number(value))]);
const AGES = [["", "any"], ["5", "5 s"], ["15", "15 s"], ["60", "60 s"]];

const GAME = { title: "Game", text: ({ event }) => versus(event), value: ({ event }) => event, link: ({ event }) => `#/game/${event}` };
const seen = ({ entry }) => entry.seen_at_ms;
const ageOf = (ms) => age(nowMs - ms);
const number = (title, value, text) => ({ title, isNumber: true, value, text: (row) => text(value(row)) });
const picked = ({ event, entry }) => bet(event, entry);
const reasonOf = ({ gone }) => (gone ? `gone: ${reason(gone)}` : "");

const BET = { title: "Bet", text: picked, value: picked };
const BOOK = { title: "Book", text: ({ entry }) => entry.book, value: ({ entry }) => entry.book };
const PRICE = number("Price", ({ entry }) => entry.price, price);
const FAIR = number("Fair chance", ({ entry }) => entry.probability, share);
const EV = number("EV", ({ entry }) => entry.expected_value, change);
const BASIS = { title: "Basis", text: ({ entry }) => entry.basis, value: ({ entry }) => entry.basis };
const VALUE = [
  GAME, BET, BOOK, PRICE, FAIR, EV,
  number("Worst EV", ({ entry }) => entry.worst_expected_value, change),
  number("Edge", ({ entry }) => entry.edge, change),
  number("Sure", ({ entry }) => entry.confidence, share),
  number("Stake", ({ entry }) => entry.stake_share, share),
  BASIS,
  { title: "Seen", isNumber: true, isWhy: true, value: seen, text: (row) => reasonOf(row) || `${ageOf(seen(row))} ago` },
  { title: "Open", isNumber: true, value: ({ entry }) => entry.opened_at_ms, text: ({ entry }) => ageOf(entry.opened_at_ms) },
];
const GATED = [
  GAME, BET, BOOK, PRICE, FAIR, EV, BASIS,
  { title: "Held back by", isLong: true, text: ({ entry }) => entry.reasons.map(reason).join(", "), value: ({ entry }) => entry.reasons.join(" ") },
];

const legText = (event, kind, leg) => `${leg.side === "lay" ? "lay " : ""}${outcome(event, kind, leg.outcome)} ${price(leg.price)} at ${leg.book}`;
const legsOf = ({ event, entry }) => entry.legs.map((leg) => legText(event, entry.market, leg));
const ARBITRAGE = [
  GAME,
  { title: "Market", text: ({ entry }) => market(entry), value: ({ entry }) => market(entry) },
  { title: "Legs", isLong: true, text: (row) => [legs(row)], value: (row) => legsOf(row).join("; ") },
  number("ROI", ({ entry }) => entry.roi, change),
  number("Worst profit", ({ entry }) => entry.profit_minor, minor),
  number("Stake", ({ entry }) => entry.stake_minor, minor),
  { title: "Kind", text: ({ entry }) => reason(entry.kind) + (entry.clean ? "" : ", rules differ"), value: ({ entry }) => entry.kind },
  { title: "Open", isNumber: true, isWhy: true, value: ({ entry }) => entry.opened_at_ms, text: (row) => reasonOf(row) || ageOf(row.entry.opened_at_ms) },
];
const SUSPECT = [
  ...ARBITRAGE.slice(0, 4),
  { title: "Suspect for", isLong: true, text: ({ entry }) => entry.suspect.map(reason).join(", "), value: ({ entry }) => entry.suspect.join(" ") },
];

function legs({ event, entry }) {
  const lines = entry.legs.map((leg) => element("li", {},
    element("span", {}, legText(event, entry.market, leg)),
    element("small", {}, `stake ${minor(leg.stake_minor)}, ${leg.break_even_price ? `even at ${price(leg.break_even_price)}, ` : ""}seen ${ageOf(leg.seen_at_ms)} ago`)));
  return element("ul", { class: "legs" }, ...lines);
}

const keyOf = ({ event, entry, gone }) => `${event} ${entry.id ?? keyOfGated(entry)} ${gone ?? ""}`;
const keyOfGated = ({ basis, market: kind, scope, line, outcome: place, book }) => [basis, kind, scope, line, place, book].join();

/** The entries of a list in the records of a topic, of one event where it is named. */
function entries(topic, list, event) {
  const records = event ? [[event, held[topic].get(event)]] : [...held[topic]];
  return records.flatMap(([key, record]) => (record?.[list] ?? []).map((entry) => ({ event: key, entry })));
}

/** What stands, and what went a moment ago and did not come back. */
function withGone(topic, list, event) {
  const standing = entries(topic, list, event);
  const known = new Set(standing.map(keyOf));
  const gone = withdrawn[topic].filter(({ event: of, until }) => (!event || of === event) && until > Date.now());
  const last = new Map(gone.map(({ event: of, entry, reason: why }) => [`${of} ${entry.id} `, { event: of, entry, gone: why || "price" }]));
  return [...standing, ...[...last].filter(([key]) => !known.has(key)).map(([, row]) => row)];
}

/** The two tables of value bets: `draw(event, matches)`. */
export function valueTables(without = []) {
  const kept = (columns) => columns.filter((column) => !without.includes(column.title));
  const open = table({ caption: "Value bets", columns: kept(VALUE), key: keyOf, none: "None is open that matches.", sortBy: "EV", file: "value-bets", why: reasonOf });
  const gated = table({ caption: "Held back", columns: kept(GATED), key: keyOf, none: "Nothing is held back.", sortBy: "EV", file: "held-back" });
  return {
    nodes: [open.whole, gated.whole],
    draw(event, matches = () => true) {
      open.draw(withGone("bets.value", "bets", event).filter(matches));
      gated.draw(entries("bets.value", "gated", event).filter(matches));
    },
  };
}

/** The two tables of arbitrage: `draw(event, matches)`. */
export function arbitrageTables(without = []) {
  const kept = (columns) => columns.filter((column) => !without.includes(column.title));
  const open = table({ caption: "Arbitrage", columns: kept(ARBITRAGE), key: keyOf, none: "None is open that matches.", sortBy: "ROI", file: "arbitrage", why: reasonOf });
  const suspect = table({ caption: "Suspect", columns: kept(SUSPECT), key: keyOf, none: "Nothing is suspect.", sortBy: "ROI", file: "suspect" });
  return {
    nodes: [open.whole, suspect.whole],
    draw(event, matches = () => true) {
      const all = withGone("bets.arbitrage", "arbitrages", event).filter(matches);
      open.draw(all.filter(({ entry }) => !entry.suspect.length));
      suspect.draw(all.filter(({ entry, gone }) => entry.suspect.length && !gone));
    },
  };
}

const sports = (filters) => choice("Sport", "sport", [["", "all"], ...Object.entries(SPORTS)], filters.get("sport"), filters.set);
const markets = (filters) => choice("Market", "market", MARKETS, filters.get("market"), filters.set);

function book(filters) {
  const input = element("input", { name: "book", type: "search", value: filters.get("book"), size: "12", oninput: () => filters.set("book", input.value) });
  return element("label", {}, "Book ", input);
}

const sportOf = (event) => held["games.states"].get(event)?.sport ?? held["games.probabilities"].get(event)?.sport;

function matching(filters) {
  const [sport, kind, part] = ["sport", "market", "book"].map(filters.get);
  return ({ event, entry }) =>
    (!sport || sportOf(event) === sport) && (!kind || entry.market === kind) &&
    (!part || (entry.legs ?? [entry]).some((leg) => leg.book.includes(part)));
}

export const value = {
  title: "Value bets",
  open(root, filters) {
    const { nodes, draw } = valueTables();
    root.append(element("h1", { class: "unseen" }, "Value bets"), element("form", { class: "filters", "aria-label": "Filters" },
      choice("EV from", "ev", LEAST, filters.get("ev"), filters.set),
      sports(filters), markets(filters), book(filters),
      choice("Basis", "basis", [["", "all"], ["consensus", "consensus"], ["model", "model"]], filters.get("basis"), filters.set),
      choice("Seen within", "age", AGES, filters.get("age"), filters.set),
    ), ...nodes);
    return {
      draw() {
        const isOf = matching(filters);
        const [least, basis, within] = [Number(filters.get("ev")), filters.get("basis"), Number(filters.get("age")) * 1000];
        draw("", (row) => isOf(row) && row.entry.expected_value >= least && (!basis || row.entry.basis === basis) &&
          (!within || nowMs - (row.entry.seen_at_ms ?? nowMs) <= within));
      },
      close() {},
    };
  },
};

export const arbitrage = {
  title: "Arbitrage",
  open(root, filters) {
    const { nodes, draw } = arbitrageTables();
    root.append(element("h1", { class: "unseen" }, "Arbitrage"), element("form", { class: "filters", "aria-label": "Filters" },
      choice("Kind", "kind", [["", "arbitrage"], ["middle", "middles"], ["low_hold", "low hold"], ["all", "all"]], filters.get("kind"), filters.set),
      choice("ROI from", "roi", LEAST, filters.get("roi"), filters.set),
      sports(filters), markets(filters), book(filters),
    ), ...nodes);
    return {
      draw() {
        const isOf = matching(filters);
        const kind = filters.get("kind") || "arbitrage";
        const least = filters.get("roi");
        draw("", (row) => isOf(row) && (kind === "all" || row.entry.kind === kind) && (!least || row.entry.roi >= Number(least)));
      },
      close() {},
    };
  },
};
