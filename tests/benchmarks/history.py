"""Answers in Postgres: how many a second are stored, what a million of them takes, how soon a page is read.

Run it: ``make bench ARGS=history``. The answers of a simulated evening, decoded and stored as the sink does,
in a Postgres of its own with default settings; without Kafka.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from itertools import islice

import click

from gateway.history import History, Stretch
from pipeline.codec import encode
from pipeline.records.kinds import LATEST_MS
from pipeline.replay.archive import Message
from processors.sinks import database
from processors.sinks.database import Writer
from processors.sinks.entries import Entry, entry
from processors.sinks.sink import BATCH
from tests.gateway.evening import answers
from tests.postgres import asked, fresh_database, postgres

GAMES, MINUTES = 12, 240.0
ANSWERS, PAGES, PAGE = 50_000, 200, 50
MILLION = 1_000_000
TAKEN = """
    SELECT sum(pg_table_size(inhrelid))::float8, sum(pg_indexes_size(inhrelid))::float8
    FROM pg_inherits WHERE inhparent = 'answers'::regclass
"""
GB = 1e9


def encoded() -> list[tuple[Message, bytes, bytes]]:
    """Answers as they come from Kafka."""
    found = islice(answers(GAMES, MINUTES), ANSWERS)
    return [(message, *encode(message.topic, message.record)) for message in found]


def batches(messages: list[tuple[Message, bytes, bytes]]) -> Iterator[list[Entry]]:
    for start in range(0, len(messages), BATCH):
        yield [
            entry((message.topic, message.partition, message.offset), key, value, message.at_ms)
            for message, key, value in messages[start : start + BATCH]
        ]


def store(url: str, messages: list[tuple[Message, bytes, bytes]]) -> float:
    """Seconds that it took to decode and to store everything."""
    with closing(database.connect(url)) as connection:
        database.migrate(connection)
        topics = {message.topic: "bench" for message, _, _ in messages}
        writer = Writer(connection, database.logs(connection, topics))
        begun_s = time.perf_counter()
        for batch in batches(messages):
            last = {(one.topic, one.partition): one.offset + 1 for one in batch}
            writer.write(batch, last)
        return time.perf_counter() - begun_s


async def read(url: str, events: list[str]) -> list[float]:
    """Seconds that each of some pages took, one after the other."""
    took = []
    async with History(url) as history:
        for number in range(PAGES):
            stretch = Stretch(events[number % len(events)], "", 0, LATEST_MS, None, oldest_first=False)
            begun_s = time.perf_counter()
            found = await history.page(stretch, PAGE)
            took.append(time.perf_counter() - begun_s)
            assert len(found) == PAGE
    return sorted(took)


def main() -> None:
    """Measure and print."""
    messages = encoded()
    with postgres() as server:
        url = fresh_database(server)
        seconds = store(url, messages)
        ((rows, indexes),) = asked(url, TAKEN)
        scale = MILLION / len(messages) / GB
        click.echo(f"{len(messages):,} answers: {len(messages) / seconds:,.0f} stored a second")
        click.echo(
            f"a million: {(rows + indexes) * scale:.2f} GB, of which indexes {indexes * scale:.2f} GB; "
            f"as Avro {sum(len(value) for _, _, value in messages) * scale:.2f} GB"
        )
        sizes = asked(
            url, "SELECT topic, avg(pg_column_size(record))::float8 FROM answers GROUP BY 1 ORDER BY 1"
        )
        counts = Counter(message.topic for message, _, _ in messages)
        for topic, size in sizes:
            click.echo(f"  {topic:<20} {counts[topic]:>7,} answers, {size:>6,.0f} bytes each as stored")
        took = asyncio.run(read(url, sorted({message.key.partition("|")[0] for message, _, _ in messages})))
        p50_ms, p99_ms = (took[int(len(took) * share)] * 1_000 for share in (0.5, 0.99))
        click.echo(f"a page of {PAGE}: p50 {p50_ms:.1f} ms, p99 {p99_ms:.1f} ms")


if __name__ == "__main__":
    main()
