"""How far a client has been told, as a text that every gateway over the same log understands.

A cursor is the next offset of every partition of the derived topics, the epoch that these offsets are of (the
topics' ids, so that topics made anew are not taken for the old ones) and the time of the newest record before
it. Clients keep it and give it back; what is in it is not for them.
"""

import hashlib
from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as NotBase64
from collections.abc import Mapping
from typing import NamedTuple

from pipeline.errors import BadRequest

Place = tuple[str, int]
"""A topic and the number of a partition."""

VERSION = b"\x01"
EPOCH_BYTES = 6
#: Where no log was named yet.
NO_EPOCH = bytes(EPOCH_BYTES)
#: Of a cursor's text: no log of ours is so wide.
MAXIMUM_LENGTH = 4_096


class Cursor(NamedTuple):
    """A cursor that was understood: the next offset by place, and when the newest before it was appended."""

    at_ms: int
    offsets: dict[Place, int]


class AnotherEpoch(NamedTuple):
    """A cursor of topics that are no more."""


def epoch_of(ids: str, places: Mapping[Place, int]) -> bytes:
    """Names the log: the ids of its topics, and which partitions a cursor lists in which order."""
    whole = "\n".join([ids, *(f"{topic}/{partition}" for topic, partition in sorted(places))])
    return hashlib.sha256(whole.encode()).digest()[:EPOCH_BYTES]


class Positions:
    """The next offset of each partition, and the cursor for it; cheap to move on and to write down."""

    def __init__(self, epoch: bytes, offsets: Mapping[Place, int], at_ms: int = 0) -> None:
        self.epoch, self.at_ms = epoch, at_ms
        self.offsets = dict(sorted(offsets.items()))
        self._order = {place: number for number, place in enumerate(self.offsets)}
        self._words = [_varint(offset) for offset in self.offsets.values()]

    def passed(self, place: Place, offset: int, appended_at_ms: int) -> None:
        """A record was told; the next one of its partition comes after it."""
        self.offsets[place] = offset + 1
        self._words[self._order[place]] = _varint(offset + 1)
        if appended_at_ms > self.at_ms:
            self.at_ms = appended_at_ms

    def jump(self, place: Place, offset: int) -> None:
        """Everything of a partition before an offset was told, or is kept no more."""
        if offset > self.offsets[place]:
            self.offsets[place] = offset
            self._words[self._order[place]] = _varint(offset)

    def text(self) -> str:
        """The cursor."""
        whole = b"".join((VERSION, self.epoch, _varint(self.at_ms), *self._words))
        return urlsafe_b64encode(whole).rstrip(b"=").decode()

    def understood(self, text: str) -> Cursor | AnotherEpoch:
        """The cursor in a text. Raises BadRequest where it is none."""
        try:
            whole = urlsafe_b64decode(text + "=" * (-len(text) % 4)) if len(text) <= MAXIMUM_LENGTH else b""
            if whole[:1] != VERSION:
                raise ValueError("another version")
            if whole[1 : 1 + EPOCH_BYTES] != self.epoch:
                return AnotherEpoch()
            numbers = _numbers(whole[1 + EPOCH_BYTES :])
            if len(numbers) != 1 + len(self.offsets):
                raise ValueError("another length")
        except (NotBase64, ValueError) as error:
            raise BadRequest(
                "invalid_cursor", f"{text[:80]!r} is no cursor of this stream: {error}"
            ) from error
        return Cursor(numbers[0], dict(zip(self.offsets, numbers[1:], strict=True)))

    def at(self, cursor: Cursor) -> "Positions":
        """Positions of the same log, elsewhere in it."""
        return Positions(self.epoch, cursor.offsets, cursor.at_ms)


def _varint(number: int) -> bytes:
    """LEB128: seven bits a byte, the lowest first."""
    word = bytearray()
    while number > 0x7F:
        word.append(number & 0x7F | 0x80)
        number >>= 7
    word.append(number)
    return bytes(word)


def _numbers(words: bytes) -> list[int]:
    found, number, shift = [], 0, 0
    for byte in words:
        number |= (byte & 0x7F) << shift
        shift += 7
        if shift > 70:
            raise ValueError("a number that is too large")
        if not byte & 0x80:
            found.append(number)
            number = shift = 0
    if shift:
        raise ValueError("cut off")
    return found
