"""What cannot be used is kept in ops.dead-letters, with its origin and the reason."""

from pipeline import codec
from pipeline.records import DeadLetter
from pipeline.topics import DEAD_LETTERS

#: Of the key and of the value; the whole still lies where it came from.
KEPT_BYTES = 65_536


def letter(
    stage: str, origin: tuple[str, int, int], reason: str, key: bytes | None, value: bytes | None
) -> tuple[bytes, bytes]:
    """Key and value of the dead letter for a message from ``origin``: its topic, partition and offset."""
    topic, partition, offset = origin
    return codec.encode(
        DEAD_LETTERS,
        DeadLetter(
            topic=topic,
            partition=partition,
            offset=offset,
            stage=stage,
            reason=reason[:1_000],
            key=(key or b"")[:KEPT_BYTES],
            value=(value or b"")[:KEPT_BYTES],
            size=len(value or b""),
        ),
    )
