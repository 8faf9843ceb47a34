"""`python -m gateway`: serve what the derived topics say, on one port."""

import logging
import signal
import socket
import sys

import click
import uvicorn
from starlette.applications import Starlette

from gateway.app import create_app
from gateway.feed import Feed
from gateway.hub import Hub
from gateway.protocol import MAXIMUM_BYTES
from gateway.stream import DirectProtocol
from pipeline.errors import UsageError
from pipeline.local import readiness
from pipeline.settings import Settings
from pipeline.telemetry import log_to_stderr, say

log = logging.getLogger("sharpline.gateway")
PORT = 8642
BACKLOG = 4096
GRACE_S = 3


@click.command(
    epilog="Example: sharpline serve --kafka 127.0.0.1:9092, then open http://127.0.0.1:8642/v1/events",
    context_settings={"show_default": True, "help_option_names": ["-h", "--help"]},
)
@click.option("--host", default="127.0.0.1", help="Address to listen on.")
@click.option("--port", default=PORT, type=click.IntRange(0, 65_535), help="Port; 0 for any that is free.")
@click.option("--kafka", default="", help="Bootstrap address; SHARPLINE_KAFKA where it is not given.")
@click.option("--instance", default="main", help="Name of this gateway among several; part of its group.")
def main(host: str, port: int, kafka: str, instance: str) -> None:
    """Serve the live stream, events over HTTP, and the schema registry."""
    try:
        serve(host, port, kafka, instance)
    except UsageError as error:
        click.echo(f"sharpline serve: {error}", err=True)
        sys.exit(2)


def serve(host: str, port: int, kafka: str, instance: str) -> None:
    """Listen until SIGTERM or SIGINT. Raises UsageError where the port or the broker cannot be had."""
    settings = Settings.read()
    log_to_stderr(settings.log, settings.log_level)
    kafka = kafka or settings.kafka
    if not kafka:
        raise UsageError(
            "no Kafka is named: give --kafka ADDRESS or set SHARPLINE_KAFKA, or use sharpline up"
        )
    with listening(host, port) as server_socket:
        readiness.require(kafka, "the Kafka that the gateway reads", "start it, or correct the address")
        hub = Hub()
        feed = Feed(kafka, instance, hub)

        async def feeding() -> None:
            try:
                await feed.run()
            finally:  # a gateway that has stopped reading must not go on serving
                server.should_exit = True

        server = server_of(create_app(hub, feeding))
        asked: list[int] = []
        # Uvicorn stops on these and then sends them to us once more: they have done their work by then.
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda number, _: asked.append(number))
        say(log, "listening", address=f"http://{host}:{server_socket.getsockname()[1]}")
        server.run(sockets=[server_socket])
        if not asked:
            sys.exit(1)


def server_of(app: Starlette) -> uvicorn.Server:
    """The server of an application, as the stream needs it."""
    return uvicorn.Server(
        uvicorn.Config(
            app,
            loop="uvloop",
            ws=DirectProtocol,
            ws_max_size=MAXIMUM_BYTES,
            ws_per_message_deflate=False,
            backlog=BACKLOG,
            timeout_graceful_shutdown=GRACE_S,
            access_log=False,
            log_config=None,
            log_level="warning",
            server_header=False,
        )
    )


def listening(host: str, port: int) -> socket.socket:
    """A socket that holds the port. Raises UsageError where it is taken."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    server_socket = socket.socket(family)
    server_socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        server_socket.bind((host, port))
        server_socket.listen(BACKLOG)
    except OSError as error:
        server_socket.close()
        reason = error.strerror or error
        raise UsageError(
            f"cannot listen on {host}:{port}: {reason}; choose another --port or --host"
        ) from error
    return server_socket


if __name__ == "__main__":
    main(prog_name="sharpline serve")
