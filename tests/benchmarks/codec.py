"""How fast records are written and read: the codec beside bare fastavro, in the same run.

Run it: ``make bench ARGS=codec``. Microseconds of this thread's CPU time, the median of a record, and of a
poll also of each of its lines. The ratio is to fastavro's schemaless writer and reader on the same fields,
which check nothing and make dictionaries.
"""

import statistics
from collections import defaultdict
from functools import partial
from io import BytesIO
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import click
import msgspec
from fastavro import parse_schema, schemaless_reader, schemaless_writer

import schemas
from pipeline.codec import HEADER, decode, encode
from pipeline.records import Record
from pipeline.replay.archive import ArchiveWriter, read, topics_of
from pipeline.replay.run import replay
from pipeline.settings import Rules
from pipeline.topics import TOPICS, topic_of
from producers.simulator import simulate
from tests.benchmarks.board import CHANGED
from tests.benchmarks.folds import WARM, microseconds, snapshots

SEED, EVENTS, RECORDS, STARTS_MS = 1, 12, 6_000, 1_767_225_600_000
#: Of one topic at most; of fewer than that a few times over.
MOST = 1_000


def evening() -> dict[str, list[Record]]:
    """What the simulator and the folds write, by topic."""
    found = defaultdict(list)
    with TemporaryDirectory() as folder:
        day, out = Path(folder) / "day", Path(folder) / "out"
        with ArchiveWriter(day, 1) as writer:
            for record in islice(simulate(SEED, EVENTS, STARTS_MS), RECORDS):
                writer.append(topic_of(type(record)).name, record)
        replay(day, out, Rules(), 1)
        for place in (day, out):
            for topic in topics_of(place):
                records = [message.record for message in read(place, topic) if message.record is not None]
                found[topic] = (records * (1 + MOST // len(records)))[:MOST]
    return found


def write(schema: Any, datum: Any) -> bytes:
    """The body as bare fastavro writes it."""
    buffer = BytesIO()
    schemaless_writer(buffer, schema, datum)
    return buffer.getvalue()


def said(name: str, topic: str, records: list[Any], lines: int = 0) -> None:
    """Print what the records of a topic cost."""
    schema: Any = parse_schema(schemas.newest(TOPICS[topic].subject).schema)
    plain = [msgspec.to_builtins(record, builtin_types=(bytes,)) for record in records]
    messages = [encode(topic, record) for record in records]
    bodies = [value[HEADER.size :] for _, value in messages]
    encoding = statistics.median(microseconds(partial(encode, topic), records, WARM))
    decoding = statistics.median(microseconds(lambda message: decode(topic, *message), messages, WARM))
    writing = statistics.median(microseconds(partial(write, schema), plain, WARM))
    reading = statistics.median(
        microseconds(lambda body: schemaless_reader(BytesIO(body), schema, None), bodies, WARM)
    )
    size = statistics.median([len(value) for _, value in messages])
    each = f"  a line: {encoding / lines:.2f} and {decoding / lines:.2f}" if lines else ""
    click.echo(
        f"{name:<22}{size:>7.0f}{encoding:>10.1f}{encoding / writing:>8.2f}"
        f"{decoding:>10.1f}{decoding / reading:>8.2f}{each}"
    )


def main() -> None:
    """Measure and print."""
    click.echo(
        f"{'microseconds a record':<22}{'bytes':>7}{'encode':>10}{'ratio':>8}{'decode':>10}{'ratio':>8}"
    )
    polls = list(snapshots(CHANGED))
    said("polls of 75 lines", "odds.snapshots", polls, len(polls[0].lines))
    for topic, records in evening().items():
        said(topic, topic, records)


if __name__ == "__main__":
    main()
