"""The right to write, which lasts as long as the group can believe in us.

A worker that was paused for longer than its session wakes up with its queues still full, while another
already works on its partitions; whatever it wrote then would roll their rows back.
"""

import logging
import math
import os
import time
from collections.abc import Callable

from pipeline.telemetry import say

EXIT_CODE = 73
#: Of the session, after which it is taken for lost.
SHARE = 0.9

logger = logging.getLogger(__name__)


class Lease:
    """Held from each heartbeat that succeeded for most of a session, counted from before it was sent.

    It begins with the first assignment: before that there is nothing to lose.
    """

    def __init__(self, session_s: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._limit_s = SHARE * session_s
        self._clock = clock
        self._renewed_at_s = math.inf

    @property
    def age_s(self) -> float:
        return self._clock() - self._renewed_at_s

    @property
    def lost(self) -> bool:
        return self.age_s > self._limit_s

    def heartbeat(self) -> Callable[[], None]:
        """Call when a heartbeat is about to be sent; call what it returns when it has succeeded."""
        sent_at_s = self._clock()

        def succeeded() -> None:
            if self._renewed_at_s < sent_at_s:
                self._renewed_at_s = sent_at_s

        return succeeded

    def renew(self) -> None:
        """A new assignment is as good as a heartbeat."""
        self._renewed_at_s = self._clock()

    def check(self) -> None:
        """End the process where the lease is lost: nothing that it still holds may be written."""
        if self.lost:
            say(logger, "lease lost", logging.ERROR, age_s=round(self.age_s, 1), exit=EXIT_CODE)
            os._exit(EXIT_CODE)
