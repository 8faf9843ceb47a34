"""Bad messages made of a good one, each with the word that its reason in ops.dead-letters begins with."""

import struct
from typing import NamedTuple


class Bad(NamedTuple):
    """A message that no fold may take in."""

    topic: str
    key: bytes | None
    value: bytes | None
    reason: str


def damaged(topic: str, key: bytes, good: bytes) -> list[Bad]:
    """What goes wrong with the bytes of any message."""
    found = [
        (key, b"\x01" + good[1:], "magic"),
        (key, b"\xfe" * 900_000, "magic"),
        (key, good[:1] + b"\x00\x00\xff\xff" + good[5:], "schema"),
        (key, good[:3], "truncated"),
        (key, b"", "truncated"),
        (key, good[:-1], "body"),
        (key, good + b"more", "trailing"),
        (b"another key", good, "value"),
        (None, good, "value"),
        (key, None, "empty"),
    ]
    return [Bad(topic, *bad) for bad in found]


def nowhere(topic: str, key: bytes, good: bytes) -> Bad:
    """A message whose event id does not parse, and is its key."""
    league = key.partition(b":")[0]
    unknown = b"?" * len(league)
    return Bad(topic, key.replace(league, unknown), good.replace(key, key.replace(league, unknown)), "value")


def with_number(topic: str, key: bytes, good: bytes, number: float, bad: float) -> Bad:
    """A message with another number in the place of one that it has."""
    was, now = struct.pack("<d", number), struct.pack("<d", bad)
    assert was in good
    return Bad(topic, key, good.replace(was, now), "value")
