"""What Postgres keeps of an event's answers, where `sharpline sink postgres` fills one: read page by page."""

import asyncio
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, NamedTuple, Self

import msgspec
import psycopg
from msgspec import Meta, Struct
from psycopg import sql
from psycopg.rows import kwargs_row
from psycopg_pool import AsyncConnectionPool, PoolTimeout, TooManyRequests

from pipeline.errors import SharplineError
from pipeline.records.kinds import LATEST_MS

#: Of this gateway to the database; further questions wait a little, and then are told so.
CONNECTIONS, WAITING = 4, 64
WAITS_S, CONNECTS_WITHIN_S = 2.0, 3
#: Of one question in the database, and with the way there and back.
STATEMENT_S, ANSWERS_WITHIN_S = 3, 6.0
#: A pool that cannot connect for so long gives up until it is asked again.
RECONNECTS_S = 5.0
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class HistoryAway(SharplineError):
    """The database does not answer, or not in time; the sentence is for who asked."""


class Mark(NamedTuple):
    """A place in an event's history: when the answer was about, then where it lies."""

    received_at_ms: Annotated[int, Meta(ge=0, le=LATEST_MS)]
    log: Annotated[int, Meta(ge=0, le=2**15 - 1)]
    partition: Annotated[int, Meta(ge=0, le=2**31 - 1)]
    offset: Annotated[int, Meta(ge=0, le=2**53)]


class HistoryEntry(Struct, frozen=True, kw_only=True):
    """One answer as it was published. ``log`` tells topics apart that bore the same name one after another.

    ``received_at_ms`` is the time of the log that it is about, ``appended_at_ms`` the wall's when it came.
    """

    topic: str
    key: str
    log: int
    partition: int
    offset: int
    revision: int
    received_at_ms: int
    appended_at_ms: int
    record: msgspec.Raw

    @property
    def mark(self) -> Mark:
        """Where it stands."""
        return Mark(self.received_at_ms, self.log, self.partition, self.offset)


def _entry(record: str, **fields: Any) -> HistoryEntry:
    return HistoryEntry(record=msgspec.Raw(record.encode()), **fields)


class Stretch(NamedTuple):
    """Which of an event's answers are meant: times are of the log, ``to_ms`` is excluded."""

    event: str
    topic: str
    from_ms: int
    to_ms: int
    after: Mark | None
    oldest_first: bool


class History:
    """A bounded pool of connections that only read. Open as a context, on the loop that asks."""

    def __init__(self, url: str) -> None:
        self._pool = AsyncConnectionPool(
            url,
            min_size=1,
            max_size=CONNECTIONS,
            max_waiting=WAITING,
            timeout=WAITS_S,
            reconnect_timeout=RECONNECTS_S,
            open=False,
            configure=_only_reading,
            check=AsyncConnectionPool.check_connection,
            kwargs={
                "autocommit": True,
                "connect_timeout": CONNECTS_WITHIN_S,
                "application_name": "sharpline gateway",
            },
        )

    async def __aenter__(self) -> Self:
        await self._pool.open()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._pool.close()

    async def page(self, stretch: Stretch, limit: int) -> list[HistoryEntry]:
        """At most so many answers of a stretch, in its order. Raises HistoryAway."""
        query, values = _query(stretch, limit)
        try:
            async with asyncio.timeout(ANSWERS_WITHIN_S), self._pool.connection() as connection:
                cursor = connection.cursor(row_factory=kwargs_row(_entry))
                await cursor.execute(query, values)
                return await cursor.fetchall()
        except (PoolTimeout, TooManyRequests) as error:
            raise HistoryAway("the database with the history is away or busy; ask again") from error
        except (psycopg.errors.QueryCanceled, TimeoutError) as error:
            raise HistoryAway(
                f"the database took longer than {STATEMENT_S} s; ask for one topic, or less time"
            ) from error
        except psycopg.errors.UndefinedTable as error:
            raise HistoryAway("nothing was ever stored: start `sharpline sink postgres`") from error
        except (psycopg.OperationalError, psycopg.InterfaceError) as error:
            raise HistoryAway("the connection to the database ended; ask again") from error


async def _only_reading(connection: psycopg.AsyncConnection[Any]) -> None:
    await connection.execute("SET default_transaction_read_only = on")
    await connection.execute(sql.SQL("SET statement_timeout = {}").format(f"{STATEMENT_S}s"))


def _query(stretch: Stretch, limit: int) -> tuple[sql.Composed, Mapping[str, Any]]:
    place = 'received_at, log, partition, "offset"'
    order, beyond = ("ASC", ">") if stretch.oldest_first else ("DESC", "<")
    conditions = ["event = %(event)s", "received_at >= %(from)s", "received_at < %(to)s"]
    values: dict[str, Any] = {"event": stretch.event, "limit": limit}
    values |= {"from": _moment(stretch.from_ms), "to": _moment(stretch.to_ms)}
    if stretch.topic:
        conditions.append("topic = %(topic)s")
        values["topic"] = stretch.topic
    if stretch.after is not None:
        conditions.append(f"({place}) {beyond} (%(at)s, %(log)s, %(partition)s, %(offset)s)")
        values |= stretch.after._asdict() | {"at": _moment(stretch.after.received_at_ms)}
    return sql.SQL(
        'SELECT topic, key, log, partition, "offset", revision, record::text AS record, '
        "(extract(epoch FROM received_at) * 1000)::bigint AS received_at_ms, "
        "(extract(epoch FROM appended_at) * 1000)::bigint AS appended_at_ms "
        "FROM answers WHERE {conditions} ORDER BY {order} LIMIT %(limit)s"
    ).format(
        conditions=sql.SQL(" AND ".join(conditions)),
        order=sql.SQL(", ".join(f"{column} {order}" for column in place.split(", "))),
    ), values


def _moment(at_ms: int) -> datetime:
    return _EPOCH + timedelta(milliseconds=at_ms)
