"""A thread that ends a worker which lives and does nothing, so that its supervisor starts it again.

It asks the broker with a handle of its own, so it works when the loop is blocked, and when the group's error
went to a waiter that nobody awaits, which was seen to leave a worker alive and idle for ever.
"""

import logging
import os
import threading
import time
from collections.abc import Callable, Iterable
from typing import Any

from confluent_kafka import Consumer, TopicPartition

from pipeline.telemetry import say

EXIT_CODE = 70
EVERY_S = 2.0
#: A topic made anew is noticed at the next generation, or where offsets fall. This is for one that was filled
#: beyond its old end before anybody read it.
TOPICS_EVERY_S = 10.0
#: A thread that woke up so much later was paused with its process; what it saw before says nothing.
LATE_S = 5.0

Place = tuple[str, int]  # a topic's partition
logger = logging.getLogger(__name__)


class Watchdog(threading.Thread):
    """Ends the process when it stood still for longer than ``limit_s`` although there was something to do.

    ``unready`` says how far joining and recovery are, None when they are done. ``owned`` are the source
    partitions that are ours, ``progress`` the last offset read of one. ``check_topics`` ends the process
    where they are not the same any more.
    """

    def __init__(
        self,
        bootstrap: str,
        group: str,
        places: Iterable[Place],
        limit_s: float,
        unready: Callable[[], Any],
        owned: Callable[[], set[Place]],
        progress: Callable[[Place], int | None],
        check_topics: Callable[[], None],
    ) -> None:
        super().__init__(name="watchdog", daemon=True)
        self._kafka, self._of_group, self._places = bootstrap, group, list(places)
        self._limit_s, self._unready, self._owned, self._progress = limit_s, unready, owned, progress
        self._check_topics = check_topics
        self._moved_at_s: dict[Place, tuple[Any, float]] = {}
        self._unready_since: tuple[Any, float] = (None, time.monotonic())
        self.sees = True
        """Whether the broker answered when it was last asked."""

    def run(self) -> None:
        handle = self._handle()
        looked_at_s = checked_at_s = time.monotonic()
        while True:
            time.sleep(EVERY_S)
            now_s = time.monotonic()
            if now_s - looked_at_s > EVERY_S + LATE_S:
                self._forget(now_s)
            looked_at_s = now_s
            try:
                self._look_at_recovery(now_s)
                self._look_at_partitions(handle, now_s)
                self.sees = True
                # Last, when the broker has just answered: it takes an admin client, and one without a broker
                # may never come back from its destruction.
                if now_s - checked_at_s > TOPICS_EVERY_S:
                    checked_at_s = now_s
                    self._check_topics()
            except Exception as error:  # noqa: BLE001  whatever it is, a watchdog that has died watches nothing
                # No fault of the worker. A fresh handle: an old one stayed blind for 75 s after a failover.
                self.sees = False
                say(logger, "the watchdog cannot see", logging.WARNING, error=repr(error))
                self._forget(now_s)
                handle.close()
                handle = self._handle()

    def _handle(self) -> Consumer:
        return Consumer(
            {
                "bootstrap.servers": self._kafka,
                "group.id": self._of_group,
                "enable.auto.commit": False,
                "log_level": 3,
            }
        )

    def _forget(self, now_s: float) -> None:
        self._moved_at_s.clear()
        self._unready_since = (None, now_s)

    def _look_at_recovery(self, now_s: float) -> None:
        state = self._unready()
        if state is None or state != self._unready_since[0]:
            self._unready_since = (state, now_s)
        elif now_s - self._unready_since[1] > self._limit_s:
            self._end("not ready, and nothing changes", state=state)

    def _look_at_partitions(self, handle: Consumer, now_s: float) -> None:
        owned = self._owned()
        asked = [TopicPartition(*place) for place in self._places]
        for at in handle.committed(asked, timeout=5):
            place, committed = (at.topic, at.partition), max(at.offset, 0)
            end = handle.get_watermark_offsets(at, timeout=5)[1]
            state = (committed, self._progress(place))
            seen = self._moved_at_s.get(place)
            if seen is None or seen[0] != state or end <= committed:
                self._moved_at_s[place] = (state, now_s)
            # The lag of another's partition is not ours; where we own none, the group may have lost us.
            elif now_s - seen[1] > self._limit_s and (place in owned or not owned):
                self._end(
                    "there is something to read, and nothing is read",
                    place=place,
                    committed=committed,
                    end=end,
                )

    def _end(self, why: str, **fields: object) -> None:
        say(logger, why, logging.ERROR, **fields, exit=EXIT_CODE)
        os._exit(EXIT_CODE)
