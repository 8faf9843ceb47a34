"""Metrics, liveness and readiness of a worker, on one loopback port."""

import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from pipeline.errors import UsageError


def serve(port: int, live: Callable[[], bool], ready: Callable[[], bool]) -> None:
    """Serve /metrics, /livez and /readyz from a thread of its own, so that a busy loop does not delay them.

    Raises
    ------
    UsageError
        If the port is taken.
    """

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            match self.path:
                case "/metrics":
                    self._answer(200, generate_latest(), CONTENT_TYPE_LATEST)
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
        server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    except OSError as error:
        raise UsageError(f"port {port} cannot be had ({error.strerror}); name another with --port") from error
    threading.Thread(target=server.serve_forever, name="health", daemon=True).start()
