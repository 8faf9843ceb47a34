"""What answers are made with besides their inputs, kept in ops.artefacts before the first answer names it."""

from collections.abc import Iterable

from confluent_kafka import Producer

from pipeline import codec
from pipeline.errors import BrokerUnavailable
from pipeline.records import Artefact
from pipeline.topics import ARTEFACTS

TIMEOUT_S = 10.0


def keep(bootstrap: str, artefacts: Iterable[Artefact]) -> None:
    """Append them, acknowledged by all replicas. Each start does so again; compaction keeps one.

    Raises BrokerUnavailable where that takes longer than 10 s.
    """
    producer = Producer(
        {
            "bootstrap.servers": bootstrap,
            "acks": "all",
            "partitioner": "murmur2_random",
            "linger.ms": 0,
            "message.timeout.ms": int(TIMEOUT_S * 1000),
            "log_level": 2,
        }
    )
    failed: list[str] = []
    for artefact in artefacts:
        key, value = codec.encode(ARTEFACTS, artefact)
        producer.produce(
            ARTEFACTS, value, key, on_delivery=lambda error, _: failed.append(str(error)) if error else None
        )
    if producer.flush(TIMEOUT_S) or failed:
        raise BrokerUnavailable(f"{ARTEFACTS} at {bootstrap} takes no records: {failed or 'no answer'}")
