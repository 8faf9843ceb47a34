"""How far each source partition was read in this generation, without a gap."""

import asyncio
import logging
import os
from collections.abc import Awaitable, Callable

from faust.types import TP

from pipeline.telemetry import say
from pipeline.topics import TOPICS
from processors.recovery import holds_between
from processors.ticks import Progress

EXIT_CODE = 71

logger = logging.getLogger(__name__)


class Positions:
    """The next offset of each partition, and the newest received time read.

    ``committed`` is where a partition is read from when its generation begins (None: from its start).
    ``require_topics`` ends the process where a topic was deleted and made again: its offsets begin anew then.
    """

    def __init__(
        self,
        bootstrap: str,
        committed: Callable[[TP], int | None],
        require_topics: Callable[[], Awaitable[None]],
    ) -> None:
        self._bootstrap, self._committed, self._require_topics = bootstrap, committed, require_topics
        self._next: dict[TP, int] = {}
        self._newest_ms: dict[TP, int] = {}

    def forget(self) -> None:
        """Begin a generation: every partition is read from its committed offset again."""
        self._next.clear()
        self._newest_ms.clear()

    def next(self, tp: TP) -> int:
        """The next offset to be read."""
        found = self._next.get(tp)
        return found if found is not None else self._committed(tp) or 0

    def progress(self, topic: str, partition: int) -> Progress:
        tp = TP(topic, partition)
        return Progress(self.next(tp), self._newest_ms.get(tp, 0))

    def last_read(self, place: tuple[str, int]) -> int | None:
        """The last offset read, None where none was; for another thread."""
        at = self._next.get(TP(*place))
        return None if at is None else at - 1

    async def admit(self, tp: TP, offset: int) -> None:
        """Take note that a record was handed out; end the process where records before it were not.

        A lower offset than expected is a replay, if the topic is still the same one. A higher one means that
        records were lost on their way, unless the topic is compacted and the broker holds none in between.
        """
        expected = self.next(tp)
        if offset < expected and tp in self._next:
            await self._require_topics()
        if offset > expected:
            compacted = TOPICS[tp.topic].retention_ms == 0
            if not compacted or await asyncio.to_thread(
                holds_between, self._bootstrap, tp, expected, offset - 1
            ):
                say(
                    logger,
                    "records are missing",
                    logging.ERROR,
                    topic=tp.topic,
                    partition=tp.partition,
                    expected=expected,
                    got=offset,
                    exit=EXIT_CODE,
                )
                os._exit(EXIT_CODE)
        self._next[tp] = max(expected, offset + 1)

    def saw(self, tp: TP, received_at_ms: int) -> None:
        """Take note of a record's own time."""
        if received_at_ms > self._newest_ms.get(tp, 0):
            self._newest_ms[tp] = received_at_ms
