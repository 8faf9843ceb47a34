"""What a running system takes: memory of each process of the demo, and bytes on disk for a snapshot.

Run it: ``make bench ARGS=footprint``. Memory is the resident set after a minute of `sharpline up`, shared
pages counted in every process. Disk is by how much a steady load makes the broker's log folder grow,
compressed as shipped.
"""

import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path

import click
import psutil

from pipeline import cluster
from pipeline.local import children, kraft
from pipeline.stages import STAGES
from tests.benchmarks.board import Load
from tests.benchmarks.system import SNAPSHOTS, system

DEMO_S, STARTS_S = 60.0, 60.0
RATE, SECONDS = 200.0, 30.0
LINGER_MS = 5.0  # as the project's producers
MIB, KIB = 1024.0 * 1024.0, 1024.0


def part(process: psutil.Process) -> str:
    """Which part of the demo a process is."""
    words = process.cmdline()
    if "-m" not in words:
        return "broker" if Path(words[0]).name in ("java", "docker") else str(words[0])
    module, stage = words[words.index("-m") + 1 :][:2]
    return str(stage if module == "processors" else module)


def memory() -> None:
    """Print the resident memory of each process of the demo."""
    (port,) = kraft.free_ports(1)
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "up.log"
        command = [sys.executable, "-m", "pipeline.cli", "up", "--source", "simulator", "--port", str(port)]
        demo = children.start(command, log=log)
        try:
            until_s = time.monotonic() + STARTS_S
            while "source      " not in log.read_text():  # said when all parts are ready
                if demo.poll() is not None or time.monotonic() > until_s:
                    raise RuntimeError(f"the demo did not start: {log.read_text()}")
                time.sleep(0.1)
            time.sleep(DEMO_S)
            found = {
                part(child): child.memory_info().rss for child in psutil.Process(demo.pid).children(True)
            }
            found["supervisor and view"] = psutil.Process(demo.pid).memory_info().rss
        finally:
            children.stop(demo, 30.0)
    click.echo(f"resident MiB after {DEMO_S:.0f} s of the demo, 40 games")
    for name, size in sorted(found.items(), key=lambda item: item[1]):
        click.echo(f"{name:<34}{size / MIB:>8.0f}")
    click.echo(f"{'all together':<34}{sum(found.values()) / MIB:>8.0f}")


def sizes(log: Path) -> dict[str, int]:
    """Bytes of each topic in a broker's log folder, indexes aside."""
    found: dict[str, int] = defaultdict(int)
    for segment in log.rglob("*.log"):
        topic, _, partition = segment.parent.name.rpartition("-")
        if partition.isdigit():
            found[topic] += segment.stat().st_size
    return found


def disk() -> None:
    """Print the bytes a snapshot on disk."""
    load = Load(rates=((RATE, SECONDS),))
    with system() as running:
        running.append(load, whole=False)
        running.start()
        running.await_read()
        assert running.broker.data is not None, "a broker of our own has a folder"
        before = sizes(running.broker.data)
        running.run(load, linger_ms=LINGER_MS)
        after = sizes(running.broker.data)
    snapshots = RATE * SECONDS
    journal = cluster.changelog("markets")
    click.echo(f"bytes on disk for a snapshot of {load.lines} lines, a tenth changed, {RATE:.0f} a second")
    for topic in (SNAPSHOTS, *STAGES["markets"].answers, journal):
        click.echo(f"{topic:<34}{(after[topic] - before[topic]) / snapshots:>8,.0f}")
    a_second = (after[journal] - before[journal]) / SECONDS
    click.echo(
        f"the journal grows by {a_second / KIB:,.0f} KiB a second, {a_second * 3.6e-6:,.2f} GB an hour"
    )


def main() -> None:
    """Measure and print."""
    disk()
    memory()


if __name__ == "__main__":
    main()
