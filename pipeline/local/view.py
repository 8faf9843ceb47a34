"""What `sharpline up` shows: games in play, best value bets and arbitrage, rates and lag.

It is a client of the gateway like any other: everything but the lag comes over the socket.
"""

import threading
import time
from collections import deque
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import msgspec
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text
from websockets.exceptions import WebSocketException
from websockets.sync.client import connect

CHANNELS = ("games.states", "games.probabilities", "bets.value", "bets.arbitrage", "bets.results")
IN_PLAY = ("live", "suspended")


@dataclass
class Seen:
    """The last answers that came over the socket, and how many came. One thread writes, one reads."""

    latest: dict[str, dict[str, dict[str, Any]]] = field(default_factory=lambda: {c: {} for c in CHANNELS})
    messages: int = 0
    now_ms: int = 0
    connected: bool = False
    started_s: float = field(default_factory=time.monotonic)
    first_arbitrage_s: float = 0.0
    before: dict[str, deque[float]] = field(default_factory=dict)

    def take(self, message: dict[str, Any]) -> None:
        """Keep what one message of the gateway says."""
        if message.get("type") not in ("snapshot", "update"):
            return
        topic, record = message["channel"], message.get("record")
        if topic not in self.latest:
            return
        self.messages += 1
        key = message.get("key", message["event"])
        if record is None:
            self.latest[topic].pop(key, None)
            return
        self.latest[topic][key] = record
        self.now_ms = max(self.now_ms, record["received_at_ms"])
        if topic == "games.probabilities" and record["game"]:
            self.before.setdefault(key, deque(maxlen=20)).append(record["game"][0])
        if topic == "bets.arbitrage" and not self.first_arbitrage_s and self.open_arbitrages():
            self.first_arbitrage_s = time.monotonic() - self.started_s

    def open_arbitrages(self) -> list[tuple[str, dict[str, Any]]]:
        """Event and arbitrage, the best first, suspects left out."""
        found = [
            (event, one)
            for event, record in list(self.latest["bets.arbitrage"].items())
            for one in record["arbitrages"]
            if not one["suspect"]
        ]
        return sorted(found, key=lambda item: -item[1]["profit_minor"])

    def open_values(self) -> list[tuple[str, dict[str, Any]]]:
        """Event and value bet, the best first."""
        found = [(e, bet) for e, record in list(self.latest["bets.value"].items()) for bet in record["bets"]]
        return sorted(found, key=lambda item: -item[1]["expected_value"])

    def in_play(self) -> list[dict[str, Any]]:
        """States of the games in play, the most even first."""
        states = [s for s in list(self.latest["games.states"].values()) if s["status"] in IN_PLAY]
        return sorted(states, key=lambda state: abs(self.home(state["event_id"]) - 0.5))

    def home(self, event: str) -> float:
        """The home side's probability; 0 where there is none."""
        record = self.latest["games.probabilities"].get(event)
        return float(record["game"][0]) if record and record["game"] else 0.0


def follow(url: str, seen: Seen, stop: threading.Event) -> None:
    """Read the gateway's stream until told to stop; connect again whenever it goes away."""
    channels = [{"topic": topic} for topic in CHANNELS]
    while not stop.is_set():
        try:
            with connect(url, open_timeout=2.0, max_size=None) as socket:
                socket.send(
                    msgspec.json.encode({"op": "subscribe", "id": "view", "channels": channels}).decode()
                )
                seen.connected = True
                while not stop.is_set():
                    try:
                        seen.take(msgspec.json.decode(socket.recv(timeout=0.5)))
                    except TimeoutError:
                        continue
        except (OSError, WebSocketException):
            seen.connected = False
            stop.wait(0.5)


@dataclass(frozen=True)
class Flow:
    """Lag of each group in records, and records a second of each topic."""

    lag: dict[str, int]
    rates: dict[str, float]


def _bar(probability: float, width: int = 16) -> Text:
    home = round(probability * width)
    return Text("█" * home, style="cyan") + Text("░" * (width - home), style="magenta")


def _spark(values: deque[float] | None) -> str:
    return "".join("▁▂▃▄▅▆▇█"[min(7, int(value * 8))] for value in values or ())


def _clock(state: dict[str, Any]) -> str:
    if state["status"] == "suspended":
        return "suspended"
    left = "" if state["clock_s"] < 0 else f" {int(state['clock_s']) // 60}:{int(state['clock_s']) % 60:02d}"
    name = {"baseball": "inn", "soccer": "half", "hockey": "per"}.get(state["sport"], "q")
    return f"{name} {state['period']}{left}"


def _where(one: dict[str, Any]) -> str:
    line = f" {one['line']:+g}" if one["market"] == "spread" else f" {one['line']:g}" if one["line"] else ""
    return f"{one['market']}{line}"


def _side(market: str, outcome: int) -> str:
    if market == "total":
        return ("over", "under")[outcome]
    return ("home", "away", "draw")[outcome]


def _age(now_ms: int, then_ms: int) -> str:
    seconds = max(0, now_ms - then_ms) / 1000
    return f"{seconds:.0f} s" if seconds < 120 else f"{seconds / 60:.0f} min"


def _spoken_ms(quote: dict[str, Any]) -> int:
    """When the book itself last spoke, as far as its source says."""
    return int(quote["quoted_at_ms"] or quote["seen_at_ms"])


def _table(title: str, *columns: str) -> Table:
    table = Table(
        title=title, title_justify="left", expand=True, box=None, pad_edge=False, header_style="dim"
    )
    for column in columns:
        right = column in ("price", "fair", "EV", "stake", "age", "profit", "home")
        table.add_column(column, justify="right" if right else "left", no_wrap=True)
    return table


def picture(seen: Seen, flow: Flow, notes: deque[str], rows: int) -> RenderableType:
    """The live view, for a terminal with this many rows."""
    share = max(3, (rows - 14) // 3)
    live = seen.in_play()
    games = _table(f"In play: {len(live)}", "event", "", "score", "home", "", "of late")
    for state in live[:share]:
        home = seen.home(state["event_id"])
        score = f"{state['home_score']}–{state['away_score']}"
        event = state["event_id"]
        games.add_row(event, _clock(state), score, f"{home:.1%}", _bar(home), _spark(seen.before.get(event)))
    values = seen.open_values()
    value = _table(
        f"Value bets: {len(values)}", "event", "bet", "book", "price", "fair", "EV", "stake", "age"
    )
    for event, bet in values[:share]:
        what = f"{_where(bet)} {_side(bet['market'], bet['outcome'])} ({bet['basis']})"
        fair, gain = f"{1 / bet['probability']:.2f}", f"{bet['expected_value']:+.1%}"
        age = _age(seen.now_ms, _spoken_ms(bet))
        value.add_row(
            event, what, bet["book"], f"{bet['price']:.2f}", fair, gain, f"{bet['stake_share']:.1%}", age
        )
    arbitrages = seen.open_arbitrages()
    sure = _table(f"Arbitrage: {len(arbitrages)}", "event", "market", "legs", "profit", "age")
    for event, one in arbitrages[:share]:
        legs = ", ".join(
            f"{_side(one['market'], leg['outcome'])} {leg['price']:.2f} {leg['book']}" for leg in one["legs"]
        )
        oldest = min(map(_spoken_ms, one["legs"]))
        profit = f"{one['profit_minor'] / one['stake_minor']:.2%}"
        sure.add_row(event, _where(one), legs, profit, _age(seen.now_ms, oldest))
    return Group(_head(seen, flow), games, value, sure, Text("\n".join(notes), style="dim"))


def _head(seen: Seen, flow: Flow) -> Text:
    at = datetime.fromtimestamp(seen.now_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S") if seen.now_ms else "–"
    rates = "  ".join(f"{topic} {rate:.0f}/s" for topic, rate in sorted(flow.rates.items()) if rate >= 0.5)
    lags = "  ".join(f"{group.removeprefix('sharpline.')} {lag}" for group, lag in sorted(flow.lag.items()))
    link = "" if seen.connected else "  (no connection to the gateway)"
    return Text.assemble(
        (at, "bold"),
        " of the games' time",
        (link, "red"),
        "\n",
        ("lag  ", "dim"),
        lags,
        "\n",
        ("flow ", "dim"),
        rates,
    )


def plain(seen: Seen, flow: Flow) -> str:
    """The same on one line, where there is no terminal."""
    at = datetime.fromtimestamp(seen.now_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S") if seen.now_ms else "-"
    values, arbitrages, live = seen.open_values(), seen.open_arbitrages(), seen.in_play()
    best = []
    if live:
        state = live[0]
        score = f"{state['home_score']}-{state['away_score']}"
        best.append(f"{state['event_id']} {_clock(state)} {score} home {seen.home(state['event_id']):.1%}")
    if values:
        event, bet = values[0]
        what = f"{_where(bet)} {_side(bet['market'], bet['outcome'])} {bet['price']:.2f} at {bet['book']}"
        best.append(
            f"value {event} {what} EV {bet['expected_value']:+.1%} age {_age(seen.now_ms, _spoken_ms(bet))}"
        )
    if arbitrages:
        event, one = arbitrages[0]
        books = "/".join(leg["book"] for leg in one["legs"])
        share = one["profit_minor"] / one["stake_minor"]
        oldest = min(map(_spoken_ms, one["legs"]))
        best.append(f"arbitrage {event} {_where(one)} {books} {share:.2%} age {_age(seen.now_ms, oldest)}")
    lags = " ".join(f"{group.removeprefix('sharpline.')}={lag}" for group, lag in sorted(flow.lag.items()))
    odds = flow.rates.get("odds.snapshots", 0.0)
    counts = f"in play {len(live)}, value bets {len(values)}, arbitrage {len(arbitrages)}"
    return "; ".join([f"{at}  {counts}", f"odds {odds:.0f}/s", f"lag {lags}", *best])
