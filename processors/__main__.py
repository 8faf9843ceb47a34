"""``python -m processors STAGE``: one worker process of a stage."""

import gc
import os
import sys
from pathlib import Path

import click

from pipeline.errors import BrokerUnavailable, SharplineError, TopicsUnfit

#: To start again helps with the latter; with anything else a person has to do what the sentence says.
EXIT_CODES = {TopicsUnfit: 74, BrokerUnavailable: 75}
STAGES = ("games", "markets", "bets")


@click.command(
    epilog="Example: SHARPLINE_KAFKA=127.0.0.1:9092 sharpline process markets --data work --port 9101",
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.argument("stage", type=click.Choice(STAGES))
@click.option(
    "--data",
    type=click.Path(path_type=Path),
    default=Path(".sharpline"),
    show_default=True,
    help="Its folder.",
)
@click.option(
    "--port", type=int, default=0, help="Serve /metrics, /livez and /readyz here; 0 for not at all."
)
@click.option(
    "--host", default="127.0.0.1", show_default=True, help="Address for that port; 0.0.0.0 in a container."
)
@click.option("--worker", default="w0", show_default=True, help="Its name; one process of a name at a time.")
def main(stage: str, data: Path, port: int, host: str, worker: str) -> None:
    """Work on a stage until SIGTERM. Start several, under different names, to share its partitions."""
    os.environ.setdefault("FAUST_LOOP", "uvloop")
    from pipeline.stages import STAGES
    from processors.worker import run

    # Everything loaded stays: to look through it at every full collection would stop a batch for 20 ms.
    gc.freeze()
    try:
        run(STAGES[stage], data, host, port, worker)
    except SharplineError as error:
        click.echo(f"sharpline process: {error}", err=True)
        sys.exit(EXIT_CODES.get(type(error), 2))


if __name__ == "__main__":
    main(prog_name="sharpline process")
