"""One event from its first quote to its end: game records and snapshots in the order of their receipt."""

import random
from collections.abc import Iterator, Sequence
from functools import cache
from typing import TextIO

from pipeline import data
from pipeline.records import Depth, GameEvent, GameStatus, Line, OddsSnapshot, QuoteStatus, Seen, SnapshotKind
from producers.simulator.baseball import BaseballGame
from producers.simulator.board import Board
from producers.simulator.desks import Quote, books
from producers.simulator.faults import Fault, phantoms, windows
from producers.simulator.football import FootballGame
from producers.simulator.games import Game
from producers.simulator.goals import HockeyGame, SoccerGame
from producers.simulator.hoops import BasketballGame
from producers.simulator.rates import RATES
from producers.simulator.schedule import SOURCE, Fixture
from producers.simulator.truth import Truth

#: From the poll to its answer.
ANSWER_MS = (150, 900)
#: Snapshots of which more has changed than this share are sent whole.
MOST_CHANGED = 0.7
CLOSE_TO_START_MS = 120_000
#: The first events have an arbitrage from their first snapshot on: whoever looks has something to see.
OPENING_EVENTS = 5


@cache
def regions() -> tuple[str, ...]:
    """Regions of the simulated books."""
    return tuple(sorted({data.books()[key].region for key in books()}))


def game(league: str, rng: random.Random) -> Game:
    """A game of a league, about to start."""
    row = data.leagues()[league]
    match row.sport:
        case "soccer":
            return SoccerGame(rng, (row.home_rate, row.away_rate))
        case "hockey":
            return HockeyGame(rng, (row.home_rate, row.away_rate))
        case "basketball":
            return BasketballGame(rng)
        case "baseball":
            return BaseballGame(rng)
        case _:
            return FootballGame(rng)


class Event:
    """The two feeds of one event."""

    def __init__(self, seed: int, fixture: Fixture, truth: TextIO | None) -> None:
        self.fixture = fixture
        self.rng = random.Random(f"{seed}/event/{fixture.number}")
        # One of its own, so that how the two feeds are read together does not change what is drawn.
        self.feed_rng = random.Random(f"{seed}/feed/{fixture.number}")
        sport = data.leagues()[fixture.league].sport
        self.game = game(fixture.league, self.rng)
        self.before = self.game.state()
        self.postponed = self.rng.random() < RATES.postponed_share
        self.started_at_ms = fixture.starts_at_ms + int(self.rng.uniform(*RATES.late_start_s) * 1000)
        self.steps = [] if self.postponed else list(self.game.steps())
        self.ended_at_ms = self.started_at_ms + (self.steps[-1].at_ms if self.steps else 60_000)
        exchange_rng = random.Random(f"{seed}/exchange/{fixture.number}")
        self.board = Board(self.rng, exchange_rng, sport)
        self.windows = windows(
            self.rng, fixture.first_at_ms, self.ended_at_ms, opening=fixture.number < OPENING_EVENTS
        )
        phantom_rng = random.Random(f"{seed}/phantoms/{fixture.number}")
        self.windows += phantoms(phantom_rng, fixture.first_at_ms, self.ended_at_ms)
        self.truth = None if truth is None else Truth(truth, fixture)
        self.full_at_ms = 0

    def records(self) -> Iterator[GameEvent | OddsSnapshot]:
        """All records, by `received_at_ms`."""
        feed = self._feed()
        said = next(feed, None)
        for snapshot in self._snapshots():
            while said is not None and said.received_at_ms <= snapshot.received_at_ms:
                yield said
                said = next(feed, None)
            yield snapshot
        while said is not None:
            yield said
            said = next(feed, None)
        self._settle()

    def _feed(self) -> Iterator[GameEvent]:
        """What the feed says of the game, each a little after it happened, in its order."""
        received_ms = self.fixture.first_at_ms
        yield self._said(0, received_ms, received_ms, "scheduled", GameStatus.SCHEDULED)
        number = 1
        last_score = ""
        if self.postponed:
            at_ms = self.started_at_ms
            yield self._said(1, at_ms, at_ms + self._delay_ms(), "postponed", GameStatus.POSTPONED)
            return
        for step in self.steps:
            shown = step.shown
            if shown is None:
                continue
            at_ms = self.started_at_ms + step.at_ms
            received_ms = max(received_ms, at_ms + self._delay_ms())
            yield GameEvent(
                event_id=self.fixture.event_id,
                source=SOURCE,
                source_event_id=str(number),
                supersedes=last_score if shown.corrects else "",
                kind=shown.kind,
                received_at_ms=received_ms,
                happened_at_ms=at_ms,
                sequence=number,
                starts_at_ms=self.fixture.starts_at_ms,
                status=shown.status,
                period=shown.period,
                clock_s=shown.clock_s,
                home_score=shown.home,
                away_score=shown.away,
                suspended=shown.suspended,
                situation=shown.situation,
                text=shown.text,
            )
            if shown.kind == "score":
                last_score = str(number)
            number += 1

    def _said(self, number: int, at_ms: int, received_ms: int, kind: str, status: GameStatus) -> GameEvent:
        return GameEvent(
            event_id=self.fixture.event_id,
            source=SOURCE,
            source_event_id=str(number),
            kind=kind,
            received_at_ms=received_ms,
            happened_at_ms=at_ms,
            sequence=number,
            starts_at_ms=self.fixture.starts_at_ms,
            status=status,
        )

    def _delay_ms(self) -> int:
        delay_s = self.feed_rng.uniform(*RATES.feed_delay_s)
        if self.feed_rng.random() < RATES.slow_feed_share:
            delay_s += self.feed_rng.uniform(0.0, RATES.slow_feed_s)
        return int(delay_s * 1000)

    def _snapshots(self) -> Iterator[OddsSnapshot]:
        at_ms = self.fixture.first_at_ms
        place, state = 0, self.before
        shown_last = True
        while True:
            while place < len(self.steps) and self.started_at_ms + self.steps[place].at_ms <= at_ms:
                step = self.steps[place]
                state, place = step.state, place + 1
                if step.shown is not None and step.shown.stops:
                    self.board.stop(self.started_at_ms + step.at_ms)
            received_ms = at_ms + self.rng.randrange(*ANSWER_MS)
            if at_ms >= self.ended_at_ms:
                if self.truth is not None:
                    self.truth.withdrawn(received_ms)
                yield self._snapshot(SnapshotKind.GONE, received_ms)
                return
            active = [window for window in self.windows if window.from_ms <= at_ms < window.to_ms]
            outlook = self.game.outlook(state)
            old = [row[:] for row in self.board.shown]
            changed = self.board.poll(at_ms, outlook, at_ms >= self.started_at_ms, active)
            shown = not any(window.fault is Fault.OUTAGE for window in active)
            if shown:
                yield self._quotes(received_ms, changed, old)
                if self.truth is not None:
                    self.truth.snapshot(received_ms, self.board, outlook, active)
            elif shown_last:
                self.full_at_ms = 0
                if self.truth is not None:
                    self.truth.withdrawn(received_ms)
                yield self._snapshot(SnapshotKind.GONE, received_ms)
            shown_last = shown
            close = at_ms >= self.fixture.starts_at_ms - CLOSE_TO_START_MS
            wait_s = RATES.poll_live_s if close else RATES.poll_before_s
            at_ms += int(wait_s * 1000 * self.rng.uniform(0.92, 1.08))

    def _quotes(
        self, received_ms: int, changed: list[tuple[int, int]], old: list[list[Quote | None]]
    ) -> OddsSnapshot:
        """The smallest snapshot that says how the board stands now."""
        board = self.board
        count = sum(quote is not None for row in board.shown for quote in row)
        if received_ms - self.full_at_ms > RATES.full_s * 1000 or len(changed) > MOST_CHANGED * count:
            self.full_at_ms = received_ms
            whole = [
                (book, place, quote)
                for book, row in enumerate(board.shown)
                for place, quote in enumerate(row)
                if quote is not None
            ]
            return self._snapshot(SnapshotKind.FULL, received_ms, whole)
        lines: list[tuple[int, int, Quote]] = []
        for book, place in changed:
            quote, before = board.shown[book][place], old[book][place]
            if before is not None and quote is not None and before.line != quote.line:
                # A delta says nothing of what it leaves out, so the line that is no longer offered is named.
                none = Quote(before.line, (0.0,) * len(before.prices), True)
                lines.append((book, place, none))
            if quote is not None:
                lines.append((book, place, quote))
        seen = tuple(
            [
                Seen(book=key, quoted_at_ms=quoted_at_ms)
                for key, quoted_at_ms in zip(books(), board.quoted_at_ms, strict=True)
                if quoted_at_ms
            ]
        )
        kind = SnapshotKind.DELTA if lines else SnapshotKind.UNCHANGED
        return self._snapshot(kind, received_ms, lines, seen)

    def _line(self, book: int, place: int, quote: Quote) -> Line:
        market = self.board.markets[place]
        return Line(
            book=books()[book],
            market=market.kind,
            scope=market.scope,
            line=quote.line,
            prices=quote.prices,
            status=QuoteStatus.OPEN if quote.open else QuoteStatus.SUSPENDED,
            quoted_at_ms=self.board.quoted_at_ms[book],
        )

    def _depth(self, book: int, place: int, quote: Quote) -> Iterator[Depth]:
        """What waits at an exchange's line, in the snapshot that has the line."""
        if quote.waiting is not None:
            market = self.board.markets[place]
            yield Depth(
                book=books()[book],
                market=market.kind,
                scope=market.scope,
                line=quote.line,
                **quote.waiting._asdict(),
            )

    def _snapshot(
        self,
        kind: SnapshotKind,
        received_ms: int,
        quotes: Sequence[tuple[int, int, Quote]] = (),
        seen: tuple[Seen, ...] = (),
    ) -> OddsSnapshot:
        return OddsSnapshot(
            event_id=self.fixture.event_id,
            source=SOURCE,
            kind=kind,
            received_at_ms=received_ms,
            starts_at_ms=self.fixture.starts_at_ms,
            markets=tuple([market.kind for market in self.board.markets]),
            regions=regions(),
            lines=tuple([self._line(*quoted) for quoted in quotes]),
            depth=tuple([depth for quoted in quotes for depth in self._depth(*quoted)]),
            seen=seen,
        )

    def _settle(self) -> None:
        if self.truth is None:
            return
        if self.postponed:
            self.truth.final("postponed", None, None)
            return
        home, away = self.game.score
        self.truth.final("final", (home, away), self.game.regulation or (home, away))
