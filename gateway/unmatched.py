"""What waits to be matched, read from its topic when somebody asks: few records, and few ask for them."""

import asyncio
import time

from pipeline.records import Unmatched, UnmatchedState
from pipeline.replay.current import current

TOPIC = "sources.unmatched"
#: What was read so recently is told again.
READ_EVERY_S = 1.0


class Waiting:
    """The games that wait, as the cluster has them."""

    def __init__(self, kafka: str) -> None:
        self._kafka = kafka
        self._reading = asyncio.Lock()
        self._read_at_s = -READ_EVERY_S
        self._found: tuple[Unmatched, ...] = ()

    async def games(self) -> tuple[Unmatched, ...]:
        """The longest first. Raises UsageError or UnreadableRecord."""
        async with self._reading:
            if time.monotonic() - self._read_at_s >= READ_EVERY_S:
                self._found = await asyncio.to_thread(self._read)
                self._read_at_s = time.monotonic()
            return self._found

    def _read(self) -> tuple[Unmatched, ...]:
        found = current(self._kafka, TOPIC).values()
        waiting = [one for one in found if one.state is UnmatchedState.WAITING]
        return tuple(sorted(waiting, key=lambda one: (one.since_ms, one.source, one.source_id)))
