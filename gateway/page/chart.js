/** The chart of a game: what the model and the market gave one outcome, as it came, with what happened marked. */

import { element } from "./elements.js";
import { minute, share, time } from "./wording.js";

const LIBRARY = "page/uPlot.iife.min.js";
const STYLE = "page/uPlot.min.css";
const HEIGHT = 320;
const NARROW = 600;
const MARK_ROOM_PX = 26;

let loading;

/** The library, once; rejected where `make setup` could not install it. */
function library() {
  return (loading ??= new Promise((resolve, reject) => {
    document.head.append(element("link", { rel: "stylesheet", href: STYLE }));
    document.head.append(element("script", { src: LIBRARY, onload: () => resolve(window.uPlot), onerror: reject }));
  }));
}

/**
 * Put two series and their times into the columns of a chart: what stood goes on until another is said.
 *
 * @param {Array<[number, number, number | null, number | null]>} model  Unix ms, probability, low, high.
 * @param {Array<[number, number | null]>} market  Unix ms, probability; null where there is none any more.
 */
export function columns(model, market) {
  const rows = [...model.map((point) => [point[0], 0, point]), ...market.map((point) => [point[0], 1, point])];
  rows.sort((one, other) => one[0] - other[0]);
  const found = [[], [], [], [], []];
  let [probability, low, high, fair] = [null, null, null, null];
  for (const [ms, which, point] of rows) {
    if (which) fair = point[1];
    else [, probability, low, high] = point;
    [ms / 1000, high, low, probability, fair].forEach((value, place) => found[place].push(value));
  }
  return found;
}

/** A chart in `root`; `draw(data, marks)` with marks of [Unix ms, text]. Rejected where there is no library. */
export async function chart(root) {
  const Plot = await library();
  const scheme = matchMedia("(prefers-color-scheme: dark)");
  let plot;
  let data = [[], [], [], [], []];
  let marks = [];

  function make() {
    plot?.destroy();
    const style = getComputedStyle(document.documentElement);
    const colour = (name) => style.getPropertyValue(`--${name}`).trim();
    const isNarrow = root.clientWidth < NARROW;
    const paths = Plot.paths.stepped({ align: 1 });
    const axis = { stroke: colour("quiet"), grid: { stroke: colour("line"), width: 1 }, ticks: { stroke: colour("line"), width: 1 } };
    const percent = (_, value) => (value === null ? "–" : share(value));
    const bound = (label) => ({ label, stroke: "transparent", paths, points: { show: false }, value: percent });
    plot = new Plot({
      width: root.clientWidth,
      height: isNarrow ? 240 : HEIGHT,
      padding: [MARK_ROOM_PX, 20, 0, 0],
      scales: { y: { range: [0, 1] } },
      cursor: { y: false },
      axes: [{ ...axis, values: (_, ticks) => ticks.map((s) => minute(s * 1000)), space: 60 }, { ...axis, size: 52, values: (_, ticks) => ticks.map((tick) => `${Math.round(100 * tick)} %`) }],
      bands: [{ series: [1, 2], fill: colour("band") }],
      series: [
        { label: "Time", value: (_, s) => (s === null ? "–" : time(s * 1000)) },
        bound("at most"),
        bound("at least"),
        { label: "Model", stroke: colour("home"), width: 2, paths, points: { show: false }, value: percent },
        { label: "Market", stroke: colour("market"), width: 2, dash: [5, 3], paths, points: { show: false }, value: percent },
      ],
      hooks: { draw: [(drawn) => drawMarks(drawn, marks, colour("quiet"))] },
    }, data, root);
  }

  const resized = new ResizeObserver(() => {
    if (plot && root.clientWidth) plot.setSize({ width: root.clientWidth, height: plot.height });
  });
  make();
  resized.observe(root);
  scheme.addEventListener("change", make);
  return {
    draw(wanted, wantedMarks) {
      [data, marks] = [wanted, wantedMarks];
      plot.setData(data);
      if (plot.cursor.left < 0) plot.setLegend({ idx: data[0].length - 1 }); // nobody points at anything: the newest
    },
    close() {
      resized.disconnect();
      scheme.removeEventListener("change", make);
      plot.destroy();
    },
  };
}

/** A line for each event, and its text above where there is room. */
function drawMarks(plot, marks, colour) {
  const { ctx, bbox } = plot;
  const scale = devicePixelRatio;
  ctx.save();
  ctx.strokeStyle = ctx.fillStyle = colour;
  ctx.lineWidth = scale;
  ctx.setLineDash([2 * scale, 3 * scale]);
  ctx.font = `${11 * scale}px system-ui, sans-serif`;
  ctx.textAlign = "center";
  let free = -Infinity;
  for (const [ms, text] of marks) {
    const x = Math.round(plot.valToPos(ms / 1000, "x", true));
    if (x < bbox.left || x > bbox.left + bbox.width) continue;
    ctx.beginPath();
    ctx.moveTo(x, bbox.top);
    ctx.lineTo(x, bbox.top + bbox.height);
    ctx.globalAlpha = 0.6;
    ctx.stroke();
    ctx.globalAlpha = 1;
    const half = ctx.measureText(text).width / 2 + 3 * scale;
    if (x - half < free) continue;
    ctx.fillText(text, x, bbox.top - 8 * scale);
    free = x + half;
  }
  ctx.restore();
}
