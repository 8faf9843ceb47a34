import pytest

from pipeline.errors import Refused
from producers.identity import Identities
from tests.producers.moments import at_ms

NOON = at_ms("2026-07-07T18:16:00Z")
EVENING = at_ms("2026-07-07T23:46:00Z")


def given(
    identities: Identities, source_id: str, starts_at_ms: int, home: str = "St. Louis Cardinals"
) -> str:
    return identities.give(source_id, "mlb", starts_at_ms, home, "Milwaukee Brewers", NOON).event_id


def test_the_second_game_of_a_day_is_numbered() -> None:
    identities = Identities("the-odds-api")

    assert given(identities, "first", NOON) == "mlb:2026-07-07:stl-mil"
    assert given(identities, "second", EVENING) == "mlb:2026-07-07:stl-mil:2"
    assert given(identities, "next day", EVENING + 86_400_000) == "mlb:2026-07-08:stl-mil"


def test_an_id_that_was_given_stays_and_is_known_again() -> None:
    identities = Identities("the-odds-api")
    assert identities.known("first") == ""

    given(identities, "first", NOON)

    assert identities.known("first") == "mlb:2026-07-07:stl-mil"
    assert identities.sides("first") == ("St. Louis Cardinals", "Milwaukee Brewers")


@pytest.mark.parametrize("home", ["St Louis Cardinals", "Cardinals", "", "St. Louis Cardinals Women"])
def test_a_name_that_is_not_surely_known_is_refused(home: str) -> None:
    identities = Identities("the-odds-api")

    with pytest.raises(Refused, match=r"teams\.csv"):
        given(identities, "first", NOON, home)

    assert identities.known("first") == ""


def test_a_tenth_game_of_one_day_is_not_believed() -> None:
    identities = Identities("the-odds-api")
    for game in range(9):
        given(identities, str(game), NOON)

    with pytest.raises(Refused, match="tenth"):
        given(identities, "tenth", NOON)
