"""The inputs of an archive, read once for a file that is learnt from them."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

from pipeline.records import Record
from pipeline.replay import archive
from pipeline.replay.run import Digest

T = TypeVar("T", bound=Record)


class Inputs:
    """What an archive holds, topic by topic, with a digest of all that was read."""

    def __init__(self, folder: Path, told: Callable[[int], None] = lambda _: None) -> None:
        self.folder, self.told = folder, told
        self.count = 0
        self._digest = Digest()
        self._topics = archive.topics_of(folder)

    def of(self, topic: str, kind: type[T]) -> Iterator[T]:
        """The records of a topic; none where the archive has no such topic. Raises UsageError."""
        if topic not in self._topics:
            return
        for message in archive.read(self.folder, topic):
            self._digest.add(message)
            self.count += 1
            self.told(self.count)
            if isinstance(message.record, kind):
                yield message.record

    def digest(self) -> str:
        """Of the records read so far, 64 hexadecimal digits."""
        return self._digest.hexdigest()
