"""``python -m processors.sinks postgres``: keep what the folds answer, for as long as you like."""

import logging
import os
import signal
import sys
import threading

import click

from pipeline import health
from pipeline.errors import BrokerUnavailable, SharplineError, TopicsUnfit, UsageError
from pipeline.settings import Settings, database_url
from pipeline.telemetry import Part, log_to_stderr, say
from processors.sinks.sink import Sink

log = logging.getLogger("sharpline.sink")
#: To start again helps with the latter; with anything else a person has to do what the sentence says.
EXIT_CODES = {TopicsUnfit: 74, BrokerUnavailable: 75}
FAILED = 1


@click.command(
    epilog="Example: DATABASE_URL=postgresql://127.0.0.1/odds sharpline sink postgres --port 9405",
    context_settings={"help_option_names": ["-h", "--help"], "show_default": True},
)
@click.argument("to", type=click.Choice(["postgres"]))
@click.option("--kafka", default="", help="Bootstrap address; SHARPLINE_KAFKA where it is not given.")
@click.option(
    "--port", type=int, default=0, help="Serve /metrics, /livez and /readyz here; 0 for not at all."
)
@click.option("--host", default="127.0.0.1", help="Address for that port; 0.0.0.0 in a container.")
def main(to: str, kafka: str, port: int, host: str) -> None:
    """Copy every answer into Postgres, once, until SIGTERM. DATABASE_URL says where; docs/history.md what.

    Waits for Kafka and Postgres when they are away. A second one on the same database stands by.
    """
    try:
        code = serve(kafka, port, host)
    except SharplineError as error:
        click.echo(f"sharpline sink {to}: {error}", err=True)
        code = EXIT_CODES.get(type(error), 2)
    except Exception:
        log.error("the sink ended", exc_info=True)
        code = FAILED
    sys.stderr.flush()
    os._exit(code)  # without a broker the clients' own end may never come


def serve(kafka: str, port: int, host: str) -> int:
    """Copy until SIGTERM or SIGINT. Raises UsageError, TopicsUnfit."""
    settings, stopped = Settings.read(), threading.Event()
    log_to_stderr(settings.log, settings.log_level)
    kafka = kafka or settings.kafka
    if not kafka:
        raise UsageError("no Kafka is named: give --kafka ADDRESS or set SHARPLINE_KAFKA")
    if not (url := database_url()):
        raise UsageError("no database is named: set DATABASE_URL, as postgresql://user@host/database")
    sink = Sink(kafka, url, stopped)
    if port:
        health.serve(port, live=sink.live, ready=lambda: sink.ready, registry=Part("sink"), host=host)
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stopped.set())
    sink.run()
    say(log, "stopped")
    return 0


if __name__ == "__main__":
    main(prog_name="sharpline sink")
