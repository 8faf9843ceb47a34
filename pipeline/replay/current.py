"""The answers that hold now: the last record of each key of a compacted topic."""

from collections.abc import Iterable
from typing import Any

from pipeline import cluster, codec
from pipeline.errors import UsageError
from pipeline.replay.verify import kafka
from pipeline.topics import partition_of


def current(bootstrap: str, topic: str, keys: Iterable[str] | None = None) -> dict[str, Any]:
    """The last record of each key, read up to where the topic ends at the start.

    Parameters
    ----------
    keys : iterable of str or None
        Only these, and only their partitions are read; None for all.

    Raises
    ------
    UsageError
        If the topic is not there.
    BrokerUnavailable
        If no Kafka answers, or it stops to.
    UnreadableRecord
        If what holds cannot be decoded.
    """
    count = cluster.partitions(bootstrap).get(topic)
    if count is None:
        raise UsageError(f"{topic} is not on {bootstrap}; make the topics with `sharpline topics`")
    wanted = None if keys is None else {key.encode() for key in keys}
    numbers = (
        range(count) if wanted is None else sorted({partition_of(key.decode(), count) for key in wanted})
    )
    ends = {number: kafka.ends(bootstrap, [topic], number)[topic] for number in numbers}
    # All at once: each begins to read ahead when it is made.
    reading = [kafka.read(bootstrap, topic, number, 0, end) for number, end in ends.items()]
    last: dict[bytes, bytes | None] = {}
    for messages in reading:
        for message in messages:
            if message.key is not None and (wanted is None or message.key in wanted):
                last[message.key] = message.value
    return {
        key.decode(): codec.decode(topic, key, value)
        for key, value in sorted(last.items())
        if value is not None
    }
