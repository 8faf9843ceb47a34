"""How fast the markets fold is: snapshots of 24 books and 3 markets, beside plain work on the same lines.

Run it: ``python tests/benchmarks/markets_fold.py``. It prints microseconds of its own CPU time a snapshot
(p50, p99), the same for a bare loop over the lines, a JSON decode of them and the codec's own decode, and the
ratios: on a shared machine only those can be compared.
"""

import random
import statistics
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import click
import msgspec

from pipeline import data
from pipeline.codec import decode, encode
from pipeline.records import Line, OddsSnapshot, SnapshotKind
from pipeline.settings import Rules
from pipeline.stages.fold import Input, Row, first_row, fold, next_due_ms, provenance
from pipeline.stages.markets import MARKETS

EVENT = "sim-nfl:2025-09-14:kc-phi"
START_MS = 1_757_872_800_000
SNAPSHOTS, WARM = 600, 100
MARKETS_OF_BOOK = (("h2h", 0.0), ("spread", -3.5), ("total", 44.5))


def priced(draw: random.Random, fair: float) -> tuple[float, float]:
    """Two prices with a margin near 4.5 %, and now and then a little wild."""
    home = min(0.95, max(0.05, draw.gauss(fair, 0.008)))
    return round(1.0 / (home * 1.045), 2), round(1.0 / ((1.0 - home) * 1.045), 2)


def snapshots(share: float) -> Iterator[OddsSnapshot]:
    """Full snapshots every 5 s, of which that share of the lines has new prices."""
    draw = random.Random(7)
    fair = {market: 0.52 for market, _ in MARKETS_OF_BOOK}
    books = [book for book in data.books() if book.startswith("sim-")][:24]
    places = [(book, market, line) for book in books for market, line in MARKETS_OF_BOOK]
    prices = {place: priced(draw, 0.52) for place in places}
    for number in range(SNAPSHOTS):
        for market in fair:
            fair[market] += draw.gauss(0.0, 0.0005)
        for place in draw.sample(places, round(share * len(places))):
            prices[place] = priced(draw, fair[place[1]])
        at_ms = START_MS + number * 5_000
        lines = [
            Line(book=book, market=market, line=line, prices=prices[book, market, line], quoted_at_ms=at_ms)
            for book, market, line in places
        ]
        yield OddsSnapshot(
            event_id=EVENT,
            source="simulator",
            kind=SnapshotKind.FULL,
            received_at_ms=at_ms,
            starts_at_ms=START_MS + 86_400_000,
            lines=tuple(lines),
        )


def microseconds(work: Callable[[Any], Any], items: list[Any]) -> list[float]:
    """How long each item took, after a warm-up."""
    took = []
    for item in items:
        begun = time.thread_time_ns()
        work(item)
        took.append((time.thread_time_ns() - begun) / 1000.0)
    return took[WARM:]


class Folded:
    """The row of one event as snapshots are folded into it, and how many answers followed."""

    def __init__(self) -> None:
        self.rules, self.sent = Rules(), 0
        self.row: Row[Any] = first_row(MARKETS, EVENT, provenance(MARKETS, self.rules))

    def __call__(self, item: tuple[int, OddsSnapshot]) -> None:
        """Fold one more snapshot."""
        offset, snapshot = item
        self.row, news = fold(MARKETS, self.rules, self.row, Input("odds.snapshots", 0, offset, snapshot))
        self.sent += len(news)


def said(name: str, took: list[float], beside: float) -> None:
    """One line of the table."""
    p50, p99 = statistics.median(took), statistics.quantiles(took, n=100)[98]
    click.echo(f"{name:<34}{p50:>9.0f}{p99:>9.0f}{1e6 / statistics.fmean(took):>10.0f}{p50 / beside:>9.1f}")


def main() -> None:
    """Measure and print."""
    rules = Rules()
    click.echo(
        f"{'microseconds a snapshot of 72 lines':<34}{'p50':>8}{'p99':>9}{'a second':>10}{'/ loop':>9}"
    )
    for share in (0.0, 0.1, 1.0):
        given = list(snapshots(share))
        encoded = [encode("odds.snapshots", snapshot) for snapshot in given]
        as_json = [msgspec.json.encode(snapshot) for snapshot in given]
        looped = microseconds(
            lambda item: [(line.book, line.market, line.line) for line in item.lines], given
        )
        beside = statistics.median(looped)
        folded = Folded()
        fold_took = microseconds(folded, list(enumerate(given)))
        row = folded.row
        click.echo(f"-- {share:.0%} of the lines changed, {folded.sent / SNAPSHOTS:.1f} answers a snapshot")
        said("bare loop over the lines", looped, beside)
        said("JSON decode", microseconds(msgspec.json.Decoder(OddsSnapshot).decode, as_json), beside)
        said("codec decode", microseconds(lambda item: decode("odds.snapshots", *item), encoded), beside)
        said("fold", fold_took, beside)
        rows = [row] * SNAPSHOTS
        said("next due", microseconds(partial(next_due_ms, MARKETS, rules), rows), beside)
        said("row encode", microseconds(msgspec.msgpack.encode, rows), beside)
        click.echo(f"row: {len(msgspec.msgpack.encode(row))} bytes")


if __name__ == "__main__":
    main()
