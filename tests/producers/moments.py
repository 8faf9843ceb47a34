"""Moments as people write them."""

from datetime import datetime


def at_ms(text: str) -> int:
    """Unix ms of an ISO time with a zone."""
    return round(datetime.fromisoformat(text).timestamp() * 1000)
