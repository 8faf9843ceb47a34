"""The short form of ``make chaos``: enough of it for every change."""

from pathlib import Path

import click
import pytest

from tests.chaos.ground import ground
from tests.chaos.kills import kills

pytestmark = [pytest.mark.kafka, pytest.mark.timeout(300)]
SEED, KILLS = 1, 10


def test_ten_kills_lose_no_input_and_change_no_answer(fresh_kafka: str, tmp_path: Path) -> None:
    click.echo(f"seed {SEED}")
    stages = ("games", "markets", "bets")
    with ground("kills", fresh_kafka, stages, SEED, tmp_path, click.echo) as it:
        it.start({"games": 1, "markets": 2, "bets": 1})
        kills(it, KILLS)
        it.drain()
        it.judge()

    found = it.outcome
    assert found.faults == []
    for stage in stages:
        verdict = found.verdicts[stage]
        assert (verdict.lost, verdict.differences) == ([], []), stage
        assert verdict.inputs > 100
    assert sum(blow.kind.startswith("kill -9") for blow in found.blows) == KILLS
