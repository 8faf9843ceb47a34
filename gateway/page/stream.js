/**
 * A client of the live stream for pages and for Node from 22 on, without dependencies. docs/clients.md shows how to
 * use it, docs/stream.md says what is said on the socket.
 *
 * @typedef {{topic: string, event?: string, sport?: string, league?: string, market?: string, book?: string,
 *   min_expected_value?: number, min_roi?: number}} Channel
 * @typedef {number | "step" | null} Speed  So many times as fast as it was; null is as fast as can be.
 * @typedef {object} Options
 * @property {() => string | Promise<string>} [token]  Asked before each connection.
 * @property {(said: object) => void} [onStatus]  Hears all that is no record, and `{type: "closed", code, wait_ms}`.
 * @property {number} [from]  Unix ms of the log: what stood then, and what came.
 * @property {Speed} [speed]  Of the past.
 * @property {boolean} [live]  After the past go on with what comes.
 * @property {number} [conflateMs]  Of each key at most one update in so long.
 */

const SILENT_MS = 30_000; // a heartbeat comes every 10 s
const LONGEST_WAIT_MS = 30_000;
/** Where the past was cut off it begins again so much earlier: what was told already is left out by its place. */
const OVERLAP_MS = 10_000;

/**
 * Hear what stands on some channels, then all that comes: in order, each once, over any number of connections.
 *
 * @param {string} address  `wss://HOST/v1/stream`
 * @param {Channel[]} channels
 * @param {(channel: string, key: string, record: object | null, message: object) => void} onRecord  null: it is gone.
 * @param {Options} [options]
 * @returns {{pace: (speed: Speed) => void, step: (count?: number) => void, close: () => void}}
 */
export function subscribe(address, channels, onRecord, options = {}) {
  let { token = () => "", onStatus = () => {}, from, speed, live, conflateMs } = options;
  let socket, timer, stood, cursor = "", state = "", tries = 0, retryMs = 0, isOver = false;
  const told = new Map(); // the newest of each channel and key; `stood` is those of a snapshot of everything

  const send = (request) => socket?.readyState === 1 && socket.send(JSON.stringify({ id: 1, ...request }));
  const step = (count = 1) => send({ op: "step", count });
  const pace = (wanted) => send({ op: "pace", speed: (speed = wanted) });
  const close = () => hangUp((isOver = true));

  async function open() {
    try {
      const bearer = await token();
      if (isOver) return;
      socket = new WebSocket(address, bearer ? ["sharpline.v1", `bearer.${bearer}`] : ["sharpline.v1"]);
      socket.onopen = ask;
      socket.onmessage = ({ data }) => hear(JSON.parse(data));
      socket.onclose = ({ code }) => comeBack(code);
      socket.onerror = () => comeBack(1006); // browsers say so twice, Node 20 closes nothing that was never open
      listen();
    } catch (error) {
      comeBack(0, error);
    }
  }

  function ask() {
    state = "asked";
    stood = cursor || from !== undefined ? null : new Set();
    const where = cursor ? { resume: cursor } : from === undefined ? {} : { from, speed, live };
    send({ op: "subscribe", channels, conflate_ms: conflateMs, ...where });
  }

  function hear(said) {
    listen();
    const { type, id, code } = said;
    if (type === "subscribed") state = "live";
    // From the past no cursor is kept until it has been told: resuming would tell the rest of it at once.
    if (said.cursor && (state === "live" || (cursor && id))) cursor = said.cursor;
    if (type === "snapshot" || type === "update") record(said);
    else onStatus(said);
    if (type === "subscribed") forget(said);
    if (type === "playback") from = Math.max(from, said.now_ms - OVERLAP_MS);
    if (said.status === "gap") stood = new Set();
    if (code === "invalid_cursor") cursor = "";
    retryMs = said.retry_after_ms ?? retryMs;
    if (["invalid_cursor", "failed", "busy"].includes(code)) comeBack(0, code);
    else if (type === "ended" || (type === "error" && id && state === "asked")) close();
    else if (id) [state, tries] = [state === "live" ? "live" : "told", 0];
  }

  function record(said) {
    const { channel, key, offset, appended_at_ms } = said;
    const place = JSON.stringify([channel, key]);
    const known = told.get(place);
    stood?.add(place);
    if (known?.offset >= offset && known.appended_at_ms >= appended_at_ms) {
      if (speed === "step" && said.type === "update") step();
      return;
    }
    told.set(place, { offset, appended_at_ms, stands: said.record !== null });
    onRecord(channel, key, said.record, said);
  }

  function forget(said) {
    for (const [place, { stands }] of stood ? told : []) {
      if (!stood.has(place) && told.delete(place) && stands) onRecord(...JSON.parse(place), null, said);
    }
    stood = null;
  }

  function comeBack(code, reason = "") {
    hangUp();
    const wait_ms = retryMs || Math.min(LONGEST_WAIT_MS, 250 * 2 ** tries) * (0.5 + Math.random() / 2);
    [tries, retryMs] = [tries + 1, 0];
    if (!isOver) timer = setTimeout(open, wait_ms);
    onStatus({ type: "closed", code, reason: String(reason), wait_ms });
  }

  function hangUp() {
    clearTimeout(timer);
    if (socket) socket.onopen = socket.onmessage = socket.onclose = socket.onerror = null;
    socket?.close();
  }

  function listen() {
    clearTimeout(timer);
    timer = setTimeout(comeBack, SILENT_MS, 0, "silent");
  }

  open();
  return { pace, step, close };
}
