"""`python -m gateway`: serve what the derived topics say, on one port."""

import asyncio
import logging
import signal
import socket
import sys
from dataclasses import replace
from functools import partial
from types import FrameType
from typing import Any, cast

import click
import uvicorn
from starlette.applications import Starlette

from gateway.app import create_app
from gateway.feed import Feed
from gateway.guard import door_of
from gateway.handshake import PromptProtocol
from gateway.history import History
from gateway.hub import Hub
from gateway.past import Past
from gateway.stream import DirectProtocol
from gateway.unmatched import Waiting
from pipeline.errors import UsageError
from pipeline.local import readiness
from pipeline.settings import Rules, Settings, database_url
from pipeline.telemetry import log_to_stderr, say
from pipeline.topics import ANSWERS, TOPICS

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
@click.option("--open", "is_open", is_flag=True, help="Let anyone read who reaches the address; no tokens.")
def main(host: str, port: int, kafka: str, instance: str, is_open: bool) -> None:
    """Serve the live stream, events over HTTP, and the schema registry.

    On loopback anyone may read; elsewhere who has a token (docs/access.md), unless --open says otherwise.
    """
    try:
        serve(host, port, kafka, instance, is_open)
    except UsageError as error:
        click.echo(f"sharpline serve: {error}", err=True)
        sys.exit(2)


def serve(host: str, port: int, kafka: str, instance: str, is_open: bool) -> None:
    """Listen until SIGTERM or SIGINT. Raises UsageError where port, broker or keys cannot be had."""
    settings = Settings.read()
    if is_open:
        settings = replace(settings, access="open")
    log_to_stderr(settings.log, settings.log_level)
    kafka = kafka or settings.kafka
    if not kafka:
        raise UsageError(
            "no Kafka is named: give --kafka ADDRESS or set SHARPLINE_KAFKA, or use sharpline up"
        )
    door, url = door_of(settings, host), database_url()
    with listening(host, port) as server_socket:
        readiness.require(kafka, "the Kafka that the gateway reads", "start it, or correct the address")
        hub = Hub(lag_days=settings.lag_days)
        repeat_ms = Rules.read(settings.rules).repeat_ms
        feed = Feed(kafka, instance, hub, repeat_ms)
        past = Past(kafka, [name for name in ANSWERS if not TOPICS[name].tombstoned], repeat_ms)

        async def feeding() -> None:
            try:
                await feed.run()
            finally:  # a gateway that has stopped reading must not go on serving
                server.should_exit = True

        history = History(url) if url else None
        server = server_of(create_app(hub, feeding, door, past, history, Waiting(kafka)), settings)
        asked: list[int] = []
        # Uvicorn stops on these and then sends them to us once more: they have done their work by then.
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda number, _: asked.append(number))
        address = f"http://{host}:{server_socket.getsockname()[1]}"
        say(log, "listening", address=address, access="tokens" if door.tokens else "open")
        server.run(sockets=[server_socket])
        if not asked:
            sys.exit(1)


class DrainingServer(uvicorn.Server):
    """Sends its clients elsewhere before it goes; asked twice, it goes at once."""

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        hub: Hub = self.config.app.state.hub  # type: ignore[union-attr]
        if hub.is_draining or not hub.clients:
            super().handle_exit(sig, frame)
            return
        self._captured_signals.append(sig)
        asyncio.get_running_loop().call_soon_threadsafe(self._drain, hub)

    def _drain(self, hub: Hub) -> None:
        async def draining() -> None:
            await hub.drain()
            self.should_exit = True

        self._draining = asyncio.create_task(draining())


def server_of(app: Starlette, settings: Settings) -> uvicorn.Server:
    """The server of an application, as the stream needs it."""
    return DrainingServer(
        uvicorn.Config(
            app,
            loop="uvloop",
            http=cast(Any, partial(PromptProtocol, request_s=settings.request_seconds)),
            ws=DirectProtocol,
            ws_max_size=settings.message_bytes,
            forwarded_allow_ips=settings.proxies,
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
