"""The tables on a real Postgres: made once, by one writer, filled all or nothing."""

import time
from contextlib import closing
from typing import Any

import psycopg
import pytest

from pipeline.codec import encode
from pipeline.errors import UsageError
from processors.sinks import database
from processors.sinks.database import Connection, Writer
from processors.sinks.entries import Entry, entry
from tests.make_records import AT_MS, example
from tests.postgres import asked

VALUE, STATES = "bets.value", "games.states"
IDENTITIES = {VALUE: "a", STATES: "b"}
MONTH_MS = 31 * 86_400_000


def an_entry(offset: int, topic: str = VALUE, appended_at_ms: int = AT_MS, **fields: Any) -> Entry:
    return entry((topic, 0, offset), *encode(topic, example(topic, **fields)), appended_at_ms)


def begun(connection: Connection) -> Writer:
    database.migrate(connection)
    return Writer(connection, database.logs(connection, IDENTITIES))


def test_steps_are_numbered_without_a_hole_and_applied_once(database_url: str) -> None:
    steps = database.migrations()
    assert [step.number for step in steps] == list(range(1, len(steps) + 1))

    with closing(database.connect(database_url)) as connection:
        assert database.migrate(connection) == [step.name for step in steps]
        assert database.migrate(connection) == []


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE migrations SET digest = 'other' WHERE number = 1",
        "INSERT INTO migrations VALUES (99, 'x', 'x')",
    ],
    ids=["another step 1", "of a later version"],
)
def test_tables_of_another_version_are_left_alone(database_url: str, change: str) -> None:
    with closing(database.connect(database_url)) as connection:
        database.migrate(connection)
        connection.execute(change)  # type: ignore[call-overload]

        with pytest.raises(UsageError, match="use the version that made it"):
            database.migrate(connection)


def test_who_may_make_no_tables_is_told_so(database_url: str) -> None:
    with psycopg.connect(database_url, autocommit=True) as owner:
        owner.execute("CREATE ROLE reader LOGIN")
    reader = psycopg.conninfo.make_conninfo(database_url, user="reader")

    with closing(database.connect(reader)) as connection:
        with pytest.raises(UsageError, match="permission denied for schema public; give the sink"):
            database.migrate(connection)
    with psycopg.connect(database_url, autocommit=True) as owner:
        owner.execute("DROP ROLE reader")


def test_one_writes_at_a_time_and_the_next_when_it_has_gone(database_url: str) -> None:
    with closing(database.connect(database_url)) as second:
        with closing(database.connect(database_url)) as first:
            assert database.lock(first)
            assert not database.lock(second)
        give_up_at = time.monotonic() + 60
        while not database.lock(second):  # a server needs a moment to see that somebody has gone
            assert time.monotonic() < give_up_at


def test_what_was_stored_is_not_stored_again_and_positions_never_go_back(database_url: str) -> None:
    with closing(database.connect(database_url)) as connection:
        writer = begun(connection)
        assert writer.write([an_entry(0), an_entry(1)], {(VALUE, 0): 2}) == 2

        assert writer.write([an_entry(0), an_entry(1), an_entry(2)], {(VALUE, 0): 1, (STATES, 3): 9}) == 1

        numbers = database.logs(connection, IDENTITIES)
        assert database.positions(connection, numbers) == {(VALUE, 0): 2, (STATES, 3): 9}
    assert asked(database_url, 'SELECT "offset" FROM answers ORDER BY 1') == [(0,), (1,), (2,)]


def test_a_topic_that_was_made_anew_is_another_log(database_url: str) -> None:
    with closing(database.connect(database_url)) as connection:
        begun(connection).write([an_entry(0)], {(VALUE, 0): 1})
    with closing(database.connect(database_url)) as connection:
        numbers = database.logs(connection, {VALUE: "made anew"})
        assert database.positions(connection, numbers) == {}
        assert Writer(connection, numbers).write([an_entry(0, revision=1)], {(VALUE, 0): 1}) == 1

    assert asked(database_url, "SELECT revision FROM answers ORDER BY log") == [(7,), (1,)]


def test_rows_and_positions_are_stored_together_or_not_at_all(database_url: str) -> None:
    with closing(database.connect(database_url)) as connection:
        writer = begun(connection)
        with pytest.raises(psycopg.Error):
            writer.write([an_entry(0)], {(VALUE, 2**40): 1})  # no such partition number fits

        assert writer.write([], {}) == 0
    assert asked(database_url, "SELECT count(*) FROM answers") == [(0,)]
    assert asked(database_url, "SELECT count(*) FROM positions") == [(0,)]


def test_each_month_has_its_table(database_url: str) -> None:
    rows = [an_entry(number, appended_at_ms=AT_MS + number * MONTH_MS) for number in range(5)]
    with closing(database.connect(database_url)) as connection:
        assert begun(connection).write(rows, {(VALUE, 0): 5}) == 5
    with closing(database.connect(database_url)) as connection:
        assert begun(connection).write(rows, {(VALUE, 0): 5}) == 0

    tables = (
        "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'answers'::regclass ORDER BY 1"
    )
    months = ("2025_09", "2025_10", "2025_11", "2025_12", "2026_01")
    assert asked(database_url, tables) == [(f"answers_{month}",) for month in months]
