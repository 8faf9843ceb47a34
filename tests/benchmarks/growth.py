"""How the cost of a snapshot grows: with events, books, partitions and workers.

Run it: ``make bench ARGS=growth``. Short steps of a steady 200 snapshots a second, each on a fresh system:
CPU time of the workers a snapshot, and the milliseconds from a snapshot sent to its last answer polled. Every
event has been shown once before, so its row is there; nothing grows stale meanwhile.
"""

import click

from tests.benchmarks.board import Load
from tests.benchmarks.latency import delays, last_answers, percentiles
from tests.benchmarks.system import SNAPSHOTS, system

RATE, WARM_S, MEASURED_S = 200.0, 4.0, 7.0
PARTITIONS, WORKERS = 4, 1
BASE = Load(rates=((RATE, WARM_S + MEASURED_S),))
#: Of the steps in events: ten thousand boards of 75 lines would take a minute to show once.
FEW_BOOKS = 10


def step(name: str, load: Load, partitions: int = PARTITIONS, workers: int = WORKERS) -> None:
    """Measure one step and print its line."""
    with system(partitions) as running:
        running.append(load, whole=False)
        running.start("markets", workers)
        run = running.run(load, every_s=1.0).after(WARM_S)
    p50, p99, _ = percentiles(delays(run, SNAPSHOTS, last_answers(run.answers)).polled_ms)
    late_ms = percentiles([mark.late_ms for mark in run.marks])[1]
    click.echo(f"{name:<34}{run.cpu_ms:>10.2f}{p50:>8.1f}{p99:>8.1f}{late_ms:>11.2f}")


def main() -> None:
    """Measure and print."""
    columns = f"{'CPU ms':>10}{'p50 ms':>8}{'p99 ms':>8}{'load late':>11}"
    click.echo(f"{f'{RATE:.0f} snapshots a second':<34}{columns}")
    for events in (10, 100, 1_000, 10_000):
        step(f"{events:,} events of {FEW_BOOKS} books", BASE._replace(events=events, books=FEW_BOOKS))
    for books in (5, 15, 30, 60):
        load = BASE._replace(books=books)
        step(f"{books} books, {load.lines} lines", load)
    for partitions in (1, 4, 12):
        step(f"{partitions} partitions", BASE, partitions=partitions)
    for workers in (1, 2, 3):
        step(f"{workers} workers", BASE, workers=workers)


if __name__ == "__main__":
    main()
