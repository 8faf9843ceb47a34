"""When a derived record was made and its revision, read from its bytes without the rest of it."""

from pipeline.errors import UnreadableRecord

#: Magic byte and schema id.
HEADER_BYTES = 5


def stamp(value: bytes) -> tuple[int, int]:
    """``received_at_ms`` and ``revision``: every derived record begins with its event's id and these two.

    Raises UnreadableRecord where the bytes end before them.
    """
    try:
        length, at = _long(value, HEADER_BYTES)
        received_at_ms, at = _long(value, at + length)
        return received_at_ms, _long(value, at)[0]
    except IndexError as error:
        raise UnreadableRecord(f"truncated: {len(value)} bytes end before the revision") from error


def _long(value: bytes, at: int) -> tuple[int, int]:
    """An Avro long (zigzag, seven bits a byte, the lowest first), and where the next field begins."""
    number = shift = 0
    while True:
        byte = value[at]
        at += 1
        number |= (byte & 0x7F) << shift
        if byte < 0x80:
            return (number >> 1) ^ -(number & 1), at
        shift += 7
