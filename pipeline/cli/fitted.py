"""What commands share that learn a data file from an archive."""

import hashlib
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import click
import msgspec

from pipeline.errors import UsageError


def required_new(*paths: Path | None) -> None:
    """Raises UsageError where one of these files is there already."""
    for path in paths:
        if path is not None and path.exists():
            raise UsageError(f"{path} is there already; name a new file")


def progress(quiet: bool) -> Callable[[int], None]:
    """Says once a second how many records were read."""
    told_s = time.monotonic()

    def told(count: int) -> None:
        nonlocal told_s
        if not quiet and time.monotonic() - told_s > 1.0:
            told_s = time.monotonic()
            click.echo(f"{count:,} records read", err=True)

    return told


def day_of(text: str) -> str:
    """A day that was given. Raises UsageError where it is none."""
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError as error:
        raise UsageError(f"{text!r} is no day like 2019-07-01") from error


def digest_of(content: dict[str, Any]) -> str:
    """SHA-256 of what was learnt, 64 hexadecimal digits."""
    return hashlib.sha256(msgspec.json.encode(content, order="sorted")).hexdigest()


def write(path: Path, content: dict[str, Any]) -> None:
    """A new file of JSON that a person can read. Raises UsageError where it cannot be written."""
    try:
        path.write_bytes(msgspec.json.format(msgspec.json.encode(content)) + b"\n")
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror or error}") from error
    click.echo(f"written to {path}")
