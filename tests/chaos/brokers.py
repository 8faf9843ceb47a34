"""Three brokers on this machine, to be killed one by one. Only from the jars: a container has one."""

import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from pipeline.local import children, jars, kraft, readiness

NODES = 3
ANSWER_S = 10.0


@dataclass
class Node:
    """One broker of the three; ``start`` again after its end continues on its data."""

    data: Path
    port: int
    member: kraft.Member
    kafka: jars.Kafka
    process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def start(self) -> None:
        """Launch it; it is ready some seconds later."""
        controller_port = self.member.controller_ports[self.member.number - 1]
        self.data.mkdir(exist_ok=True)
        self.process = jars.launch(
            self.kafka, self.data, self.port, controller_port, short_lived=True, member=self.member
        )

    def kill(self) -> None:
        """SIGKILL, and wait for its end."""
        assert self.process is not None
        children.stop(self.process, 0.0)


class Brokers:
    """The three, and who leads what."""

    def __init__(self, nodes: list[Node]) -> None:
        self.nodes = {node.member.number: node for node in nodes}
        self.bootstrap = ",".join(node.address for node in nodes)

    def leader(self, topic: str, partition: int) -> Node:
        """The broker that takes what is sent to a partition."""
        return self.nodes[
            self._admin().list_topics(topic, ANSWER_S).topics[topic].partitions[partition].leader
        ]

    def coordinator(self, group: str) -> Node:
        """The broker to which the members of a group send their heartbeats."""
        admin = self._admin()  # held by name: once it is collected, its answers never come
        described = admin.describe_consumer_groups([group], request_timeout=ANSWER_S)[group].result()
        return self.nodes[described.coordinator.id]

    def are_whole(self) -> bool:
        """Whether every partition has all of its copies in step; False also where nobody says."""
        try:
            topics = self._admin().list_topics(timeout=ANSWER_S).topics.values()
        except KafkaException:
            return False
        partitions = [one for topic in topics for one in topic.partitions.values()]
        return bool(partitions) and all(len(one.isrs) == len(one.replicas) for one in partitions)

    def _admin(self) -> AdminClient:
        # A new one each time: an old one may stay blind for a minute after a leader died.
        return AdminClient({"bootstrap.servers": self.bootstrap, "log_level": 0})


@contextmanager
def three_brokers(folder: Path, say: Callable[[str], None]) -> Iterator[Brokers]:
    """Three that know each other; ended afterwards. Raises BrokerUnavailable without Java or its jars."""
    kafka = jars.installed(say)
    ports = kraft.free_ports(2 * NODES)
    controllers, cluster_id = tuple(ports[:NODES]), kraft.cluster_id()
    nodes = [
        Node(folder / f"broker{n}", ports[NODES + n - 1], kraft.Member(n, controllers, cluster_id), kafka)
        for n in range(1, NODES + 1)
    ]
    try:
        for node in nodes:
            node.start()
        for node in nodes:
            assert node.process is not None
            readiness.wait(node.address, node.process, node.data / "broker.log")
        brokers = Brokers(nodes)
        until_s = time.monotonic() + readiness.STARTS_S
        while not _all_are_known(brokers):
            assert time.monotonic() < until_s, "the three brokers never found one another"
            time.sleep(readiness.LOOKS_EVERY_S)
        yield brokers
    finally:
        for node in nodes:
            if node.process is not None:
                node.kill()


def _all_are_known(brokers: Brokers) -> bool:
    admin = AdminClient({"bootstrap.servers": brokers.bootstrap, "log_level": 0})
    return len(admin.list_topics(timeout=ANSWER_S).brokers) == NODES
