/** Elements of the page, made of text and never of markup: what comes from feeds stays text. */

/** An element with its properties, `class`, `data-` and `aria-` attributes, and its children. */
export function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else if (value === true) made.setAttribute(key, "");
    else if (value !== false && value !== undefined) made.setAttribute(key, value);
  }
  made.append(...children.filter((child) => child !== undefined && child !== null));
  return made;
}

/** Say another text, where it is another: what is the same is not laid out again. */
export function say(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

/** Show or hide. */
export function show(node, isShown) {
  if (node.hidden === isShown) node.hidden = !isShown;
}

/**
 * Have a parent hold one child for each item, in their order: made once, brought up to date, and taken away.
 *
 * @param {Element} parent
 * @param {Array} items
 * @param {(item: any) => string} key
 * @param {(item: any) => Element} make
 * @param {(child: Element, item: any) => void} update
 */
export function keep(parent, items, key, make, update) {
  const known = (parent.kept ??= new Map());
  const wanted = new Map(items.map((item) => [key(item), item]));
  for (const [name, child] of known) {
    if (!wanted.has(name) && known.delete(name)) child.remove();
  }
  let place = parent.firstElementChild;
  for (const [name, item] of wanted) {
    let child = known.get(name);
    if (!child) known.set(name, (child = make(item)));
    update(child, item);
    if (child === place) place = place.nextElementSibling;
    else parent.insertBefore(child, place);
  }
}

/** A choice among options of [value, text]. */
export function choice(label, name, options, chosen, onchange) {
  const select = element("select", { name, onchange: () => onchange(name, select.value) });
  const offered = options.some(([value]) => value === chosen) ? options : [...options, [chosen, chosen]];
  select.append(...offered.map(([value, text]) => element("option", { value }, text)));
  select.value = chosen;
  return element("label", {}, `${label} `, select);
}
