"""The settings of a Kafka node in KRaft mode, and the loopback ports that it listens on."""

import base64
import random
import re
import socket
import uuid
from dataclasses import dataclass
from pathlib import Path

POM = Path(__file__).parents[2] / "deploy" / "broker" / "pom.xml"

# Below the range from which systems take the ports of outgoing connections (32768 and up on Linux, 49152
# elsewhere): a client that retries a stopped broker's port there can end up connected to itself.
PORTS = range(20_000, 32_000)


def version() -> str:
    """The Kafka version that deploy/broker/pom.xml names."""
    found = re.search(r"<kafka\.version>(.+?)</kafka\.version>", POM.read_text())
    if found is None:
        raise ValueError(f"{POM} names no kafka.version")
    return found[1]


def is_free(port: int) -> bool:
    """Whether a server could listen on this port of the loopback address now."""
    with socket.socket() as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            server.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def free_ports(count: int) -> list[int]:
    """Ports of the loopback address that nobody listens on, each once, drawn at random."""
    drawn = random.SystemRandom().sample(PORTS, len(PORTS))
    return [port for _, port in zip(range(count), filter(is_free, drawn), strict=False)]


def cluster_id() -> str:
    """A new cluster's id. Never one that starts with '-': Kafka's tools take it for an option and stop."""
    while True:
        drawn = base64.urlsafe_b64encode(uuid.uuid4().bytes).rstrip(b"=").decode()
        if not drawn.startswith("-"):
            return drawn


@dataclass(frozen=True)
class Member:
    """A node's place in a cluster of several: its number, from 1; the controller ports of all, in order."""

    number: int
    controller_ports: tuple[int, ...]
    cluster_id: str


def properties(
    *, log_dir: str, port: int, controller_port: int, host: str = "127.0.0.1", member: Member | None = None
) -> str:
    """``server.properties`` of the node.

    ``log_dir`` holds its data, as the node sees the path. It listens on ``host`` (in a container not the
    loopback one) and is always reached at 127.0.0.1. Compression, clean-up and retention are set for each
    topic when `sharpline topics` creates it; the retention here is that of a topic which says nothing.
    Without ``member`` it is a cluster of its own. Of several, each has a copy of the cluster's own topics.
    """
    ports = member.controller_ports if member is not None else (controller_port,)
    copies = len(ports)
    # One copy may be away.
    in_sync = max(1, copies - 1)
    settings = {
        "process.roles": "broker,controller",
        "node.id": member.number if member is not None else 1,
        "controller.quorum.voters": ",".join(f"{n}@127.0.0.1:{at}" for n, at in enumerate(ports, start=1)),
        "listeners": f"PLAINTEXT://{host}:{port},CONTROLLER://127.0.0.1:{controller_port}",
        "advertised.listeners": f"PLAINTEXT://127.0.0.1:{port}",
        "controller.listener.names": "CONTROLLER",
        "listener.security.protocol.map": "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT",
        "log.dirs": log_dir,
        "auto.create.topics.enable": "false",
        "log.retention.hours": 14 * 24,
        "log.cleaner.dedupe.buffer.size": 16 * 1024 * 1024,
        "min.insync.replicas": in_sync,
        "offsets.topic.replication.factor": copies,
        "offsets.topic.num.partitions": 4,
        "transaction.state.log.replication.factor": copies,
        "transaction.state.log.min.isr": in_sync,
        "transaction.state.log.num.partitions": 4,
        "share.coordinator.state.topic.replication.factor": copies,
        "share.coordinator.state.topic.min.isr": in_sync,
        # A killed broker is let back in when its last session is over: 9 s by default.
        "broker.session.timeout.ms": 3000,
        "broker.heartbeat.interval.ms": 500,
        "group.initial.rebalance.delay.ms": 0,
        "group.min.session.timeout.ms": 1000,
    }
    return "".join(f"{name}={value}\n" for name, value in settings.items())
