from contextlib import suppress
from datetime import UTC, date, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline import data, ids
from pipeline.errors import Refused
from pipeline.ids import EventId, identify, local_day, parse, team

LEAGUES = sorted(data.leagues())
CODES = st.from_regex(r"[a-z0-9]{1,4}", fullmatch=True)


def ms(*moment: int) -> int:
    return round(datetime(*moment, tzinfo=UTC).timestamp() * 1000)  # type: ignore[arg-type]


@given(
    st.builds(EventId, st.sampled_from(LEAGUES), st.dates(), CODES, CODES, st.integers(1, 9)).filter(
        lambda event: event.home != event.away
    )
)
def test_an_id_is_read_as_it_was_written(event: EventId) -> None:
    assert parse(str(event)) == event


@pytest.mark.parametrize(
    "event_id",
    [
        "",
        "nfl",
        "nfl:2025-09-14",
        "nfl:2025-09-14:kc",
        "nfl:2025-9-14:kc-phi",
        "nfl:2025-09-31:kc-phi",
        "nfl:0000-09-14:kc-phi",
        "nfl:2025-09-14:kc-kc",
        "nfl:2025-09-14:KC-PHI",
        "nfl:2025-09-14:kc-phi-sf",
        "nfl:2025-09-14:kc-phi:1",
        "nfl:2025-09-14:kc-phi:10",
        "nfl:2025-09-14:kc-phi\n",
        " nfl:2025-09-14:kc-phi",
        "xfl:2025-09-14:kc-phi",
        "nfl:２０２５-09-14:kc-phi",
        "nfl:2025-09-14:kc-phi" * 100,
    ],
)
def test_what_is_not_an_id_is_refused(event_id: str) -> None:
    with pytest.raises(Refused):
        parse(event_id)


@given(st.text())
def test_any_text_is_an_id_or_refused(text: str) -> None:
    with suppress(Refused):
        assert str(parse(text)) == text


def test_the_day_is_the_leagues_own() -> None:
    """A Sunday night in New York is Monday in London."""
    kick_off = ms(2025, 9, 15, 0, 20)

    assert local_day("nfl", kick_off) == date(2025, 9, 14)
    assert local_day("epl", kick_off) == date(2025, 9, 15)
    assert local_day("kbo", kick_off) == date(2025, 9, 15)


def test_a_source_need_not_write_names_as_we_do() -> None:
    code = team("sim-nfl", "Alder Bay Anchors")

    assert code == "ald"
    assert team("sim-nfl", "  alder  bay ANCHORS ", "simulator") == code


@pytest.mark.parametrize("name", ["", "Alder", "Alder Bay", "Anchors Alder Bay", "Alder Bay Anchors FC"])
def test_a_name_that_is_not_surely_known_is_refused(name: str) -> None:
    with pytest.raises(Refused, match=r"teams\.csv"):
        team("sim-nfl", name)


def test_sides_and_start_make_an_id() -> None:
    first, second = "Alder Bay Anchors", "Brightwater Bisons"

    assert identify("sim-nfl", ms(2025, 9, 15, 0, 20), first, second) == "sim-nfl:2025-09-14:ald-bri"


@pytest.mark.parametrize(
    ("league", "starts_at_ms", "home", "away"),
    [
        pytest.param("sim-xfl", ms(2025, 9, 14), "Alder Bay Anchors", "Brightwater Bisons", id="no league"),
        pytest.param("sim-nfl", 0, "Alder Bay Anchors", "Brightwater Bisons", id="no start"),
        pytest.param("sim-nfl", 10**18, "Alder Bay Anchors", "Brightwater Bisons", id="start beyond time"),
        pytest.param("sim-nfl", ms(2025, 9, 14), "Alder Bay Anchors", "Alder Bay Anchors", id="one side"),
        pytest.param("sim-nfl", ms(2025, 9, 14), "Alder Bay Anchors", "Nobody", id="unknown side"),
    ],
)
def test_what_cannot_be_named_is_refused(league: str, starts_at_ms: int, home: str, away: str) -> None:
    with pytest.raises(Refused):
        identify(league, starts_at_ms, home, away)


def test_no_name_means_two_teams() -> None:
    meanings: dict[tuple[str, str, str], set[str]] = {}
    for row in data.teams():
        meanings.setdefault((row.league, row.source, row.alias.casefold()), set()).add(row.team)

    assert {name: codes for name, codes in meanings.items() if len(codes) > 1} == {}


def test_every_team_can_be_part_of_an_id() -> None:
    for row in data.teams():
        assert ids.parse(f"{row.league}:2025-09-14:{row.team}-zzzz").home == row.team
        assert row.alias == " ".join(row.alias.split()), "a name is looked up with single spaces"


@pytest.mark.parametrize(
    ("league", "written", "elsewhere", "source"),
    [
        ("nba", "Los Angeles Lakers", "LAL", "nba-pbp"),
        ("nba", "LA Clippers", "LAC", "nba-pbp"),
        ("nba", "LA Clippers", "Los Angeles Clippers", ""),
        ("mlb", "Oakland Athletics", "OAK", "retrosheet"),
        ("mlb", "Athletics", "Oakland Athletics", ""),
        ("nfl", "Washington Football Team", "WAS", "nflverse"),
        ("nhl", "St Louis Blues", "St. Louis Blues", ""),
        ("nhl", "Montréal Canadiens", "Montreal Canadiens", ""),
        ("nhl", "Utah Hockey Club", "Utah Mammoth", ""),
    ],
)
def test_one_team_is_one_however_it_is_written(
    league: str, written: str, elsewhere: str, source: str
) -> None:
    assert team(league, written) == team(league, elsewhere, source)


@pytest.mark.parametrize(("league", "count"), [("nfl", 32), ("nba", 30), ("nhl", 33), ("wnba", 15)])
def test_every_team_of_a_league_has_a_full_name(league: str, count: int) -> None:
    named = {row.team for row in data.teams() if row.league == league and not row.source}
    of_all = {row.team for row in data.teams() if row.league == league}

    assert named == of_all
    assert len(named) == count


def test_a_day_is_over_once_it_has_ended_in_every_zone() -> None:
    assert ids.day_over_ms("nfl:2025-09-14:kc-phi") == ms(2025, 9, 15, 12)
