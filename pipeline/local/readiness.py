"""Whether a broker answers: ready means that ``describe_cluster`` does."""

import re
import socket
import subprocess
import time
from pathlib import Path

from confluent_kafka import Consumer, KafkaException, Producer
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from pipeline.errors import BrokerUnavailable

GIVEN_ANSWERS_S = 5.0
STARTS_S = 90.0  # 1 s on a quiet machine; a loaded one with three other JVMs took twelve
LOOKS_EVERY_S = 0.02


def answers(bootstrap: str, within_s: float) -> bool:
    """Whether a cluster of at least one broker describes itself at this address in time."""
    # Refusals are what we expect here, so the client is not to print each.
    admin = AdminClient({"bootstrap.servers": bootstrap, "log_level": 0, "reconnect.backoff.max.ms": 100})
    try:
        return bool(admin.describe_cluster(request_timeout=within_s).result(within_s + 1.0).nodes)
    except (KafkaException, TimeoutError):
        return False


def require(
    bootstrap: str,
    who: str = "the Kafka of SHARPLINE_KAFKA",
    remedy: str = "start it, correct the address, or unset SHARPLINE_KAFKA for a broker of our own",
) -> None:
    """`BrokerUnavailable` unless the broker at an address that we were told answers."""
    if not answers(bootstrap, GIVEN_ANSWERS_S):
        raise BrokerUnavailable(
            f"{who} does not answer at {bootstrap} within {GIVEN_ANSWERS_S:.0f} s: {remedy}"
        )


def wait(bootstrap: str, process: subprocess.Popen[bytes], log: Path) -> None:
    """Wait for a broker that was just started, for as long as its process lives.

    Raises
    ------
    BrokerUnavailable
        With what its log says when it ends, or does not answer in time.
    """
    log_start = log.stat().st_size
    give_up_at = time.monotonic() + STARTS_S
    while time.monotonic() < give_up_at:
        if process.poll() is not None:
            raise BrokerUnavailable(f"the broker ended while it started: {complaint(log, log_start)}")
        # A bare connection costs nothing; the client takes its time once it was refused.
        if listens(bootstrap) and answers(bootstrap, LOOKS_EVERY_S * 50):
            return
        time.sleep(LOOKS_EVERY_S)
    raise BrokerUnavailable(
        f"the broker did not answer at {bootstrap} within {STARTS_S:.0f} s: {complaint(log, log_start)}"
    )


def listens(bootstrap: str) -> bool:
    """Whether something accepts connections at this one address."""
    host, port = bootstrap.rsplit(":", 1)
    try:
        socket.create_connection((host, int(port)), timeout=1.0).close()
    except OSError:
        return False
    return True


def complaint(log: Path, since: int = 0) -> str:
    """What was wrong, as the broker logged it after byte ``since``: its first exception, else error."""
    with log.open("rb") as lines:
        lines.seek(since)
        said = [line.decode(errors="replace").strip() for line in lines]
    thrown = [line for line in said if re.match(r"[\w.$]+(Exception|Error): ", line)]
    errors = [line for line in said if " ERROR " in line or " FATAL " in line]
    return next(iter(thrown + errors + said[-1:]), "it said nothing")


def exercise(bootstrap: str) -> None:
    """Do once what every user of a broker does: a topic, records, a consumer group."""
    topic = "archive.rounds"
    # It is a new cluster's first minute: its coordinators still load, which clients report and ride out.
    address: dict[str, str | int | float | bool] = {"bootstrap.servers": bootstrap, "log_level": 0}
    admin = AdminClient(address)
    for created in admin.create_topics([NewTopic(topic, 4, 1, config={"compression.type": "zstd"})]).values():
        created.result(30.0)
    producer = Producer({**address, "enable.idempotence": True, "compression.type": "zstd"})
    for number in range(1000):
        producer.produce(topic, key=str(number), value=bytes(100))
    producer.flush(30.0)
    consumer = Consumer({**address, "group.id": topic, "auto.offset.reset": "earliest"})
    consumer.subscribe([topic])
    read, give_up_at = 0, time.monotonic() + 30.0
    while read < 1000 and time.monotonic() < give_up_at:
        read += len(consumer.consume(1000 - read, 0.5))
    consumer.commit(asynchronous=False)
    consumer.close()
    for deleted in admin.delete_topics([topic]).values():
        deleted.result(30.0)
