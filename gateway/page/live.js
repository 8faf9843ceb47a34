/** What the socket says of all games, held as it stands, and whether it can be believed to be now. */

import { subscribe } from "./stream.js";

const TOPICS = ["games.states", "games.probabilities", "bets.value", "bets.arbitrage"];
const TOKEN = "sharpline.token";
/** Of a sparkline: the home side's probabilities as they came since the page was opened. */
const TRAIL = 40;

/** By topic and event the newest record. */
export const held = Object.fromEntries(TOPICS.map((topic) => [topic, new Map()]));
/** By event the last probabilities of its home side. */
export const trails = new Map();
/** The log's own time, as far as anything has told it: ages count from it. */
export let nowMs = 0;
/** How the connection is: `state` for the style, `text` for people. */
export const connection = { state: "connecting", text: "Connecting …", since: 0 };

/** Opportunities that were withdrawn a moment ago, and why: shown until people have seen it. */
export const withdrawn = { "bets.value": [], "bets.arbitrage": [] };
const SHOWN_GONE_MS = 8_000;

const listeners = new Set();
let subscription;
let isDrawing = false;

export const address = () => new URL("v1/stream", location.href).href.replace(/^http/, "ws").replace(/#.*/, "");
export const token = () => sessionStorage.getItem(TOKEN) ?? "";

/** Be told, at most once a frame, that something is another. The answer ends it. */
export function whenChanged(listener) {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

/** Say that something is to be drawn. */
export function changed() {
  if (isDrawing) return;
  isDrawing = true;
  // Ten times a second is all that people can read; a hidden page draws once it is looked at.
  setTimeout(() => requestAnimationFrame(() => {
    isDrawing = false;
    for (const listener of listeners) listener();
  }), 100);
}

/** Ask over HTTP, with the token where there is one. Throws where the answer is none. */
export async function ask(path) {
  const bearer = token();
  const answer = await fetch(path, bearer ? { headers: { Authorization: `Bearer ${bearer}` } } : {});
  if (!answer.ok) throw Object.assign(new Error(`${path}: ${answer.status}`), { status: answer.status });
  return answer.json();
}

/** Listen with this token from now on. */
export function listenWith(given) {
  sessionStorage.setItem(TOKEN, given);
  listen();
}

/** Hear all games, from now until the page goes. */
export function listen() {
  subscription?.close();
  const channels = TOPICS.map((topic) => ({ topic }));
  subscription = subscribe(address(), channels, heard, { token, onStatus });
}

/** Time has come to at least this. */
export function comeTo(ms) {
  if (ms > nowMs) nowMs = ms;
}

function heard(topic, key, record) {
  if (topic in withdrawn && record) remember(topic, key, record);
  if (record === null) held[topic].delete(key);
  else held[topic].set(key, record);
  if (record) comeTo(record.received_at_ms);
  if (topic === "games.probabilities") follow(key, record);
  changed();
}

function remember(topic, event, record) {
  const before = held[topic].get(event);
  const listed = before?.bets ?? before?.arbitrages ?? [];
  const gone = withdrawn[topic];
  for (const { id, change, reason } of record.changes) {
    const found = change === "withdrawn" && listed.find((entry) => entry.id === id);
    if (found) gone.push({ event, entry: found, reason, until: Date.now() + SHOWN_GONE_MS });
  }
  withdrawn[topic] = gone.filter(({ until }) => until > Date.now());
}

function follow(event, record) {
  if (!record?.game.length || record.status !== "live") return trails.delete(event);
  const trail = trails.get(event) ?? [];
  trail.push(record.game[0]);
  trails.set(event, trail.slice(-TRAIL));
}

const WORDS = {
  starting: "The gateway is starting: what it has not read yet is not shown",
  stale: "Stale: time has stopped in the log; nothing here is newer than what you see",
  broker_away: "Stale: the gateway has lost its broker; nothing here is newer than what you see",
  draining: "The gateway goes down; connecting again soon",
  gap: "Something was missed while the connection was away; what stands now is shown",
};

function onStatus(said) {
  comeTo(said.now_ms ?? 0);
  if (said.type === "closed") {
    const wait = Math.ceil(said.wait_ms / 1000);
    cut(`Connection lost: what you see is of before; trying again in ${wait} s`);
  } else if (said.type === "status" && said.status !== "live" && said.status !== "gap") {
    tell(said.status === "starting" ? "connecting" : "stale", WORDS[said.status] ?? said.text);
  } else if (said.status === "gap") tell("gap", WORDS.gap);
  else if (said.type === "error") tell("stale", `Refused: ${said.message}`);
  else if (said.type === "subscribed") tell("live", said.recovered && connection.wasCut ? "Live: resumed, nothing missed" : "Live");
  else if (said.status === "live" && connection.state === "stale") tell("live", "Live");
  changed();
}

function cut(text) {
  connection.wasCut = true;
  tell("cut", text);
}

function tell(state, text) {
  Object.assign(connection, { state, text, since: Date.now() });
}
