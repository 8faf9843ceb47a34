"""How fast replay is: a simulated evening folded from an archive, beside the bare reading of that archive.

Run it: ``make bench ARGS=replay``. CPU time of this process; on a shared machine only the ratio holds.
"""

import tempfile
import time
from itertools import islice
from pathlib import Path

import click

from pipeline.records import OddsSnapshot
from pipeline.replay.archive import ArchiveWriter
from pipeline.replay.run import inputs, replay
from pipeline.settings import Rules
from pipeline.topics import topic_of
from producers.simulator import simulate

RECORDS, EVENTS, STARTS = 4_000, 12, 1_767_225_600_000


def main() -> None:
    """Measure and print."""
    with tempfile.TemporaryDirectory() as folder:
        day = Path(folder) / "day"
        lines = 0
        with ArchiveWriter(day, 4) as writer:
            for record in islice(simulate(1, EVENTS, STARTS), RECORDS):
                writer.append(topic_of(type(record)).name, record)
                lines += len(record.lines) if isinstance(record, OddsSnapshot) else 0
        started_s = time.process_time()
        for _ in inputs(day):
            pass
        read_s = time.process_time() - started_s
        started_s = time.process_time()
        tally, digest = replay(day, Path(folder) / "out", Rules(), 4)
        replay_s = time.process_time() - started_s
    click.echo(
        f"{tally.inputs:,} inputs, {lines:,} lines of odds, {tally.answers:,} answers, digest {digest[:12]}"
    )
    click.echo(f"bare reading  {tally.inputs / read_s:>8,.0f} inputs a second of CPU")
    rate, ratio = tally.inputs / replay_s, replay_s / read_s
    click.echo(f"replay        {rate:>8,.0f} inputs a second of CPU, {ratio:.1f} times the reading")


if __name__ == "__main__":
    main()
