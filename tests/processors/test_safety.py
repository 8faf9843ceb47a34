"""That the private parts on which the overrides lean are where they were."""

import inspect
from types import SimpleNamespace

import aiokafka
import pytest
from aiokafka.consumer.group_coordinator import GroupCoordinator
from faust.tables.manager import TableManager
from faust.tables.recovery import Recovery
from faust.transport.consumer import Consumer
from faust.transport.drivers import aiokafka as driver
from faust.types import TP
from hypothesis import given
from hypothesis import strategies as st

from processors.safety import IdempotentProducer, TimeScheduler

Record = SimpleNamespace


@given(st.dictionaries(st.integers(0, 5), st.lists(st.integers(0, 50)), max_size=6))
def test_records_come_by_time_and_each_partition_keeps_its_order(stamps: dict[int, list[int]]) -> None:
    records = {
        TP("odds.snapshots", partition): [Record(timestamp=t, offset=o) for o, t in enumerate(times)]
        for partition, times in stamps.items()
    }

    handed = list(TimeScheduler().iterate(records))

    for tp, batch in records.items():
        assert [record for at, record in handed if at == tp] == batch
    if all(times == sorted(times) for times in stamps.values()):
        assert [r.timestamp for _, r in handed] == sorted(t for times in stamps.values() for t in times)


@pytest.mark.parametrize(
    ("part", "says"),
    [
        pytest.param(Recovery.on_recovery_completed, "flow_control.resume()", id="resume clears the queues"),
        pytest.param(Recovery._restart_recovery.fun, "self._build_offsets", id="offsets before recovery"),
        pytest.param(TableManager.on_start, "sleep(1.0)", id="a second of sleep"),
        pytest.param(
            driver.AIOKafkaConsumerThread._create_worker_consumer, "aiokafka.AIOKafkaConsumer(", id="ctor"
        ),
        pytest.param(GroupCoordinator._do_heartbeat, "HeartbeatRequest", id="heartbeat"),
        pytest.param(GroupCoordinator.__init__, "self.member_id =", id="member id"),
        pytest.param(Consumer.perform_seek, "_committed_offset", id="committed offsets"),
        pytest.param(Consumer.track_message, "_unacked_messages", id="messages that are waited for"),
        pytest.param(driver.Producer._settings_extra, "return {}", id="settings of the producer"),
        pytest.param(aiokafka.AIOKafkaConsumer.highwater, "highwater", id="ends of partitions"),
    ],
)
def test_the_part_that_an_override_replaces_is_still_what_it_was(part: object, says: str) -> None:
    assert says in inspect.getsource(part)  # type: ignore[arg-type]


def test_the_producer_is_idempotent() -> None:
    producer = IdempotentProducer.__new__(IdempotentProducer)
    producer.app = SimpleNamespace(in_transaction=False)

    extra = producer._settings_extra()

    assert (extra["acks"], extra["enable_idempotence"]) == ("all", True)
