"""Times as sources write them."""

from datetime import datetime
from functools import lru_cache


@lru_cache(maxsize=8_192)
def moment_ms(text: str) -> int:
    """Unix ms of an ISO time with its zone. Raises ValueError, also where it names none."""
    at = datetime.fromisoformat(text)
    if at.tzinfo is None:
        raise ValueError(f"{text!r} has no time zone")
    return round(at.timestamp() * 1000)
