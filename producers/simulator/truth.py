"""The truth behind a simulation, as JSON lines: what only the simulator knows.

``header``: seed and rates. ``event``: who plays when. ``probabilities``: at each snapshot, the true
probabilities of every line quoted in it. ``opportunity``: from when to when the quotes looked like an
arbitrage, and whether it was one: ``arbitrage`` (``planted`` or not), or the name of the fault that made it
up. ``final``: the end of a game, null scores where it was not played.
"""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, TextIO

import msgspec

from producers.simulator.board import Board, Quote, pays_back
from producers.simulator.desks import books
from producers.simulator.faults import Fault, Window
from producers.simulator.outlook import Outlook
from producers.simulator.rates import RATES
from producers.simulator.schedule import Fixture

Found = dict[str, Any]
Place = tuple[str, str, float, str]  # market, scope, line, kind
Quotes = list[tuple[int, Quote]]  # by book
Legs = list[tuple[int, int, float]]  # outcome, book, price


def header(file: TextIO, seed: int, events: int, starts_at_ms: int) -> None:
    """Open the file."""
    _write(file, record="header", seed=seed, events=events, starts_at_ms=starts_at_ms, rates=asdict(RATES))


def _write(file: TextIO, **row: Any) -> None:
    file.write(msgspec.json.encode(row).decode() + "\n")


class Truth:
    """The truth of one event."""

    def __init__(self, file: TextIO, fixture: Fixture) -> None:
        self.file, self.fixture = file, fixture
        self._open: dict[Place, Found] = {}
        _write(
            file,
            record="event",
            event_id=fixture.event_id,
            starts_at_ms=fixture.starts_at_ms,
            home=fixture.home,
            away=fixture.away,
        )

    def snapshot(self, at_ms: int, board: Board, outlook: Outlook, active: Sequence[Window]) -> None:
        """What is true at a snapshot, and what looks like an arbitrage in it."""
        rows = []
        found: dict[Place, Found] = {}
        for place, market in enumerate(board.markets):
            by_line: dict[float, Quotes] = {}
            for book, row in enumerate(board.shown):
                if (quote := row[place]) is not None:
                    by_line.setdefault(quote.line, []).append((book, quote))
            for line in sorted(by_line):
                fair = outlook.fair(market.kind, line)
                rows.append([market.kind, market.scope, line, [round(chance, 6) for chance in fair]])
                for kind, legs in _arbitrages(by_line[line], market.outcomes):
                    planted = kind == "arbitrage" and _planted(board, place, active, legs)
                    found[market.kind, market.scope, line, kind] = {
                        "planted": planted,
                        "pays_back": pays_back(market, line),
                        "legs": [[outcome, books()[book], price] for outcome, book, price in legs],
                        "roi": round(1.0 / sum(1.0 / price for _, _, price in legs) - 1.0, 6),
                    }
        _write(self.file, record="probabilities", event_id=self.fixture.event_id, at_ms=at_ms, markets=rows)
        self._follow(at_ms, found)

    def _follow(self, at_ms: int, found: dict[Place, Found]) -> None:
        for key in sorted(set(self._open) - set(found)):
            self._close(key, at_ms)
        for key, what in found.items():
            known = self._open.setdefault(key, {**what, "from_ms": at_ms, "best_roi": what["roi"]})
            known["planted"] = known["planted"] or what["planted"]
            known["best_roi"] = max(known["best_roi"], what["roi"])

    def _close(self, key: Place, at_ms: int) -> None:
        market, scope, line, kind = key
        _write(
            self.file,
            record="opportunity",
            event_id=self.fixture.event_id,
            market=market,
            scope=scope,
            line=line,
            kind=kind,
            to_ms=at_ms,
            **self._open.pop(key),
        )

    def withdrawn(self, at_ms: int) -> None:
        """The feed shows nothing of the event any more."""
        self._follow(at_ms, {})

    def final(self, status: str, score: tuple[int, int] | None, regulation: tuple[int, int] | None) -> None:
        """The end of the event."""
        _write(
            self.file,
            record="final",
            event_id=self.fixture.event_id,
            status=status,
            score=score,
            regulation=regulation,
        )


def _arbitrages(quotes: Quotes, outcomes: int) -> list[tuple[str, Legs]]:
    """What is true and what only looks so, with the legs (outcome, book, price) of each."""
    honest = [item for item in quotes if item[1].open and not item[1].fault]
    answer = []
    if legs := _best(honest, outcomes):
        answer.append(("arbitrage", legs))
    # At one fault at a time, so that each has its own name.
    for fault in ("swapped", "stale", "suspended", "dropped"):
        spoilt = [item for item in quotes if item[1].fault == fault]
        if not spoilt:
            continue
        legs = _best(honest + spoilt, outcomes, missing=fault == "dropped")
        if legs and any(quote.fault for book, quote in quotes for _, at, _ in legs if at == book):
            answer.append((fault, legs))
    return answer


def _best(quotes: Quotes, outcomes: int, missing: bool = False) -> Legs:
    """Best legs where they promise a profit. ``missing``: an outcome that nobody offers is overlooked."""
    legs = []
    for outcome in range(outcomes):
        price, book = max(((quote.prices[outcome], -book) for book, quote in quotes), default=(0.0, 0))
        if price > 1.0:
            legs.append((outcome, -book, price))
        elif not missing:
            return []
    profits = len(legs) > 1 and sum(1.0 / price for _, _, price in legs) < 1.0
    return legs if profits else []


def _planted(board: Board, place: int, active: Sequence[Window], legs: Legs) -> bool:
    desks = {
        window.desk % len(board.views)
        for window in active
        if window.fault is Fault.ARBITRAGE and board.market_of(window) == place
    }
    return any(book in board.views[desk].desk.books for desk in desks for _, book, _ in legs)
