"""Metrics, liveness and readiness of a process, on a port of its own."""

import asyncio
import sys
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from prometheus_client.registry import Collector

from pipeline.errors import UsageError

#: A loop that has not turned for so long has something in it that does not let go.
TURNS_WITHIN_S = 10.0


def turns(loop: asyncio.AbstractEventLoop) -> bool:
    """Whether an event loop of another thread gets round to what it is asked to do."""
    turned = threading.Event()
    try:
        loop.call_soon_threadsafe(turned.set)
    except RuntimeError:  # it is closed
        return False
    return turned.wait(TURNS_WITHIN_S)


class _Server(ThreadingHTTPServer):
    def handle_error(self, request: Any, client_address: Any) -> None:
        # Who asked may hang up before the answer: that is theirs to do, and no trace in our log.
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


def serve(
    port: int,
    live: Callable[[], bool],
    ready: Callable[[], bool],
    registry: Collector,
    host: str = "127.0.0.1",
) -> int:
    """Serve /metrics, /livez and /readyz from a thread of its own, so that a busy loop does not delay them.

    Returns the port, which is another where 0 was asked for.

    Raises
    ------
    UsageError
        If the port is taken, or the host is not an address of this machine.
    """

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            match self.path:
                case "/metrics":
                    self._answer(200, generate_latest(registry), CONTENT_TYPE_LATEST)
                case "/livez":
                    self._answer_whether(live())
                case "/readyz":
                    self._answer_whether(ready())
                case _:
                    self._answer(404, b"there are /metrics, /livez and /readyz\n")

        def _answer_whether(self, it_is: bool) -> None:
            self._answer(200 if it_is else 503, b"yes\n" if it_is else b"no\n")

        def _answer(self, status: int, body: bytes, kind: str = "text/plain") -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Asked every few seconds; nobody wants to read of it."""

    try:
        server = _Server((host, port), Handler)
    except OSError as error:
        raise UsageError(
            f"{host}:{port} cannot be had ({error.strerror}); name another with --host or --port"
        ) from error
    threading.Thread(target=server.serve_forever, name="health", daemon=True).start()
    return int(server.server_address[1])
