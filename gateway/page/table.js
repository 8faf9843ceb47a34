/** Tables that follow what they show: sorted by any column, saved as CSV, cards on a phone. */

import { element, keep, say, show } from "./elements.js";

/** What is gone stands last, and must not push away what is not. */
const MOST_GONE = 5;

/**
 * @typedef {object} Column
 * @property {string} title
 * @property {(row: any) => string | Node[]} text  What people read.
 * @property {(row: any) => string | number} value  What is sorted by and saved.
 * @property {(row: any) => string} [link]
 * @property {boolean} [isNumber]
 * @property {boolean} [isLong]  On a phone it has a line of its own.
 * @property {boolean} [isWhy]  Says of a row that is not valid any more why it is not.
 *
 * @param {{caption: string, columns: Column[], key: (row: any) => string, none: string, sortBy?: string, file?: string,
 *   why?: (row: any) => string}} options  `why`: the row is not valid any more, and for this reason.
 */
export function table({ caption, columns, key, none, sortBy, file, why = () => "" }) {
  let by = columns.find(({ title }) => title === sortBy);
  let isDown = true;
  let rows = [];
  const headings = columns.map((column) => element("th", { scope: "col", class: column.isNumber && "number" },
    element("button", { type: "button", onclick: () => sort(column) }, column.title)));
  const body = element("tbody");
  const empty = element("p", { class: "none" }, none);
  const count = element("span", { class: "count" });
  const save = element("button", { type: "button", class: "save", onclick: () => download(file, columns, rows.filter((row) => !why(row))) }, "CSV");
  const grid = element("table", {}, element("thead", {}, element("tr", {}, ...headings)), body);
  const whole = element("section", { class: "table" },
    element("h2", {}, caption, " ", count, file && save), element("div", { class: "wide", tabindex: 0, role: "group", "aria-label": caption }, grid), empty);

  function sort(column) {
    isDown = by === column ? !isDown : Boolean(column.isNumber);
    by = column;
    draw(rows);
  }

  function draw(wanted) {
    const inOrder = by ? sorted(wanted, by, isDown) : wanted;
    rows = [...inOrder.filter((row) => !why(row)), ...inOrder.filter(why).slice(0, MOST_GONE)];
    headings.forEach((heading, place) => {
      const isBy = columns[place] === by;
      if (isBy) heading.setAttribute("aria-sort", isDown ? "descending" : "ascending");
      else heading.removeAttribute("aria-sort");
    });
    say(count, `${rows.filter((row) => !why(row)).length}`);
    show(empty, !rows.length);
    show(grid, rows.length > 0);
    keep(body, rows, key, () => line(columns), update);
  }

  function update(row, item) {
    const gone = why(item);
    row.classList.toggle("gone", Boolean(gone));
    columns.forEach(({ text, link }, place) => fill(row.children[place], text(item), link?.(item)));
    if (gone) row.title = gone;
  }

  draw([]);
  return { whole, draw };
}

function sorted(rows, { value }, isDown) {
  const turn = isDown ? -1 : 1;
  const compare = (one, other) => (one < other ? -1 : one > other ? 1 : 0);
  return [...rows].sort((one, other) => turn * compare(value(one), value(other)));
}

function line(columns) {
  return element("tr", {}, ...columns.map(({ title, isNumber, isLong, isWhy }) => element("td", { "data-title": title, class: kindOf(isNumber, isLong, isWhy) })));
}

const kindOf = (isNumber, isLong, isWhy) => [isNumber && "number", isLong && "long", isWhy && "why"].filter(Boolean).join(" ") || undefined;

function fill(cell, text, link) {
  if (typeof text !== "string") return cell.replaceChildren(...text);
  if (!link) return say(cell, text);
  if (!cell.firstElementChild) cell.append(element("a"));
  cell.firstElementChild.setAttribute("href", link);
  say(cell.firstElementChild, text);
}

function download(file, columns, rows) {
  const quoted = (value) => (/[",\n]/.test(`${value}`) ? `"${`${value}`.replaceAll('"', '""')}"` : `${value}`);
  const lines = [columns.map(({ title }) => title), ...rows.map((row) => columns.map(({ value }) => value(row)))];
  const text = lines.map((cells) => cells.map(quoted).join(",")).join("\r\n");
  const href = URL.createObjectURL(new Blob([text], { type: "text/csv" }));
  element("a", { href, download: `${file}.csv` }).click();
  setTimeout(() => URL.revokeObjectURL(href), 1_000);
}
