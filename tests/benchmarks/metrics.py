"""What metrics and log lines cost a worker: CPU time a snapshot with them and without, as fast as it goes.

Run it: ``make bench ARGS=metrics``. The one without is ``python -m tests.benchmarks.metrics`` in place of
``python -m processors``: it counts what it has read, by which it is measured, and tells nothing else.
Both read the same records, each from a broker of its own, in turns.
"""

import statistics
from typing import Any

import click

from processors import runner
from processors.__main__ import main as process
from processors.tally import Tally
from tests.benchmarks.bare import of_a_worker
from tests.benchmarks.board import Load
from tests.benchmarks.system import system

ROUNDS, PRELOADED = 6, 8_000
WAYS = {"with": "processors", "without": "tests.benchmarks.metrics"}


class Silent(Tally):
    """Counts what is read."""

    def decoded(self, *_: Any) -> None:
        """Told nobody."""

    def folded(self, *_: Any) -> None:
        """Told nobody."""

    def acknowledged(self, *_: Any) -> None:
        """Told nobody."""

    def batch(self, *_: Any) -> None:
        """Told nobody."""


def main() -> None:
    """Measure and print."""
    load = Load(rates=((200.0, PRELOADED / 200.0),))
    ratios = []
    click.echo(f"{'ms of CPU a snapshot':<24}{'with':>8}{'without':>9}{'ratio':>8}")
    for number in range(ROUNDS):
        order = list(WAYS) if number % 2 else list(reversed(WAYS))
        found = {}
        for way in order:
            with system() as running:
                running.append(load, whole=True)
                found[way] = of_a_worker(running, load, WAYS[way]).cpu_s
        ratios.append(found["with"] / found["without"])
        times = "".join(f"{1000.0 * found[way] / load.snapshots:>8.3f} " for way in WAYS)
        click.echo(f"{f'round {number + 1}, {order[0]} first':<24}{times}{ratios[-1]:>7.3f}")
    cost = 100 * (statistics.median(ratios) - 1)
    click.echo(f"metrics and log lines cost {cost:.1f} % (median of {ROUNDS} rounds)")


if __name__ == "__main__":
    runner.Tally = Silent  # type: ignore[misc]
    process(prog_name="unmetered")
