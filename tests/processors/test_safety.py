"""That the private parts on which the overrides lean are where they were."""

import importlib.metadata
import inspect
import sys
from types import SimpleNamespace
from typing import Any, NamedTuple

import aiokafka
import faust
import mode
import pytest
from aiokafka.client import AIOKafkaClient
from aiokafka.conn import AIOKafkaConnection
from aiokafka.consumer.group_coordinator import GroupCoordinator
from aiokafka.producer.sender import SendProduceReqHandler
from faust.channels import Channel
from faust.stores import memory
from faust.streams import Stream
from faust.tables.manager import TableManager
from faust.tables.recovery import Recovery
from faust.transport import base
from faust.transport.consumer import Consumer
from faust.transport.drivers import aiokafka as driver
from faust.transport.utils import DefaultSchedulingStrategy
from faust.types import TP
from hypothesis import given
from hypothesis import strategies as st
from mode.utils.queues import FlowControlEvent

from processors.safety import PINNED, IdempotentProducer, TimeScheduler

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


class Leaned(NamedTuple):
    """A private part of a library, the one of ours that leans on it, and what its source has to say."""

    ours: str
    part: Any
    says: tuple[str, ...]


LEANED = [
    Leaned(
        "QuietRecovery.on_recovery_completed",
        Recovery.on_recovery_completed,
        ("consumer.perform_seek()", "self.app.flow_control.resume()", "consumer.resume_flow()"),
    ),
    Leaned("QuietRecovery.on_recovery_completed", FlowControlEvent.resume, ("self.clear()",)),
    Leaned(
        "QuietRecovery._build_offsets",
        Recovery._restart_recovery.fun,
        (
            "self._build_highwaters",
            'consumer, assigned_active_tps, active_offsets, "active"',
            "self.need_recovery()",
        ),
    ),
    Leaned(
        "QuietRecovery._build_offsets",
        Recovery._build_offsets,
        ("consumer: ConsumerT, tps: Set[TP], destination: Counter[TP], title: str", "destination[tp] ="),
    ),
    Leaned("QuietRecovery._build_offsets", Recovery._build_highwaters, ("value - 1",)),
    Leaned("QuietTables.recovery", TableManager.recovery.fget, ("self._recovery is None", "Recovery(")),
    Leaned(
        "QuietTables.on_start",
        TableManager.on_start,
        ("self.sleep(1.0)", "self._update_channels()", "self.recovery.start()"),
    ),
    Leaned("GivingBack", Consumer.getmany, ("if self.flow_active:", "await self.perform_seek()")),
    Leaned("GivingBack", aiokafka.AIOKafkaConsumer.seek_to_committed, ("if offset and offset > 0:",)),
    Leaned(
        "GivingBack",
        driver.AIOKafkaConsumerThread._fetch_records,
        ("if not self.consumer.flow_active:", "fetcher.fetched_records("),
    ),
    Leaned("GivingBackConsumer", driver.Consumer._new_consumer_thread, ("AIOKafkaConsumerThread(self",)),
    Leaned("IdempotentTransport", base.Transport.create_consumer, ("self.Consumer(",)),
    Leaned("IdempotentTransport", base.Transport.create_producer, ("self.Producer(",)),
    Leaned("IdempotentProducer", driver.Producer._settings_extra, ("return {}",)),
    Leaned("IdempotentProducer", driver.Producer._new_producer, ("**self._settings_extra()",)),
    Leaned("SafeApp", faust.App._new_transport, ("self.conf.broker_consumer",)),
    Leaned("SafeApp", faust.App._new_producer_transport, ("self.conf.broker_producer",)),
    Leaned("TimeScheduler", Consumer.getmany, ("self.scheduler.iterate(records)",)),
    Leaned(
        "TimeScheduler", DefaultSchedulingStrategy.iterate, ("records: Mapping[TP, List]", "map_from_records")
    ),
    Leaned(
        "QuickConsumer",
        driver.AIOKafkaConsumerThread._create_worker_consumer,
        ("aiokafka.AIOKafkaConsumer(", "fetch_max_wait_ms=1500"),
    ),
    Leaned(
        "the lease",
        AIOKafkaConnection.send,
        ("request, expect_response=True", "self._writer.write(size + message)"),
    ),
    Leaned("the lease", SendProduceReqHandler.create_request, ("ProduceRequest(",)),
    Leaned("the lease", GroupCoordinator._do_heartbeat, ("HeartbeatRequest", "return True", "return False")),
    Leaned("the quick takeover", GroupCoordinator.__init__, ("self.member_id =",)),
    Leaned(
        "the quick takeover",
        GroupCoordinator._maybe_leave_group,
        ("LeaveGroupRequest(self.group_id, self.member_id)",),
    ),
    Leaned("the quick takeover", AIOKafkaClient.coordinator_lookup, ("coordinator_type, coordinator_key",)),
    Leaned(
        "Positions", Consumer.perform_seek, ("offset if offset else None", "self._committed_offset.update(")
    ),
    Leaned("Positions", Consumer.on_partitions_revoked, ("self._committed_offset.pop(tp, None)",)),
    Leaned("batches", Stream.take_events, ("finally:", "await self.ack(")),
    Leaned("batches", Channel.__anext__, ("self.queue.get()",)),
    Leaned("batches", Consumer.track_message, ("self._unacked_messages.add(message)",)),
    Leaned("batches", driver.Consumer._to_message, ("generation_id=self.app.consumer_generation_id",)),
    Leaned("batches", Consumer.wait_empty, ("self._unacked_messages",)),
    Leaned("Rows", memory.Store.__post_init__, ("self.data:", "self._key_partition:")),
    Leaned(
        "Rows", memory.Store.on_recovery_completed, ("self._key_partition.items()", "self.data.pop(k, None)")
    ),
    Leaned("_Worker._unready", Recovery.active_remaining_total, ("self.active_remaining()",)),
    Leaned("_Worker._unready", Recovery.on_recovery_completed, ("self.completed.set()",)),
    Leaned("_Worker.work", mode.Worker._schedule_shutdown, ("self._signal_stop_future =",)),
]


@pytest.mark.parametrize(
    "leaned", LEANED, ids=lambda leaned: f"{leaned.ours} on {leaned.part.__qualname__}".replace(" ", "-")
)
def test_the_part_that_is_leaned_on_is_still_what_it_was(leaned: Leaned) -> None:
    source = inspect.getsource(leaned.part)

    assert not (missing := [said for said in leaned.says if said not in source]), (
        f"{leaned.ours} leans on {missing} in {leaned.part.__module__}.{leaned.part.__qualname__}, which has "
        "changed. Read there whether its reason still holds, adapt it or take it out, and let "
        "tests/e2e/test_overrides.py and test_overrides_time.py say whether that was right."
    )


def test_other_versions_than_the_proven_ones_refuse_to_load(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "processors.safety")
    monkeypatch.setattr(importlib.metadata, "version", {**PINNED, "aiokafka": "9.9"}.__getitem__)

    with pytest.raises(ImportError, match=r"aiokafka is 9\.9; .* are proven with 0\.14\.0 alone"):
        importlib.import_module("processors.safety")


def test_the_producer_is_idempotent() -> None:
    producer = IdempotentProducer.__new__(IdempotentProducer)
    producer.app = SimpleNamespace(in_transaction=False)

    extra = producer._settings_extra()

    assert (extra["acks"], extra["enable_idempotence"]) == ("all", True)
