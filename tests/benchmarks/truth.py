"""What is published, held against what the simulator knows to be true.

Run it: ``make bench ARGS=truth``. Of each value bet the expected value when it was opened, as published and
by the true probability of that moment. Arbitrage: `tests.benchmarks.phantoms`.
"""

import bisect
import json
import tempfile
from collections import defaultdict
from pathlib import Path

import click

from pipeline.records import ChangeKind
from pipeline.replay.archive import ArchiveWriter, read
from pipeline.replay.run import replay
from pipeline.settings import Rules
from pipeline.topics import topic_of
from producers.simulator import simulate

SEED, EVENTS, STARTS = 5, 8, 1_767_225_600_000

Market = tuple[str, str, str, float]  # event, market, scope, line


class Truth:
    """The truth file by market: probabilities in the order of time."""

    def __init__(self, path: Path) -> None:
        self.probabilities: dict[Market, list[tuple[int, list[float]]]] = defaultdict(list)
        for line in path.read_text().splitlines():
            said = json.loads(line)
            if said["record"] == "probabilities":
                for market, scope, at, chances in said["markets"]:
                    self.probabilities[said["event_id"], market, scope, at].append((said["at_ms"], chances))

    def chances(self, where: Market, at_ms: int) -> list[float]:
        """The true probabilities of a market at a moment."""
        path = self.probabilities[where]
        return path[bisect.bisect_right(path, at_ms, key=lambda point: point[0]) - 1][1]


def values(out: Path, truth: Truth) -> None:
    """Print the expected value of the bets of each basis and market, published and true."""
    sums: dict[tuple[str, str], list[float]] = defaultdict(lambda: [0, 0.0, 0.0])
    for message in read(out, "bets.value"):
        opened = {c.id for c in message.record.changes if c.change is ChangeKind.OPENED}
        for bet in (bet for bet in message.record.bets if bet.id in opened):
            where = (message.key, bet.market, bet.scope, bet.line)
            true = truth.chances(where, message.record.received_at_ms)[bet.outcome]
            found = sums[bet.basis, bet.market]
            found[0] += 1
            found[1] += bet.expected_value
            found[2] += bet.price * true - 1.0
    for (basis, market), (count, published, true) in sorted(sums.items()):
        means = f"published {published / count:+.1%}  true {true / count:+.1%}"
        click.echo(f"value      {basis:<10}{market:<10}{count:>6} opened, mean expected value {means}")


def main() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as folder:
        day, out, told = (Path(folder) / name for name in ("day", "out", "truth"))
        with ArchiveWriter(day, 4) as writer, told.open("w") as file:
            for record in simulate(SEED, EVENTS, STARTS, file):
                writer.append(topic_of(type(record)).name, record)
        replay(day, out, Rules(), 4)
        truth = Truth(told)
        click.echo(f"{EVENTS} simulated games, seed {SEED}")
        values(out, truth)


if __name__ == "__main__":
    main()
