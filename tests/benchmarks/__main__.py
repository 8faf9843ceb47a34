"""``make bench``: every benchmark in turn, or those named: ``python -m tests.benchmarks replay``."""

import os
import platform
from datetime import UTC, datetime
from importlib.metadata import version

import click

from pipeline.local import kraft
from tests.benchmarks import (
    bare,
    bet_stop,
    codec,
    comeback,
    consensus,
    fanout,
    folds,
    footprint,
    growth,
    history,
    http,
    lag,
    latency,
    matching,
    metrics,
    parse,
    phantoms,
    planner,
    polled,
    recovery,
    replay,
    saturation,
    scan,
    truth,
)

BENCHMARKS = {
    "latency": latency,
    "saturation": saturation,
    "bare": bare,
    "metrics": metrics,
    "growth": growth,
    "footprint": footprint,
    "recovery": recovery,
    "codec": codec,
    "folds": folds,
    "parse": parse,
    "polled": polled,
    "matching": matching,
    "scan": scan,
    "replay": replay,
    "truth": truth,
    "phantoms": phantoms,
    "consensus": consensus,
    "planner": planner,
    "lag": lag,
    "http": http,
    "fanout": fanout,
    "comeback": comeback,
    "bet_stop": bet_stop,
    "history": history,
}
CLIENTS = ("aiokafka", "confluent-kafka", "faust-streaming")


def _listed() -> str:
    said = {name: (module.__doc__ or "").splitlines()[0] for name, module in BENCHMARKS.items()}
    return "\b\n" + "\n".join(f"{name:<14}{line}" for name, line in said.items())


@click.command(epilog=_listed())
@click.argument("names", nargs=-1, type=click.Choice(list(BENCHMARKS)))
def main(names: tuple[str, ...]) -> None:
    """Run the benchmarks named, or all."""
    of = ", ".join(f"{name} {version(name)}" for name in CLIENTS)
    where = f"{os.cpu_count()} cores, Python {platform.python_version()}, Kafka {kraft.version()}, {of}"
    click.echo(f"{where}, {datetime.now(UTC):%Y-%m-%d}")
    for name in names or BENCHMARKS:
        click.echo(f"\n{name}")
        BENCHMARKS[name].main()


if __name__ == "__main__":
    main(prog_name="python -m tests.benchmarks")
