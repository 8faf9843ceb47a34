/** The page: which view the address names, and what stands around each of them. */

import { arbitrage, value } from "./bets.js";
import { say, show } from "./elements.js";
import * as game from "./game.js";
import * as games from "./games.js";
import { ask, connection, listen, listenWith, nowMs, whenChanged } from "./live.js";
import { notationOfPrices, time, writePricesIn, zone } from "./wording.js";

const VIEWS = { "": games, value, arbitrage, game };
const main = document.getElementById("main");
const status = document.getElementById("connection");
const prices = document.getElementById("prices");
const form = document.getElementById("token");
let view;

/** `#/view/event?filters`: what is looked at can be sent to somebody else. */
function place() {
  const [path, query = ""] = location.hash.replace(/^#\/?/, "").split("?");
  const [name, ...rest] = path.split("/");
  return { name: name in VIEWS ? name : "", event: decodeURIComponent(rest.join("/")), query };
}

function go() {
  const { name, event, query } = place();
  const chosen = new URLSearchParams(query);
  const filters = {
    get: (key) => chosen.get(key) ?? "",
    set(key, wanted) {
      if (wanted) chosen.set(key, wanted);
      else chosen.delete(key);
      const asked = `${chosen}`;
      history.replaceState(null, "", location.hash.split("?")[0] + (asked ? `?${asked}` : "") || "#/");
      view.draw();
    },
  };
  const isFirst = !view;
  view?.close();
  main.replaceChildren();
  view = VIEWS[name].open(main, filters, event);
  document.title = `${view.title ?? VIEWS[name].title} · Sharpline`;
  for (const link of document.querySelectorAll("nav a")) {
    const isHere = link.hash.replace(/^#\/?/, "") === name;
    if (isHere) link.setAttribute("aria-current", "page");
    else link.removeAttribute("aria-current");
  }
  draw();
  if (!isFirst) {
    scrollTo(0, 0);
    main.focus({ preventScroll: true });
  }
}

function draw() {
  if (status.dataset.state !== connection.state) status.dataset.state = connection.state;
  say(status, connection.text);
  say(document.getElementById("now"), time(nowMs));
  view.draw();
}

/** A gateway that asks for tokens is asked with the one that the viewer gives; it is gone with the tab. */
async function checkToken() {
  try {
    await ask("v1/sports");
    show(form, false);
  } catch (error) {
    show(form, error.status === 401);
  }
}

prices.value = notationOfPrices();
prices.addEventListener("change", () => {
  writePricesIn(prices.value);
  draw();
});
form.addEventListener("submit", (submitted) => {
  submitted.preventDefault();
  listenWith(new FormData(form).get("token"));
  form.reset();
  checkToken();
});
document.addEventListener("submit", (submitted) => submitted.preventDefault());
addEventListener("hashchange", go);
say(document.getElementById("zone"), zone);
whenChanged(draw);
listen();
go();
checkToken();
