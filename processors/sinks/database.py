"""The tables in Postgres: made by numbered files, held by one writer at a time, filled batch by batch.

A batch's rows and the offsets after them are one transaction. So whoever goes on from the offsets that are
there neither leaves out a record nor writes one twice, whatever was killed in between; and were one read
twice all the same, its log, partition and offset would say so.
"""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from hashlib import blake2b
from importlib.resources import files
from typing import Any, NamedTuple

import psycopg
from psycopg import sql

from pipeline.errors import UsageError
from processors.sinks.entries import Entry

Place = tuple[str, int]  # a topic's partition
Connection = psycopg.Connection[tuple[Any, ...]]

#: One writer for each database; any number will do that nobody else there uses.
_LOCK = 7_309_457_213
CONNECTS_WITHIN_S = 5
#: Of one statement; a batch takes milliseconds.
ANSWERS_WITHIN_S = 60
_COLUMNS = (
    "log",
    "topic",
    "partition",
    "offset",
    "key",
    "event",
    "appended_at",
    "received_at",
    "revision",
    "record",
)
_SETTINGS = (
    f"SET statement_timeout = '{ANSWERS_WITHIN_S}s'",
    # The lock of a writer whose machine has gone must not outlive it for hours.
    "SET tcp_keepalives_idle = 15",
    "SET tcp_keepalives_interval = 5",
    "SET tcp_keepalives_count = 3",
)


class Migration(NamedTuple):
    """One step of the tables; a released one is never changed."""

    number: int
    name: str
    text: str

    @property
    def digest(self) -> str:
        """Tells whether what was applied is what is here."""
        return blake2b(self.text.encode(), digest_size=8).hexdigest()


def migrations() -> list[Migration]:
    """All steps, in order."""
    folder = files("processors.sinks").joinpath("migrations")
    found = sorted(file.name for file in folder.iterdir() if file.name.endswith(".sql"))
    return [Migration(int(name[:4]), name, folder.joinpath(name).read_text("utf-8")) for name in found]


def connect(url: str) -> Connection:
    """A connection that gives up in time. Raises psycopg.OperationalError."""
    connection = psycopg.connect(
        url,
        autocommit=True,
        connect_timeout=CONNECTS_WITHIN_S,
        application_name="sharpline sink",
        keepalives_idle=15,
        keepalives_interval=5,
        keepalives_count=3,
        tcp_user_timeout=30_000,
    )
    for setting in _SETTINGS:
        connection.execute(setting)
    return connection


def lock(connection: Connection) -> bool:
    """Whether this connection is now the one that writes, for as long as it lasts."""
    return connection.execute("SELECT pg_try_advisory_lock(%s)", (_LOCK,)).fetchone() == (True,)


def migrate(connection: Connection) -> list[str]:
    """Apply the steps that the database does not have yet; their names.

    Raises
    ------
    UsageError
        If the database is of another version, or does not let its tables be made.
    """
    known = {migration.number: migration for migration in migrations()}
    try:
        connection.execute(
            "CREATE TABLE IF NOT EXISTS migrations (number integer PRIMARY KEY, name text NOT NULL, "
            "digest text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now())"
        )
        applied: dict[int, str] = dict(connection.execute("SELECT number, digest FROM migrations").fetchall())
        for number, digest in applied.items():
            if number not in known or known[number].digest != digest:
                raise UsageError(
                    f"the database has migration {number} as this version does not know it: use the version "
                    "that made it, or another database"
                )
        fresh = [migration for number, migration in known.items() if number not in applied]
        for migration in fresh:
            with connection.transaction():
                connection.execute(migration.text)
                connection.execute(
                    "INSERT INTO migrations (number, name, digest) VALUES (%s, %s, %s)",
                    (migration.number, migration.name, migration.digest),
                )
    except psycopg.ProgrammingError as error:
        raise UsageError(
            f"the database does not take the tables: {said(error)}; give the sink a database, or a schema, "
            "whose owner it is"
        ) from error
    return [migration.name for migration in fresh]


def logs(connection: Connection, identities: Mapping[str, str]) -> dict[str, int]:
    """The number of each topic's log; ``identities`` tells topics apart that had the same name."""
    for topic, identity in identities.items():
        connection.execute(
            "INSERT INTO logs (topic, identity) VALUES (%s, %s) ON CONFLICT DO NOTHING", (topic, identity)
        )
    found = connection.execute("SELECT topic, identity, log FROM logs").fetchall()
    return {topic: log for topic, identity, log in found if identities.get(topic) == identity}


def positions(connection: Connection, numbers: Mapping[str, int]) -> dict[Place, int]:
    """Up to where each partition of these logs is stored."""
    topics = {log: topic for topic, log in numbers.items()}
    found = connection.execute("SELECT log, partition, next_offset FROM positions").fetchall()
    return {(topics[log], partition): offset for log, partition, offset in found if log in topics}


class Writer:
    """Writes batches over one connection, whose database has its tables."""

    def __init__(self, connection: Connection, numbers: Mapping[str, int]) -> None:
        self._connection, self._numbers = connection, numbers
        self._months: set[tuple[int, int]] = set()
        connection.execute("CREATE TEMPORARY TABLE arriving (LIKE answers) ON COMMIT DELETE ROWS")
        columns = sql.SQL(", ").join(map(sql.Identifier, _COLUMNS))
        self._copy = sql.SQL("COPY arriving ({}) FROM STDIN").format(columns)

    def write(self, entries: Iterable[Entry], offsets: Mapping[Place, int]) -> int:
        """Store entries and the offsets after them, all or nothing; how many were not there yet."""
        entries = list(entries)
        self._make_months(entries)
        with self._connection.transaction(), self._connection.cursor() as cursor:
            with cursor.copy(self._copy) as copy:
                for entry in entries:
                    copy.write_row((self._numbers[entry.topic], *entry))
            cursor.execute("INSERT INTO answers SELECT * FROM arriving ON CONFLICT DO NOTHING")
            stored = cursor.rowcount
            cursor.executemany(
                "INSERT INTO positions VALUES (%s, %s, %s) ON CONFLICT (log, partition) "
                "DO UPDATE SET next_offset = greatest(positions.next_offset, excluded.next_offset)",
                [(self._numbers[topic], partition, at) for (topic, partition), at in sorted(offsets.items())],
            )
        return stored

    def _make_months(self, entries: list[Entry]) -> None:
        """Make the tables of the months that entries are of, where there is none yet."""
        months = {(entry.appended_at.year, entry.appended_at.month) for entry in entries}
        for year, month in sorted(months - self._months):
            following = (year + 1, 1) if month == 12 else (year, month + 1)
            self._connection.execute(
                sql.SQL(
                    "CREATE TABLE IF NOT EXISTS {} PARTITION OF answers FOR VALUES FROM ({}) TO ({})"
                ).format(
                    sql.Identifier(f"answers_{year}_{month:02}"),
                    sql.Literal(datetime(year, month, 1, tzinfo=UTC)),
                    sql.Literal(datetime(*following, 1, tzinfo=UTC)),
                )
            )
            self._months.add((year, month))


def said(error: psycopg.Error) -> str:
    """The first line of what Postgres, or the way to it, said."""
    return str(error).strip().partition("\n")[0]
