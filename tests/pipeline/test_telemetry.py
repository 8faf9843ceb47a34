"""Log lines: one JSON object or one line of text for each thing, from the level on that was asked for."""

import json
import logging
from collections.abc import Iterator

import pytest
from prometheus_client import REGISTRY

from pipeline.telemetry import Part, log_to_stderr, say

logger = logging.getLogger("sharpline.test")


@pytest.fixture(autouse=True)
def _logging_as_it_was() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = handlers, level


def test_a_json_line_has_its_particulars_as_fields(capsys: pytest.CaptureFixture[str]) -> None:
    log_to_stderr("json")

    say(logger, "buried", logging.WARNING, place="odds.snapshots/2/9", reason='magic: "{"', rows=3)

    (line,) = capsys.readouterr().err.splitlines()
    said = json.loads(line)
    assert said.pop("at").endswith("Z")
    assert said == {
        "level": "warning",
        "logger": "sharpline.test",
        "message": "buried",
        "place": "odds.snapshots/2/9",
        "reason": 'magic: "{"',
        "rows": 3,
    }


def test_a_trace_stays_in_its_line(capsys: pytest.CaptureFixture[str]) -> None:
    log_to_stderr("json")

    try:
        raise ArithmeticError("as it was")
    except ArithmeticError:
        logger.exception("batch failed")

    (line,) = capsys.readouterr().err.splitlines()
    assert "ArithmeticError: as it was" in json.loads(line)["exception"]


@pytest.mark.parametrize(("level", "said"), [("debug", 2), ("info", 1), ("warning", 0)])
def test_only_what_was_asked_for_is_said(level: str, said: int, capsys: pytest.CaptureFixture[str]) -> None:
    log_to_stderr("text", level)

    say(logger, "folded", logging.DEBUG, place="odds.snapshots/2/9")
    say(logger, "value opened", place="odds.snapshots/2/9")
    logging.getLogger("aiokafka.consumer").info("what a library does all day")

    assert len(capsys.readouterr().err.splitlines()) == said


def test_metrics_are_named_after_the_part_that_they_are_of() -> None:
    parts = {"producers", "processors", "gateway", "supervisor", "lag", "sink", "sources"}
    names = {metric.name for metric in REGISTRY.collect() if metric.name.startswith("sharpline_")}

    assert names
    assert {name.split("_")[1] for name in names} == parts


def test_a_part_shows_its_own_metrics_and_its_process_and_no_zeros_of_other_parts() -> None:
    names = {metric.name for metric in Part("gateway").collect()}

    assert {name.split("_")[1] for name in names if name.startswith("sharpline_")} == {"gateway"}
    assert "process_start_time_seconds" in names
