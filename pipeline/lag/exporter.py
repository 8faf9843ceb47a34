"""Polls again and again, and keeps the last poll for whoever scrapes."""

import logging
import threading
import time
from collections.abc import Callable

from pipeline import health, telemetry
from pipeline.cluster import ANSWER_S
from pipeline.errors import BrokerUnavailable
from pipeline.lag import metrics
from pipeline.lag.poll import Poll
from pipeline.telemetry import say

#: A loop that has not turned for so long hangs; a poll gives up long before.
TURNS_WITHIN_S = 30.0

log = logging.getLogger("sharpline.lag")


class Exporter:
    """The loop, and what it last found. One thread turns it; scrapes come from others."""

    def __init__(self, poll: Callable[[], Poll], every_s: float) -> None:
        self._poll, self._every_s = poll, every_s
        self._last: Poll | None = None
        self._answered: bool | None = None
        self._turned_s = time.monotonic()
        telemetry.LAG_UP.set(0)

    def run(self, stopped: threading.Event) -> None:
        """Turn until told to stop; ``stopped`` is also set when an error ends it."""
        try:
            while not stopped.is_set():
                started_s = time.monotonic()
                self.turn()
                stopped.wait(max(0.0, started_s + self._every_s - time.monotonic()))
        except Exception:
            # Said here: the process may end before the thread's own trace is out.
            log.error("the loop ended", exc_info=True)
            raise
        finally:
            stopped.set()

    def turn(self) -> None:
        """One poll, good or not."""
        started_s = time.monotonic()
        try:
            found = self._poll()
        except BrokerUnavailable as error:
            self._last = None
            telemetry.LAG_POLL_ERRORS.inc()
            if self._answered is not False:
                say(log, "broker is away", logging.WARNING, reason=str(error))
            self._answered = False
        else:
            self._last = found
            telemetry.LAG_POLLED_SECONDS.set(found.at_ms / 1000)
            if not self._answered:
                counts = {"groups": len(found.groups), "partitions": len(found.partitions)}
                say(log, "broker answers" if self._answered is None else "broker is back", **counts)
            self._answered = True
        self._turned_s = time.monotonic()
        telemetry.LAG_UP.set(int(self._answered))
        telemetry.LAG_POLL_SECONDS.observe(self._turned_s - started_s)

    def polled(self) -> Poll | None:
        """The last poll, if it was good and the loop still turns."""
        return self._last if self.live() else None

    def live(self) -> bool:
        """Whether the loop turns."""
        return time.monotonic() - self._turned_s < max(TURNS_WITHIN_S, self._every_s + 2 * ANSWER_S)

    def ready(self) -> bool:
        """Whether the last poll was good."""
        return self.polled() is not None


def serve(exporter: Exporter, host: str, port: int) -> int:
    """Serve /metrics, /livez and /readyz; the port. Raises UsageError where it cannot be had."""
    served = metrics.registry(exporter.polled, lambda: time.time_ns() // 1_000_000)
    return health.serve(port, live=exporter.live, ready=exporter.ready, host=host, registry=served)
