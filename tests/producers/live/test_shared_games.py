"""Who is who over the recorded and captured data, where it is there: all get an id, none another's."""

from collections import Counter

import pytest

from tests.conftest import SHARED
from tests.producers.live.shared_games import POLLS, alone, in_common, kickoffs, nfl_2022, two_views

pytestmark = pytest.mark.skipif(not SHARED.is_dir(), reason="the recorded data is not here")

#: Of each set of sources: events in common by them, and games that are not sure.
COMMON = {
    "NFL 2025, nflverse and polls": ({("nflverse", "the-odds-api"): 62}, 0),
    "NFL 2022, nflverse and ESPN": ({("espn", "nflverse"): 16}, 0),
    "NFL 2021, nflverse and The Odds API's past odds": ({("nflverse", "the-odds-api"): 15}, 0),
    "World Cup 2026, polls and a public table of results": ({("espn", "the-odds-api"): 90}, 2),
    "Soccer 2017/18, Wyscout and football-data.co.uk": ({("football-data-co-uk", "wyscout"): 1_479}, 0),
    "Soccer 2023/24, football-data.co.uk and football-data.org": (
        {("football-data-co-uk", "football-data-org"): 18},
        0,
    ),
    "MLB, NBA and NHL of ESPN, Premier League of football-data.org: nobody else has their days": ({}, 0),
}


@pytest.mark.parametrize(
    ("league", "events"), [("nfl", 192), ("mlb", 275), ("wnba", 34), ("kbo", 54), ("worldcup", 97)]
)
def test_every_game_of_the_recorded_polls_gets_an_id_of_its_own(league: str, events: int) -> None:
    games = alone(POLLS[league])

    given = games.log.events.values()
    assert (len(given), len(set(given)), games.waiting(), games.refused) == (events, events, [], Counter())


def test_the_nine_days_on_which_the_same_sides_are_listed_twice_have_numbered_events() -> None:
    given = alone(POLLS["mlb"]).log.events.values()

    assert len({event_id.rpartition(":")[0] for event_id in given if event_id.endswith(":2")}) == 9


@pytest.mark.parametrize("league", ["mlb", "kbo", "wnba"])
@pytest.mark.parametrize(("seed", "hidden"), [(1, 0.0), (2, 0.1), (3, 0.3), (4, 0.6)])
def test_two_views_of_the_same_polls_never_meet_in_another_game(
    league: str, seed: int, hidden: float
) -> None:
    met = two_views(POLLS[league], seed, hidden=hidden)

    assert met.other == 0
    assert met.both > 10
    assert met.waiting <= 2


def test_the_games_that_sources_have_in_common_meet_in_one_event() -> None:
    found = {}
    for name, games in in_common():
        common = {sources: count for sources, count in games.met().items() if len(sources) > 1}
        found[name] = common, len(games.waiting())

    assert found == COMMON


def test_espns_own_ids_mean_the_games_that_nflverse_says() -> None:
    games, said = nfl_2022(), kickoffs()

    espn = {own: event_id for (source, own), event_id in games.log.events.items() if source == "espn"}
    assert len(espn) == 16
    assert {own: said[own] for own in espn} == espn
