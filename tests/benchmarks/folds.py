"""How fast the folds are alone: no Kafka, one thread.

Run it: ``make bench ARGS=folds``. Microseconds of this thread's CPU time (p50, p99), how many a second that
is, and the ratio to a bare loop over the lines of a poll in the same run: on a shared machine only ratios can
be compared. First the markets fold on polls of 75 lines, beside the other work that a poll makes; then how
it grows with books and lines; then the games fold with the boosted model of the NFL, on invented games; then
every fold on what it reads of a simulated evening.
"""

import statistics
import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterator
from functools import partial
from itertools import islice
from typing import Any

import click
import msgspec
from msgspec.structs import replace

from pipeline.codec import decode, encode
from pipeline.records import GameEvent, OddsSnapshot
from pipeline.settings import Rules
from pipeline.stages import STAGES
from pipeline.stages.fold import Input, Row, first_row, fold, next_due_ms, provenance
from pipeline.stages.games import GAMES
from pipeline.stages.markets import MARKETS
from pipeline.topics import DAY_MS, topic_of
from producers.simulator import simulate
from tests.benchmarks import board
from tests.benchmarks.board import Board, Load
from tests.pipeline.training.football import season

SNAPSHOTS, INTERVAL_MS = 600, 5_000
#: Of how many of each kind the first are left out: memories fill.
WARM = 100
#: More markets of a game are those of its parts.
SCOPES = ("game", "h1", "h2", "q1", "q2", "q3", "q4", "i1", "i5", "set1")
NFL_GAMES = 20
SEED, EVENTS, RECORDS, STARTS_MS = 1, 12, 6_000, 1_767_225_600_000


def snapshots(
    changed: float, books: int = board.BOOKS, markets: int = 3, count: int = SNAPSHOTS
) -> Iterator[OddsSnapshot]:
    """Full snapshots of one event every 5 s, of which that share of the lines has new prices.

    ``markets`` is how many lines each book shows: three for each part of a game.
    """
    scopes = SCOPES[: markets // len(board.MARKETS)]
    load = Load(books=books, changed=changed)
    boards = [Board(number, load, board.START_MS + DAY_MS) for number in range(len(scopes))]
    for number in range(count):
        shown = [each.snapshot(board.START_MS + number * INTERVAL_MS) for each in boards]
        lines = [
            replace(line, scope=scope)
            for scope, each in zip(scopes, shown, strict=True)
            for line in each.lines
        ]
        yield replace(shown[0], lines=tuple(lines))


def microseconds(work: Callable[[Any], Any], items: list[Any], warm: int = WARM) -> list[float]:
    """How long each item took, after a warm-up."""
    took = []
    for item in items:
        begun = time.thread_time_ns()
        work(item)
        took.append((time.thread_time_ns() - begun) / 1000.0)
    return took[warm:]


class Folded:
    """The row of one event as snapshots are folded into it, and how many answers followed."""

    def __init__(self) -> None:
        self.rules, self.sent = Rules(), 0
        made_with = provenance(MARKETS, self.rules)
        self.row: Row[Any] = first_row(MARKETS, board.event_id(0), made_with)

    def __call__(self, item: tuple[int, OddsSnapshot]) -> None:
        """Fold one more snapshot."""
        offset, snapshot = item
        self.row, news = fold(MARKETS, self.rules, self.row, Input("odds.snapshots", 0, offset, snapshot))
        self.sent += len(news)


def said(name: str, took: list[float], loop: float) -> None:
    """One line of the table."""
    p50, p99 = statistics.median(took), statistics.quantiles(took, n=100)[98]
    click.echo(f"{name:<40}{p50:>8.0f}{p99:>9.0f}{1e6 / statistics.fmean(took):>11,.0f}{p50 / loop:>9.1f}")


def looped(given: list[OddsSnapshot]) -> list[float]:
    """A bare loop over the lines: what everything is held against."""
    return microseconds(lambda each: [(line.book, line.market, line.line) for line in each.lines], given)


def polls(changed: float) -> float:
    """Print what polls of 75 lines cost; what the bare loop did."""
    rules = Rules()
    given = list(snapshots(changed))
    encoded = [encode("odds.snapshots", snapshot) for snapshot in given]
    loop = statistics.median(beside := looped(given))
    folded = Folded()
    took = microseconds(
        folded, [(n, decode("odds.snapshots", *message)) for n, message in enumerate(encoded)]
    )
    rows = [folded.row] * SNAPSHOTS
    click.echo(f"-- {changed:.0%} of the lines changed, {folded.sent / SNAPSHOTS:.1f} answers a snapshot")
    said("bare loop over the lines", beside, loop)
    said("decode", microseconds(lambda message: decode("odds.snapshots", *message), encoded), loop)
    said("fold", took, loop)
    said("next due", microseconds(partial(next_due_ms, MARKETS, rules), rows), loop)
    said("row encode", microseconds(msgspec.msgpack.encode, rows), loop)
    click.echo(f"row: {len(msgspec.msgpack.encode(folded.row))} bytes")
    return loop


def growth(loop: float) -> None:
    """Print how the markets fold grows with the books and with the lines of each."""
    click.echo("-- the markets fold by size, 10% of the lines changed")
    for books, markets in ((5, 3), (15, 3), (30, 3), (60, 3), (25, 9), (25, 30)):
        given = list(snapshots(board.CHANGED, books, markets, SNAPSHOTS // 2))
        took = microseconds(Folded(), list(enumerate(given)), WARM // 2)
        each = statistics.median(took) / len(given[0].lines)
        said(f"{books} books, {markets} lines each ({each:.1f} µs a line)", took, loop)


def evening(loop: float) -> None:
    """Print what each fold takes for what it reads of a simulated evening, answers of the others included."""
    rules, rows = Rules(), dict[tuple[str, str], Row[Any]]()
    took = defaultdict[tuple[str, str], list[float]](list)
    for offset, record in enumerate(islice(simulate(SEED, EVENTS, STARTS_MS), RECORDS)):
        queue = deque([Input(topic_of(type(record)).name, 0, offset, record)])
        while queue:
            source = queue.popleft()
            for stage in [stage for stage in STAGES.values() if source.topic in stage.sources]:
                place = stage.name, record.event_id
                row = rows.get(place) or first_row(stage, record.event_id, provenance(stage, rules))
                begun = time.thread_time_ns()
                rows[place], answers = fold(stage, rules, row, source)
                took[stage.name, source.topic].append((time.thread_time_ns() - begun) / 1000.0)
                queue += [Input(answer.topic, 0, offset, answer.record) for answer in answers]
    click.echo(f"-- every fold on {RECORDS:,} records of {EVENTS} simulated games, seed {SEED}")
    for (stage_name, topic), times in took.items():
        if len(times) > WARM:
            said(f"{stage_name}: {len(times):,} of {topic}", times[WARM:], loop)


def boosters(loop: float) -> None:
    """Print what the games fold takes for a record of a league that has boosted trees."""
    rules, made_with = Rules(), provenance(GAMES, Rules())
    events = [record for record in season(NFL_GAMES) if isinstance(record, GameEvent)]
    rows = {event.event_id: first_row(GAMES, event.event_id, made_with) for event in events}

    def folded(item: tuple[int, GameEvent]) -> None:
        offset, event = item
        source = Input("games.events", 0, offset, event)
        rows[event.event_id], _ = fold(GAMES, rules, rows[event.event_id], source)

    click.echo("-- the games fold with both boosters")
    said(f"{len(events):,} records of {NFL_GAMES} games", microseconds(folded, list(enumerate(events))), loop)


def main() -> None:
    """Measure and print."""
    click.echo(f"{'microseconds, 75 lines':<40}{'p50':>8}{'p99':>9}{'a second':>11}{'/ loop':>9}")
    loop = min([polls(changed) for changed in (0.0, 0.1, 1.0)])
    growth(loop)
    boosters(loop)
    evening(loop)


if __name__ == "__main__":
    main()
