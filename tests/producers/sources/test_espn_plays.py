import json
from typing import Any

import msgspec
import pytest

from pipeline.records import GameEvent
from producers.sources.espn_plays import Drives, kind_of, plays, seconds
from producers.sources.espn_situations import PlayType
from tests.producers.moments import at_ms
from tests.producers.sources.espn_payloads import play

NOW = at_ms("2025-09-14T19:46:00Z")


def read(listed: list[Any], drives: Any = None) -> tuple[list[GameEvent], list[str]]:
    refused: list[str] = []
    raws = msgspec.json.decode(json.dumps(listed).encode(), type=list[msgspec.Raw])
    by_drive = None if drives is None else msgspec.json.decode(json.dumps(drives).encode(), type=Drives)
    found = plays(
        raws, by_drive, "401", "nba:2025-09-14:bos-lal", "espn", NOW, lambda why, _: refused.append(why)
    )
    return list(found), refused


def test_a_play_leads_back_to_espn_and_has_the_score_after_it() -> None:
    (found,), refused = read([play("7", homeScore=23, scoringPlay=True)])

    assert refused == []
    assert (found.source_event_id, found.kind, found.home_score, found.away_score) == (
        "401/7",
        "score",
        23,
        17,
    )
    assert (found.period, found.clock_s) == (4, 465.0)
    assert found.happened_at_ms == at_ms("2025-09-14T19:45:10Z")


def test_plays_by_drive_are_read_once_though_the_drive_under_way_is_shown_twice() -> None:
    under_way = {"plays": [play("3")]}
    found, refused = read(
        [], {"previous": [{"plays": [play("1"), play("2")]}, under_way], "current": under_way}
    )

    assert [event.source_event_id for event in found] == ["401/1", "401/2", "401/3"]
    assert refused == []


@pytest.mark.parametrize(
    "broken",
    [{"homeScore": "many"}, {"period": None}, {"wallclock": "yesterday"}, {"clock": {"displayValue": "x"}}],
)
def test_a_play_of_another_shape_is_refused_alone(broken: dict[str, Any]) -> None:
    found, refused = read([play("1"), play("2", **broken), play("3")])

    assert [event.source_event_id for event in found] == ["401/1", "401/3"]
    assert len(refused) == 1


def test_sequences_rise_in_the_order_of_the_game() -> None:
    found, _ = read([play(str(own_id)) for own_id in (9, 4, 6)])

    assert [event.sequence - NOW * 1000 for event in found] == [1, 2, 3]


@pytest.mark.parametrize(
    ("shown", "left"), [("12:00", 720.0), ("54.0", 54.0), ("0:48", 48.0), ("1.0", 1.0), ("", -1.0)]
)
def test_clocks_as_they_are_shown(shown: str, left: float) -> None:
    assert seconds(shown) == left


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("Bad Pass\nTurnover", "turnover"),
        ("Full Timeout", "timeout"),
        ("Coach's Challenge (Overturned)", "review"),
        ("End Period", "period_end"),
        ("Pass Interception Return", "turnover"),
        ("Penalty", "penalty"),
        ("Jump Shot", "play"),
    ],
)
def test_kinds_of_plays(text: str, kind: str) -> None:
    assert kind_of(PlayType(text)) == kind
