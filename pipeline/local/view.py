"""What `sharpline up` shows: games in play, the best of every opportunity, steam, rates and lag.

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

from pipeline.records import SIDES

CHANNELS = (
    "games.states",
    "games.probabilities",
    "odds.moves",
    "bets.value",
    "bets.arbitrage",
    "bets.results",
)
IN_PLAY = ("live", "suspended")
#: Rows of a terminal that have room for five tables: one with fewer shows three.
FIVE_TABLES = 32
#: Lines above the tables, and of notes below.
AROUND = 7
#: An event and something in an answer about it.
Found = tuple[str, dict[str, Any]]


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
        if message.get("type") == "heartbeat":  # live, time goes on though nothing else comes
            self.now_ms = max(self.now_ms, message["now_ms"])
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

    def open_arbitrages(self) -> list[Found]:
        """Event and arbitrage, the best first; what is suspect is none."""
        return sorted(self._open("arbitrage"), key=lambda item: -item[1]["profit_minor"])

    def open_others(self) -> list[Found]:
        """Event and middle, the best first, then event and low hold."""
        middles = sorted(self._open("middle"), key=lambda item: -item[1]["expected_value"])
        return middles + sorted(self._open("low_hold"), key=lambda item: -item[1]["profit_minor"])

    def suspects(self) -> int:
        """How many look like bad data."""
        return sum(bool(one["suspect"]) for _, one in self._listed("bets.arbitrage", "arbitrages"))

    def gated(self) -> int:
        """How many prices are kept from being bets."""
        return len(self._listed("bets.value", "gated"))

    def judged(self) -> tuple[int, int]:
        """How many arbitrages of these events have been judged, and how many of them were phantoms."""
        records = list(self.latest["bets.arbitrage"].values())
        return sum(each["judged"] for each in records), sum(each["phantoms"] for each in records)

    def steam(self) -> list[Found]:
        """Event and steam, the newest first."""
        return sorted(self._listed("odds.moves", "steam"), key=lambda item: -item[1]["at_ms"])

    def open_values(self) -> list[Found]:
        """Event and value bet, the best first."""
        return sorted(self._listed("bets.value", "bets"), key=lambda item: -item[1]["expected_value"])

    def in_play(self) -> list[dict[str, Any]]:
        """States of the games in play, the most even first."""
        states = [s for s in list(self.latest["games.states"].values()) if s["status"] in IN_PLAY]
        return sorted(states, key=lambda state: abs(self.home(state["event_id"]) - 0.5))

    def home(self, event: str) -> float:
        """The home side's probability; 0 where there is none."""
        record = self.latest["games.probabilities"].get(event)
        return float(record["game"][0]) if record and record["game"] else 0.0

    def _open(self, kind: str) -> list[Found]:
        found = self._listed("bets.arbitrage", "arbitrages")
        return [(event, one) for event, one in found if one["kind"] == kind and not one["suspect"]]

    def _listed(self, topic: str, name: str) -> list[Found]:
        return [(event, one) for event, record in list(self.latest[topic].items()) for one in record[name]]


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
    """The market; of a middle each leg has a line of its own."""
    line = "" if one.get("kind") == "middle" else _line(one["market"], 0, one["line"])
    return f"{one['market']}{line}"


def _line(market: str, outcome: int, line: float) -> str:
    if market == "spread":
        return f" {-line if outcome else line:+g}"
    return f" {line:g}" if line else ""


def _leg(one: dict[str, Any], leg: dict[str, Any]) -> str:
    line = _line(one["market"], leg["outcome"], leg["line"]) if one["kind"] == "middle" else ""
    side = "lay " if leg["side"] == "lay" else ""
    return f"{side}{SIDES[one['market']][leg['outcome']]}{line} {leg['price']:.2f} {leg['book']}"


def _legs(one: dict[str, Any]) -> str:
    return ", ".join(_leg(one, leg) for leg in one["legs"])


def _worth(one: dict[str, Any]) -> str:
    """Per unit at risk: a middle's expected value, and how often it hits, else the worst profit."""
    if one["kind"] == "middle":
        return f"{one['expected_value']:+.1%}, hits {one['hit_probability']:.0%}"
    return f"{one['profit_minor'] / one['stake_minor']:.2%}"


def _oldest_ms(one: dict[str, Any]) -> int:
    return min(map(_spoken_ms, one["legs"]))


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
        right = column in ("price", "fair", "EV", "stake", "age", "profit", "worth", "home")
        # What can be long gives way: it is cut before anything else is.
        share = 1 if column in ("legs", "desks") else None
        table.add_column(column, justify="right" if right else "left", no_wrap=True, ratio=share)
    return table


def picture(seen: Seen, flow: Flow, notes: deque[str], rows: int) -> RenderableType:
    """The live view, for a terminal with this many rows."""
    tables = 5 if rows >= FIVE_TABLES else 3
    share = max(3, (rows - AROUND) // tables - 2)
    shown = [_games(seen, share), _values(seen, share), _arbitrages(seen, share)]
    if tables == 5:
        shown += [_others(seen, share), _steam(seen, share)]
    return Group(_head(seen, flow), *shown, Text("\n".join(notes), style="dim"))


def _games(seen: Seen, share: int) -> Table:
    live = seen.in_play()
    games = _table(f"In play: {len(live)}", "event", "", "score", "home", "", "of late")
    for state in live[:share]:
        event, home = state["event_id"], seen.home(state["event_id"])
        score = f"{state['home_score']}–{state['away_score']}"
        games.add_row(event, _clock(state), score, f"{home:.1%}", _bar(home), _spark(seen.before.get(event)))
    return games


def _values(seen: Seen, share: int) -> Table:
    values = seen.open_values()
    title = f"Value bets: {len(values)}, gated {seen.gated()}"
    table = _table(title, "event", "bet", "book", "price", "fair", "EV", "stake", "age")
    for event, bet in values[:share]:
        what = f"{_where(bet)} {SIDES[bet['market']][bet['outcome']]} ({bet['basis']})"
        fair, gain = f"{1 / bet['probability']:.2f}", f"{bet['expected_value']:+.1%}"
        # Beside a better bet of the event it gets no stake.
        stake = f"{bet['stake_share']:.1%}" if bet["stake_share"] else "-"
        age = _age(seen.now_ms, _spoken_ms(bet))
        table.add_row(event, what, bet["book"], f"{bet['price']:.2f}", fair, gain, stake, age)
    return table


def _arbitrages(seen: Seen, share: int) -> Table:
    found = seen.open_arbitrages()
    title = f"Arbitrage: {len(found)}, suspect {seen.suspects()}, {_phantoms(seen)}"
    table = _table(title, "event", "market", "legs", "profit", "age")
    for event, one in found[:share]:
        table.add_row(event, _where(one), _legs(one), _worth(one), _age(seen.now_ms, _oldest_ms(one)))
    return table


def _others(seen: Seen, share: int) -> Table:
    found = seen.open_others()
    middles = sum(one["kind"] == "middle" for _, one in found)
    table = _table(
        f"Middles: {middles}, low hold {len(found) - middles}", "event", "market", "legs", "worth", "age"
    )
    for event, one in found[:share]:
        what = _where(one) + (" middle" if one["kind"] == "middle" else "")
        table.add_row(event, what, _legs(one), _worth(one), _age(seen.now_ms, _oldest_ms(one)))
    return table


def _steam(seen: Seen, share: int) -> Table:
    found = seen.steam()
    table = _table(f"Steam: {len(found)}", "event", "towards", "first", "desks", "why", "age")
    for event, one in found[:share]:
        towards = f"{_where(one)} {SIDES[one['market']][one['outcome']]}"
        desks = f"{len(one['desks'])}: {', '.join(step['desk'] for step in one['desks'])}"
        age = _age(seen.now_ms, one["since_ms"])
        table.add_row(event, towards, one["first_desk"] or "-", desks, one["cause"], age)
    return table


def _phantoms(seen: Seen) -> str:
    judged, phantoms = seen.judged()
    return f"phantoms {phantoms} of {judged} judged"


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
    others, steam = seen.open_others(), seen.steam()
    best = []
    if live:
        state = live[0]
        score = f"{state['home_score']}-{state['away_score']}"
        best.append(f"{state['event_id']} {_clock(state)} {score} home {seen.home(state['event_id']):.1%}")
    if values:
        event, bet = values[0]
        what = f"{_where(bet)} {SIDES[bet['market']][bet['outcome']]} {bet['price']:.2f} at {bet['book']}"
        best.append(
            f"value {event} {what} EV {bet['expected_value']:+.1%} age {_age(seen.now_ms, _spoken_ms(bet))}"
        )
    if arbitrages:
        event, one = arbitrages[0]
        age = _age(seen.now_ms, _oldest_ms(one))
        best.append(f"arbitrage {event} {_where(one)} {_legs(one)}: {_worth(one)} age {age}")
    if others and others[0][1]["kind"] == "middle":
        event, one = others[0]
        best.append(f"middle {event} {_where(one)} {_legs(one)}: {_worth(one)}")
    if steam:
        event, one = steam[0]
        towards = f"{_where(one)} {SIDES[one['market']][one['outcome']]}"
        best.append(f"steam {event} {towards} {len(one['desks'])} desks, first {one['first_desk'] or '-'}")
    lags = " ".join(f"{group.removeprefix('sharpline.')}={lag}" for group, lag in sorted(flow.lag.items()))
    odds = flow.rates.get("odds.snapshots", 0.0)
    middles = sum(one["kind"] == "middle" for _, one in others)
    counts = [
        f"in play {len(live)}",
        f"value bets {len(values)}",
        f"gated {seen.gated()}",
        f"arbitrage {len(arbitrages)}",
        f"suspect {seen.suspects()}",
        f"middles {middles}",
        f"low hold {len(others) - middles}",
        f"steam {len(steam)}",
        _phantoms(seen),
    ]
    return "; ".join([f"{at}  {', '.join(counts)}", f"odds {odds:.0f}/s", f"lag {lags}", *best])
