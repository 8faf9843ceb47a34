"""Recorded files as lines: plain, gzip or xz, told apart by their first bytes."""

import gzip
import lzma
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, cast

from pipeline.errors import UsageError

XZ, GZIP = b"\xfd7zXZ\x00", b"\x1f\x8b"


def opened(path: Path) -> IO[bytes]:
    """The file's bytes, unpacked. Raises UsageError where there is no such file."""
    try:
        with path.open("rb") as file:
            magic = file.read(len(XZ))
        if magic == XZ:
            return cast(IO[bytes], lzma.open(path))
        if magic.startswith(GZIP):
            return cast(IO[bytes], gzip.open(path))
        return path.open("rb")
    except OSError as error:
        raise UsageError(f"{path} cannot be opened: {error.strerror or error}") from error


def lines_of(path: Path, refuse: Callable[[str, str], None]) -> Iterator[bytes]:
    """The file's lines. A damaged file ends where the damage begins, and that is refused."""
    number = 0
    with opened(path) as file:
        try:
            for line in file:
                number += 1
                yield line
        except (OSError, EOFError, lzma.LZMAError, zlib.error) as error:
            refuse(
                f"the file is damaged, the rest of it is lost: {error}", f"{path.name} after line {number}"
            )


def first_line(path: Path) -> bytes:
    """The first line, at most 64 KB of it. Raises UsageError where there is no such file."""
    with opened(path) as file:
        try:
            return file.readline(65_536)
        except (OSError, EOFError, lzma.LZMAError, zlib.error):
            return b""
