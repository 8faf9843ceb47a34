import msgspec
import pytest
from click.testing import CliRunner

from pipeline.cli.source import fares, source
from pipeline.cluster import create_topics
from pipeline.errors import UsageError
from pipeline.records import SourceControl, SourceHealth
from pipeline.replay.append import append
from pipeline.replay.current import current
from pipeline.settings import Settings
from tests.make_records import AT_MS, example

WELL = example("sources.health", source="espn", state="up", error="", due_by_ms=AT_MS + 20_000)
OFF = SourceControl(source="espn", received_at_ms=AT_MS, off=True, reason="their clock is off")


@pytest.mark.parametrize(
    ("health", "control", "state"),
    [
        pytest.param(None, None, "unheard", id="never asked"),
        pytest.param(WELL, None, "up", id="well"),
        pytest.param(msgspec.structs.replace(WELL, state="slow"), None, "slow", id="slow"),
        pytest.param(msgspec.structs.replace(WELL, due_by_ms=AT_MS - 1), None, "down", id="silent since"),
        pytest.param(WELL, OFF, "off", id="stopped"),
        pytest.param(WELL, msgspec.structs.replace(OFF, off=False), "up", id="started again"),
    ],
)
def test_how_a_source_fares(health: SourceHealth | None, control: SourceControl | None, state: str) -> None:
    assert fares("espn", health, control, AT_MS).state == state


def test_a_source_that_does_not_exist_is_not_stopped() -> None:
    with pytest.raises(UsageError, match="there is no source 'epsn'"):
        CliRunner().invoke(source, ["stop", "epsn", "--kafka", "127.0.0.1:1"], catch_exceptions=False)


@pytest.mark.kafka
def test_a_source_is_stopped_and_started(fresh_kafka: str) -> None:
    create_topics(fresh_kafka, Settings(), [])

    def run(*arguments: str) -> str:
        result = CliRunner().invoke(source, [*arguments, "--kafka", fresh_kafka], catch_exceptions=False)
        assert result.exit_code == 0
        return result.output

    append(fresh_kafka, msgspec.structs.replace(WELL, due_by_ms=0))
    run("stop", "espn", "--reason", "their clock is off")
    assert current(fresh_kafka, "sources.control")["espn"].off
    assert "their clock is off" in run("list")
    run("start", "espn")
    states = [msgspec.json.decode(line) for line in run("list", "--json").splitlines()]

    assert {one["source"]: one["state"] for one in states if one["state"] != "unheard"} == {"espn": "up"}
