import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import Refused
from pipeline.ids import marks
from pipeline.records import SourceAlias
from producers.live.names import Names, like, likeness


def said(name: str, team: str, source: str = "") -> SourceAlias:
    return SourceAlias(
        league="nfl", source=source, name=name, team=team, source_id="", event_id="",
        received_at_ms=1_800_000_000_000, origin="",
    )  # fmt: skip


def test_the_newest_word_on_a_name_holds_and_a_sources_own_goes_before_everybodys() -> None:
    names = Names()
    for alias in (said("The Pack", "chi"), said("The Pack", "gb"), said("The Pack", "dal", "espn")):
        names.tell(alias)

    assert names.team("nfl", "the  pack", "the-odds-api") == "gb"
    assert names.team("nfl", "The Pack", "espn") == "dal"
    assert names.team("nfl", "Green Bay Packers", "espn") == "gb"
    with pytest.raises(Refused):
        names.team("mlb", "The Pack", "espn")


@pytest.mark.parametrize(
    ("name", "found"),
    [
        pytest.param("Arsenal", [], id="men"),
        pytest.param("Arsenal Women", ["women"], id="women"),
        pytest.param("Chelsea FC (W)", ["women"], id="in brackets"),
        pytest.param("Chelsea Women's", ["women"], id="possessive"),
        pytest.param("England U21", ["young"], id="under 21"),
        pytest.param("England Under-21", ["young"], id="under 21 in words"),
        pytest.param("Barcelona B", ["reserves"], id="second side"),
        pytest.param("West Ham United", [], id="a W that begins a word"),
        pytest.param("Real Madrid (Cyber)", ["machines"], id="e-sports"),
        pytest.param("Bayern Frauen II", ["reserves", "women"], id="both"),
    ],
)
def test_names_say_whose_team_it_is(name: str, found: list[str]) -> None:
    assert sorted(marks(name)) == found


def test_the_team_that_is_meant_ranks_first() -> None:
    assert like("mlb", "St Louis Cards")[0].team == "stl"
    assert like("epl", "Wolverhampton")[0].team == "wolves"


@given(st.text(max_size=30), st.text(max_size=30))
def test_likeness_is_a_share_and_full_for_the_same_name(one: str, other: str) -> None:
    assert 0.0 <= likeness(one, other) <= 1.0
    assert likeness(one, one) in (0.0, 1.0)
