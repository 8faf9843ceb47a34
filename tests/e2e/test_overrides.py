import time
from pathlib import Path
from collections.abc import Iterator
import pytest
from pipeline.local.broker import own_broker
from tests.processors.log import Load
from tests.processors.sabotaged import await_end_read, running, start

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(120)]
GAP = 71


@pytest.fixture(scope="module")
def kafka() -> Iterator[str]:
    with own_broker(short_lived=True) as own:
        yield own.bootstrap


def test_what_is_fetched_while_partitions_are_sought_is_not_wiped(kafka: str, tmp_path: Path) -> None:
    fault = ["--fault", "slow-seek"]
    with running(
        kafka,
        tmp_path,
        quiet=fault,
        wiped=[*fault, "--without", "quiet-recovery"],
        unguarded=[*fault, "--without", "quiet-recovery", "--without", "gap-guard"],
    ) as (whole, wiped, unguarded):
        t = time.time()
        start([whole, wiped, unguarded])
        print("started", time.time() - t)
        load = Load(kafka, seed=1)
        for run in (whole, wiped, unguarded):
            run.now()
            run.worker.await_said("seeking")
        load.records(2_000)
        load.flush()
        print("loaded", time.time() - t)
        for run in (whole, wiped, unguarded):
            run.worker.await_said("sought")
        load.records(500)
        load.flush()
        assert wiped.worker.ended() == GAP
        print("71", time.time() - t)
        wiped.worker.start()
        await_end_read(load, kafka, [whole, wiped, unguarded])
        print("read", time.time() - t)
    assert (whole.folded(), wiped.folded()) == (load.sent, load.sent)
    assert whole.differences() == []
    assert wiped.differences() == []
    print(unguarded.folded(), load.sent)
    assert unguarded.folded() < load.sent
