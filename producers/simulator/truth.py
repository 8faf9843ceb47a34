"""The truth behind a simulation, as JSON lines: what only the simulator knows.

``header``: seed and rates. ``event``: who plays when. ``probabilities``: at each snapshot, the true
probabilities of every line quoted in it. ``faults``: at a snapshot that has any, every quote that is not
honest, with its fault and the prices that its book would really give (0 where none). ``opportunity``: from
when to when the quotes looked like an arbitrage, commission counted, and whether it was one: ``arbitrage``
(``planted`` or not; ``lay`` where at no time backs alone made one), or the fault that made it up. A leg is
outcome, book, price, whether the outcome is laid there, and what an exchange takes of it. ``final``: the end
of a game, null scores where it was not played.
"""

from collections.abc import Sequence
from dataclasses import asdict
from functools import cache
from typing import Any, NamedTuple, TextIO

import msgspec

from pipeline import data
from pipeline.domain.lay import back_after_commission
from pipeline.domain.odds import lay_as_back
from producers.simulator.board import Board, pays_back
from producers.simulator.desks import Quote, books
from producers.simulator.faults import Fault, Window
from producers.simulator.outlook import Outlook
from producers.simulator.rates import RATES
from producers.simulator.schedule import Fixture

Found = dict[str, Any]
Place = tuple[str, str, float, str]  # market, scope, line, kind
Quotes = list[tuple[int, Quote]]  # by book

#: In this order a fault gives its name to what it made up, each by itself.
FAULTS = (
    "swapped",
    "stale",
    "suspended",
    "dropped",
    "stuck",
    "lagging",
    "typed",
    "other_line",
    "other_period",
)


class Leg(NamedTuple):
    """A price of a book. ``net``: of a back without commission that pays as much for what is put at risk."""

    net: float
    outcome: int
    book: int
    price: float
    lay: bool = False
    size_minor: int | None = None


Legs = list[Leg]


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
                for kind, legs, lay in _arbitrages(by_line[line], market.outcomes):
                    planted = kind == "arbitrage" and _planted(board, place, active, legs)
                    found[market.kind, market.scope, line, kind] = {
                        "planted": planted,
                        "pays_back": pays_back(market, line),
                        "lay": lay,
                        "legs": [[leg.outcome, books()[leg.book], *leg[3:]] for leg in legs],
                        "roi": round(_roi(legs), 6),
                    }
        _write(self.file, record="probabilities", event_id=self.fixture.event_id, at_ms=at_ms, markets=rows)
        if faults := _faults(board):
            _write(self.file, record="faults", event_id=self.fixture.event_id, at_ms=at_ms, quotes=faults)
        self._follow(at_ms, found)

    def _follow(self, at_ms: int, found: dict[Place, Found]) -> None:
        for key in sorted(set(self._open) - set(found)):
            self._close(key, at_ms)
        for key, what in found.items():
            first = {**what, "from_ms": at_ms, "best_roi": what["roi"], "best_legs": what["legs"], "polls": 0}
            known = self._open.setdefault(key, first)
            known["polls"] += 1
            known["planted"] = known["planted"] or what["planted"]
            known["lay"] = known["lay"] and what["lay"]
            if what["roi"] > known["best_roi"]:
                known["best_roi"], known["best_legs"] = what["roi"], what["legs"]

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


def _faults(board: Board) -> list[list[Any]]:
    """Every quote at fault: its place, its fault, and the prices that its book really gives there."""
    found = []
    for book, row in enumerate(board.shown):
        for place, quote in enumerate(row):
            if quote is None or not quote.fault:
                continue
            market, real = board.markets[place], board.real[book][place]
            given = real is not None and real.open and real.line == quote.line
            prices = real.prices if real is not None and given else (0.0,) * len(quote.prices)
            found.append([books()[book], market.kind, market.scope, quote.line, quote.fault, prices])
    return found


def _arbitrages(quotes: Quotes, outcomes: int) -> list[tuple[str, Legs, bool]]:
    """What is true and what only looks so, with the legs of each, and whether it takes a lay."""
    honest = [item for item in quotes if item[1].open and not item[1].fault]
    answer = []
    if legs := _best(honest, outcomes):
        answer.append(("arbitrage", legs, not _best(honest, outcomes, lays=False)))
    # At one fault at a time, so that each has its own name.
    for fault in FAULTS:
        spoilt = [item for item in quotes if item[1].fault == fault]
        if not spoilt:
            continue
        legs = _best(honest + spoilt, outcomes, missing=fault == "dropped")
        if any(quote.fault for book, quote in quotes for leg in legs if leg.book == book):
            answer.append((fault, legs, any(leg.lay for leg in legs)))
    return answer


def _best(quotes: Quotes, outcomes: int, missing: bool = False, lays: bool = True) -> Legs:
    """Best legs where they promise a profit. ``missing``: an outcome that nobody offers is overlooked."""
    backs: list[Leg | None] = [
        max(
            [_back(book, quote, outcome) for book, quote in quotes if quote.prices[outcome] > 1.0],
            key=lambda leg: (leg.net, -leg.book),
            default=None,
        )
        for outcome in range(outcomes)
    ]
    offered = [leg for leg in backs if leg is not None]
    choices = [offered] if len(offered) == outcomes or missing else []
    for book, quote in quotes if lays else ():
        # A lay of an outcome is a back of everything else.
        choices += [[leg, _lay(book, quote, leg.outcome)] for leg in offered if quote.waiting is not None]
    paying = [legs for legs in choices if len(legs) > 1 and _roi(legs) > 0.0]
    return max(paying, key=_roi, default=[])


def _back(book: int, quote: Quote, outcome: int) -> Leg:
    price, waiting = quote.prices[outcome], quote.waiting
    size = None if waiting is None else waiting.back_sizes[outcome]
    return Leg(back_after_commission(price, _commission(book)), outcome, book, price, False, size)


def _lay(book: int, quote: Quote, outcome: int) -> Leg:
    assert quote.waiting is not None
    price, size = quote.waiting.lay_prices[outcome], quote.waiting.lay_sizes[outcome]
    return Leg(lay_as_back(price, _commission(book)), outcome, book, price, True, size)


@cache
def _commission(book: int) -> float:
    return data.books()[books()[book]].commission


def _roi(legs: Legs) -> float:
    """Return on what is put at risk, before rounding."""
    return 1.0 / sum([1.0 / leg.net for leg in legs]) - 1.0


def _planted(board: Board, place: int, active: Sequence[Window], legs: Legs) -> bool:
    desks = {
        window.desk % len(board.views)
        for window in active
        if window.fault is Fault.ARBITRAGE and board.market_of(window) == place
    }
    return any(leg.book in board.views[desk].desk.books for desk in desks for leg in legs)
