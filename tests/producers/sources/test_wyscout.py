import csv
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from pipeline import codec
from pipeline.errors import Refused
from pipeline.records import GameEvent, GameStatus, OddsSnapshot, Soccer, SourceEvent
from pipeline.topics import topic_of
from producers.sources.games import received_at_ms
from producers.sources.wyscout import DELAY_MS, MATCHES, match, recorded, starts
from tests.conftest import SHARED
from tests.producers.moments import at_ms

DATA = SHARED / "data" / "wyscout-soccer"
KICK_OFF = at_ms("2017-08-12T14:00:00Z")


def listed(score: str = "0 - 0", **columns: Any) -> dict[str, str]:
    """Chelsea against Burnley, without prices."""
    given = {
        "match_id": 7,
        "competition": "England",
        "date_utc": "2017-08-12 14:00:00",
        "label": f"Chelsea - Burnley, {score}",
        "home_team": "Chelsea",
        "away_team": "Burnley",
        "home_score_p": 0,
        "away_score_p": 0,
        "last_event_sec_1H": 2820.0,
        "last_event_sec_2H": 2900.0,
        **columns,
    }
    return {name: str(value) for name, value in given.items()}


EXTRA_TIME: dict[str, Any] = {
    "competition": "European_Championship",
    "home_team": "Poland",
    "away_team": "Portugal",
    "last_event_sec_E1": 930.0,
    "last_event_sec_E2": 950.0,
}
PRICES: dict[str, Any] = {
    "fd_div": "E0",
    "fd_home": "Chelsea",
    "fd_away": "Burnley",
    **{"PSH": 1.3, "PSD": 5.6, "PSA": 12.0, "PSCH": 1.25, "PSCD": 6.2, "PSCA": 14.0},
    **{"BbAvH": 1.28, "BbAvD": 5.4, "BbAvA": 11.0},
}


def event(kind: str, side: str, second: float, period: str = "1H", detail: str = "") -> dict[str, str]:
    return {
        "match_id": "7",
        "period": period,
        "event_sec": str(second),
        "side": side,
        "type": kind,
        "detail": detail,
    }


def quiet(reason: str, where: str) -> None:
    raise AssertionError(f"{reason} ({where})")


def told(row: dict[str, str], *rows: dict[str, str]) -> dict[str, GameEvent]:
    """Game events by what the source calls them within the match, after the schedule."""
    found = [record for record in match(row, rows, quiet) if isinstance(record, GameEvent)]
    return {one.source_event_id.removeprefix("7/"): one for one in found if one.source_event_id}


def minutes(found: dict[str, GameEvent]) -> list[int]:
    return [int(name[1:]) for name in found if name.startswith("m")]


def test_a_goal_is_the_state_after_it_and_leads_back_to_its_row() -> None:
    found = told(listed("1 - 0"), event("shot", "away", 61.0), event("goal", "home", 600.5, detail="Shot"))

    goal = found["1"]
    assert (goal.kind, goal.home_score, goal.away_score) == ("score", 1, 0)
    assert (goal.period, goal.clock_s, goal.text) == (1, 2099.5, "home goal Shot")
    assert goal.event_id == "epl:2017-08-12:chelsea-burnley"
    assert goal.received_at_ms == KICK_OFF + 600_500 + DELAY_MS
    assert (found["0"].kind, found["0"].home_score) == ("play", 0)


def test_an_own_goal_counts_for_the_other_side() -> None:
    assert told(listed("0 - 1"), event("own_goal", "home", 60.0))["0"].away_score == 1


@pytest.mark.parametrize(
    ("kind", "expected", "reds"),
    [
        ("yellow_card", "card", 0),
        ("second_yellow", "card", 1),
        ("red_card", "card", 1),
        ("shot", "play", 0),
        ("corner", "play", 0),
    ],
)
def test_cards_send_off_and_shots_and_corners_change_nothing(kind: str, expected: str, reds: int) -> None:
    found = told(listed(), event(kind, "away", 60.0))

    assert found["0"].kind == expected
    assert found["0"].situation == Soccer(home_reds=0, away_reds=reds) == found["final"].situation


def test_there_is_a_clock_record_for_each_minute_from_0_to_90() -> None:
    found = told(listed(), event("corner", "home", 2800.0), event("corner", "home", 2880.0, "2H"))

    assert minutes(found) == list(range(91))
    assert [found[f"m{n}"].period for n in (0, 44, 45, 90)] == [1, 1, 2, 2]
    assert [found[f"m{n}"].clock_s for n in (0, 44, 45, 46, 90)] == [2700.0, 60.0, 2700.0, 2640.0, 0.0]
    assert {found[f"m{n}"].kind for n in range(91)} == {"clock"}
    assert found["m0"].received_at_ms == KICK_OFF + DELAY_MS
    assert found["m10"].received_at_ms == KICK_OFF + 600_000 + DELAY_MS


def test_a_minute_begins_with_what_happened_before_it() -> None:
    found = told(listed("2 - 0"), event("goal", "home", 599.9), event("goal", "home", 600.0))

    assert [found[f"m{n}"].home_score for n in (9, 10, 11)] == [0, 1, 2]


def test_the_second_half_begins_at_45_and_added_time_belongs_to_45_and_90() -> None:
    found = told(
        listed("2 - 1"),
        event("goal", "home", 2790.0),
        event("goal", "away", 0.4, "2H"),
        event("goal", "home", 2760.0, "2H"),
    )

    assert list(found)[-50:-47] == ["0", "m45", "1"]
    assert list(found)[-3:] == ["m90", "2", "final"]
    assert [(found[name].home_score, found[name].away_score) for name in ("m44", "m45", "m46", "m90")] == [
        (0, 0),
        (1, 0),
        (1, 1),
        (1, 1),
    ]
    assert (found["0"].period, found["0"].clock_s, found["2"].clock_s) == (1, 0.0, 0.0)
    assert found["m45"].received_at_ms == KICK_OFF + (2820 + 900) * 1000 + DELAY_MS
    assert found["final"].received_at_ms == KICK_OFF + (2820 + 900 + 2900) * 1000 + DELAY_MS


def test_extra_time_is_periods_3_and_4_and_its_goals_are_the_final_score() -> None:
    found = told(
        listed("0 - 1 (E)", **EXTRA_TIME),
        event("corner", "home", 10.0, "E1"),
        event("goal", "away", 300.0, "E2"),
    )

    assert minutes(found) == list(range(91))
    assert (found["0"].period, found["0"].clock_s) == (3, 890.0)
    assert (found["1"].period, found["1"].clock_s, found["1"].away_score) == (4, 600.0, 1)
    assert (found["final"].status, found["final"].period, found["final"].away_score) == (
        GameStatus.FINAL,
        4,
        1,
    )


def test_penalties_of_a_shoot_out_are_no_goals() -> None:
    found = told(
        listed("1 - 1 (P)", **EXTRA_TIME, last_event_sec_P=400.0, home_score_p=1, away_score_p=2),
        event("goal", "home", 60.0),
        event("goal", "away", 61.0),
        event("goal", "home", 10.0, "P"),
        event("goal", "away", 60.0, "P"),
        event("shot", "home", 120.0, "P"),
        event("goal", "away", 180.0, "P"),
    )

    shots = [found[str(n)] for n in range(2, 6)]
    assert {(shot.kind, shot.period, shot.home_score, shot.away_score) for shot in shots} == {
        ("penalty", 5, 1, 1)
    }
    final = found["final"]
    assert (final.home_score, final.away_score, final.period) == (1, 1, 5)
    assert final.text == "shoot-out 1:2"
    penalties = [
        (one.situation.home_penalties, one.situation.away_penalties)
        for one in (found["1"], *shots, final)
        if isinstance(one.situation, Soccer)
    ]
    assert penalties == [(0, 0), (1, 0), (1, 1), (1, 1), (1, 2), (1, 2)]


def test_prices_beside_a_match_come_before_it_at_their_own_times() -> None:
    records = match(listed("0 - 0", **PRICES), [], quiet)

    identity, early, schedule, closing, *_ = records
    assert isinstance(identity, SourceEvent)
    assert isinstance(early, OddsSnapshot)
    assert isinstance(closing, OddsSnapshot)
    assert getattr(schedule, "status", None) is GameStatus.SCHEDULED
    assert identity.received_at_ms == early.received_at_ms == at_ms("2017-08-11T14:00:00Z")
    assert closing.received_at_ms == KICK_OFF - 60_000
    assert {early.source, closing.source} == {"wyscout"}
    assert {early.event_id, closing.event_id} == {"epl:2017-08-12:chelsea-burnley"}
    assert [(line.book, line.market, line.scope, line.prices) for line in closing.lines] == [
        ("pinnacle", "h2h_3way", "regulation", (1.25, 14.0, 6.2))
    ]


def test_prices_that_another_source_gives_are_left_to_it() -> None:
    priced = {"epl:2017-08-12:chelsea-burnley"}

    records = match(listed("0 - 0", **PRICES), [], quiet, priced)

    assert not any(isinstance(record, OddsSnapshot) for record in records)
    assert received_at_ms(records[0]) == KICK_OFF - 3_600_000


def test_a_price_that_cannot_be_is_told_and_the_match_goes_on() -> None:
    refusals: list[str] = []

    records = match(
        listed("0 - 0", **PRICES | {"PSCH": "0.9"}), [], lambda reason, where: refusals.append(where)
    )

    assert sum(isinstance(record, OddsSnapshot) for record in records) == 1
    assert refusals == ["match 7, pinnacle"]


@pytest.mark.parametrize(
    ("row", "rows", "reason"),
    [
        (listed("1 - 0"), [], r"its goals add up to \(0, 0\) and the list of matches says \(1, 0\)"),
        (listed("?"), [], "ends in no score"),
        (listed(home_score_p=3), [], "its shoot-out adds up to"),
        (listed(competition="Sunday"), [], "unknown competition"),
        (listed(home_team="Chelsey"), [], "no team of epl is known as 'Chelsey'"),
        (listed(date_utc="noon"), [], "Invalid isoformat"),
        (listed(), [event("shot", "home", 9.0), event("shot", "home", 8.0)], "out of the order"),
        (listed(), [event("shot", "home", 9.0, "E1")], "out of the order"),
        (listed(), [event("shot", "home", -1.0)], "out of the order"),
        (listed(), [event("shot", "left", 1.0)], "left"),
        (listed(), [event("throw", "home", 1.0)], "throw"),
        (listed(**PRICES | {"fd_home": "Arsenal"}), [], "those of another match"),
    ],
)
def test_a_match_that_cannot_be_read_is_refused_whole(
    row: dict[str, str], rows: list[dict[str, str]], reason: str
) -> None:
    with pytest.raises((Refused, ValueError, KeyError), match=reason):
        match(row, rows, quiet)


def test_a_bad_match_is_told_and_the_others_go_on(tmp_path: Path) -> None:
    matches, events = tmp_path / "matches.csv", tmp_path / "events.csv"
    good, bad = listed(), listed("1 - 0", match_id=8, home_team="Arsenal")
    with matches.open("w", newline="") as file:
        writer = csv.DictWriter(file, sorted(MATCHES))
        writer.writeheader()
        writer.writerows([good, bad])
    shot = event("shot", "home", 1.0)
    with events.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(shot))
        writer.writeheader()
        writer.writerows([shot | {"match_id": "8"}, shot, shot | {"match_id": "9"}])
    refusals: list[str] = []

    found = list(recorded([matches, events], lambda reason, where: refusals.append(f"{where}: {reason}")))

    assert found == match(good, [shot], quiet)
    assert [refusal.split(":")[0] for refusal in refusals] == ["events.csv, match 8", "events.csv, match 9"]
    assert starts([matches, events]) == {
        "epl:2017-08-12:chelsea-burnley": KICK_OFF,
        "epl:2017-08-12:arsenal-burnley": KICK_OFF,
    }


@pytest.mark.skipif(not DATA.is_dir(), reason="the recorded matches are not here")
def test_the_recorded_matches_are_sound_and_all_but_one_end_with_their_score() -> None:
    refusals: list[str] = []
    kinds: Counter[str] = Counter()
    found: Counter[str] = Counter()
    rows, now_ms = 0, 0

    for record in recorded(sorted(DATA.glob("*.csv.gz")), lambda reason, where: refusals.append(where)):
        assert received_at_ms(record) >= now_ms
        now_ms = received_at_ms(record)
        found[type(record).__name__] += 1
        assert sum(found.values()) % 50 or codec.check(topic_of(type(record)).name, record)
        if isinstance(record, GameEvent):
            kinds[record.kind] += 1
            rows += record.source_event_id.partition("/")[2].isdecimal()

    # A match's goals were checked against its score; this one lacks its only goal.
    assert refusals == ["events.csv.gz, match 2499781"]
    assert (kinds["final"], kinds["clock"], found["OddsSnapshot"]) == (1_529, 1_529 * 91, 2_955)
    assert (kinds["score"], kinds["penalty"], rows) == (3_983 + 122 - 28, 37, 57_684)
