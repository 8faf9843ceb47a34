"""Which game a source means, case by case; and what must hold whatever sources list."""

from itertools import combinations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline import ids
from pipeline.errors import Refused
from pipeline.records import SourceAlias, SourceEvent
from producers.live.matching import Games, Listing, New, Same, Unsure, match
from producers.live.names import Names
from tests.producers.moments import at_ms

HOUR_MS = 3_600_000
MLB = {"stl": "St. Louis Cardinals", "mil": "Milwaukee Brewers", "chc": "Chicago Cubs"}
AT = "2026-07-07T18:16Z"


def listing(
    source: str = "espn",
    source_id: str = "1",
    at: str = AT,
    home: str = MLB["stl"],
    away: str = MLB["mil"],
    league: str = "mlb",
    *,
    neutral: bool = False,
) -> Listing:
    return Listing(source, source_id, league, at_ms(at), home, away, neutral)


class World:
    """Sources that list games one after the other, each claimed where it is sure."""

    def __init__(self) -> None:
        self.games, self.names, self.offset = Games(), Names(), 0

    def ask(self, asked: Listing) -> Same | New | Unsure:
        return match(asked, self.games, self.names)

    def list(self, asked: Listing) -> str:
        """The event id that it is given, empty where it waits."""
        verdict = self.ask(asked)
        if isinstance(verdict, Unsure):
            return ""
        self.claim(asked, verdict.event_id)
        return verdict.event_id

    def claim(self, asked: Listing, event_id: str) -> None:
        claim = SourceEvent(
            source=asked.source,
            source_id=asked.source_id,
            event_id=event_id,
            received_at_ms=asked.starts_at_ms,
            starts_at_ms=asked.starts_at_ms,
            home=asked.home,
            away=asked.away,
        )
        assert self.games.tell(claim, self.offset)
        self.offset += 1


def test_a_game_nobody_knows_is_new() -> None:
    assert World().ask(listing()) == New("mlb:2026-07-07:stl-mil")


@pytest.mark.parametrize(
    ("league", "home", "away", "first", "second"),
    [
        pytest.param("mlb", MLB["stl"], MLB["mil"], AT, "2026-07-07T19:40Z", id="rain"),
        pytest.param(
            "nba", "Boston Celtics", "Utah Jazz", "2026-11-21T00:30Z", "2026-11-20T17:00Z", id="evening"
        ),
        pytest.param(
            "nfl",
            "Kansas City Chiefs",
            "Philadelphia Eagles",
            "2025-09-14T17:00Z",
            "2025-09-16T00:15Z",
            id="to Monday",
        ),
        pytest.param(
            "epl", "Arsenal", "Chelsea", "2023-12-30T15:00Z", "2023-12-31T00:00Z", id="a day without a time"
        ),
    ],
)
def test_starts_that_differ_by_source_are_of_one_game(
    league: str, home: str, away: str, first: str, second: str
) -> None:
    world = World()
    given_first = world.list(listing("the-odds-api", "a", first, home, away, league))

    found = world.ask(listing("espn", "b", second, home, away, league))

    assert found == Same(given_first, "starts with the-odds-api")


def test_the_day_is_the_leagues_own() -> None:
    world = World()

    late = world.list(listing("the-odds-api", "a", "2026-07-08T00:30Z"))

    assert late == "mlb:2026-07-07:stl-mil"


def test_the_games_of_a_doubleheader_are_told_apart_by_their_starts() -> None:
    world = World()
    noon = world.list(listing("the-odds-api", "a", "2026-07-07T18:16Z"))
    evening = world.list(listing("the-odds-api", "b", "2026-07-07T23:46Z"))

    assert (noon, evening) == ("mlb:2026-07-07:stl-mil", "mlb:2026-07-07:stl-mil:2")
    assert world.list(listing("espn", "9", "2026-07-07T23:45Z")) == evening
    assert world.list(listing("espn", "8", "2026-07-07T18:15Z")) == noon


def test_a_source_that_shows_only_the_second_game_is_not_taken_for_the_first() -> None:
    world = World()
    world.list(listing("the-odds-api", "a", "2026-07-07T18:16Z"))

    found = world.ask(listing("espn", "9", "2026-07-07T23:45Z"))

    assert isinstance(found, Unsure)
    assert [one.event_id for one in found.candidates] == ["mlb:2026-07-07:stl-mil"]


def test_the_second_game_shown_first_keeps_its_id_and_the_first_gets_another() -> None:
    world = World()
    evening = world.list(listing("espn", "9", "2026-07-07T23:45Z"))

    waits = world.list(listing("the-odds-api", "a", "2026-07-07T18:16Z"))
    assert waits == ""
    assert world.list(listing("the-odds-api", "b", "2026-07-07T23:46Z")) == evening
    assert world.list(listing("the-odds-api", "a", "2026-07-07T18:16Z")) == "mlb:2026-07-07:stl-mil:2"


def test_two_known_games_as_near_as_each_other_are_not_sure() -> None:
    world = World()
    world.list(listing("the-odds-api", "a", "2026-07-07T18:00Z"))
    world.list(listing("the-odds-api", "b", "2026-07-07T20:00Z"))

    found = world.ask(listing("espn", "9", "2026-07-07T19:10Z"))

    assert isinstance(found, Unsure)
    assert len(found.candidates) == 2


def test_games_of_consecutive_days_are_two() -> None:
    world = World()
    world.list(listing("the-odds-api", "a", "2026-07-06T23:46Z"))

    assert world.ask(listing("espn", "8", "2026-07-07T18:15Z")) == New("mlb:2026-07-07:stl-mil")


def test_two_own_ids_of_a_source_are_two_games() -> None:
    world = World()
    world.list(listing("the-odds-api", "a"))

    assert world.ask(listing("the-odds-api", "b")) == New("mlb:2026-07-07:stl-mil:2")


def test_a_new_own_id_for_a_game_that_others_have_moved_is_not_sure() -> None:
    world = World()
    event_id = world.list(listing("the-odds-api", "old", "2026-07-07T22:36Z"))
    world.claim(listing("espn", "8", "2026-07-07T17:35Z"), event_id)

    found = world.ask(listing("the-odds-api", "new", "2026-07-07T17:30Z"))

    assert isinstance(found, Unsure)
    assert "old" in found.reason


@pytest.mark.parametrize(
    ("league", "home", "away", "neutral", "expected"),
    [
        pytest.param("world-cup", "France", "Paraguay", False, Same, id="soccer: nobody plays twice a day"),
        pytest.param("mlb", MLB["stl"], MLB["mil"], False, Unsure, id="baseball: maybe another game"),
        pytest.param("mlb", MLB["stl"], MLB["mil"], True, Same, id="baseball on neutral ground"),
        pytest.param("nhl", "Calgary Flames", "Vancouver Canucks", False, Unsure, id="hockey: two at once"),
    ],
)
def test_sides_the_other_way_round(league: str, home: str, away: str, neutral: bool, expected: type) -> None:
    world = World()
    event_id = world.list(listing("the-odds-api", "a", AT, home, away, league))

    found = world.ask(listing("espn", "b", AT, away, home, league, neutral=neutral))

    assert isinstance(found, expected)
    if isinstance(found, Same):
        assert found.event_id == event_id
    else:
        assert isinstance(found, Unsure)
        assert found.candidates[0].event_id == event_id


def test_split_squads_that_a_source_lists_both_are_two_games() -> None:
    world = World()
    home = listing("the-odds-api", "a", AT, "Calgary Flames", "Vancouver Canucks", "nhl")
    away = listing("the-odds-api", "b", AT, "Vancouver Canucks", "Calgary Flames", "nhl")
    both = [world.list(home), world.list(away)]

    assert both == ["nhl:2026-07-07:cgy-van", "nhl:2026-07-07:van-cgy"]
    assert [world.list(one._replace(source="espn")) for one in (away, home)] == both[::-1]


@pytest.mark.parametrize("name", ["Cardinals", "St. Louis Cardinals Women", "St Louis Cardinals U21", ""])
def test_a_name_that_no_table_has_waits(name: str) -> None:
    found = World().ask(listing(home=name))

    assert isinstance(found, Unsure)
    assert repr(name) in found.reason


def test_an_unknown_name_is_ranked_by_its_letters_and_by_whom_the_other_side_plays_then() -> None:
    world = World()
    event_id = world.list(listing("the-odds-api", "a"))

    found = world.ask(listing("espn", "b", home="Cards"))

    assert isinstance(found, Unsure)
    best = found.candidates[0]
    assert (best.team, best.event_id) == ("stl", event_id)
    assert "plays mil then" in best.reason


def test_women_are_no_candidates_for_men() -> None:
    found = World().ask(listing(league="epl", home="Arsenal Women", away="Chelsea"))

    assert isinstance(found, Unsure)
    assert [one for one in found.candidates if one.name == "Arsenal Women"] == []


def test_what_a_person_says_of_a_name_holds_for_that_source() -> None:
    world = World()
    world.names.tell(
        SourceAlias(
            league="mlb", source="espn", name="Cards", team="stl", source_id="", event_id="",
            received_at_ms=at_ms(AT), origin="",
        )
    )  # fmt: skip

    assert world.ask(listing(home=" CARDS ")) == New("mlb:2026-07-07:stl-mil")
    assert isinstance(world.ask(listing("the-odds-api", home="Cards")), Unsure)


@pytest.mark.parametrize(
    "asked",
    [
        pytest.param(listing(league="cricket"), id="league"),
        pytest.param(listing()._replace(starts_at_ms=0), id="no start"),
        pytest.param(listing(away=MLB["stl"]), id="against itself"),
    ],
)
def test_what_no_alias_could_help_is_refused(asked: Listing) -> None:
    with pytest.raises(Refused):
        World().ask(asked)


def test_a_claim_does_not_hold_where_somebody_was_quicker() -> None:
    games = Games()
    late = SourceEvent(
        source="espn", source_id="1", event_id="mlb:2026-07-07:stl-mil", received_at_ms=1,
        starts_at_ms=at_ms(AT), home="", away="", read_to=4,
    )  # fmt: skip
    quick = SourceEvent(
        source="the-odds-api", source_id="a", event_id="mlb:2026-07-07:stl-mil", received_at_ms=1,
        starts_at_ms=at_ms(AT), home="", away="", read_to=4,
    )  # fmt: skip

    assert games.tell(quick, 4)
    assert not games.tell(late, 5)
    assert games.of("espn", "1") is None


SHOWN = st.lists(
    st.tuples(
        st.sampled_from(["espn", "the-odds-api", "football-data-org"]),
        st.integers(0, 5),
        st.integers(0, 60),
        st.sampled_from(list(combinations(MLB, 2)) + [(b, a) for a, b in combinations(MLB, 2)]),
    ),
    max_size=25,
)


@given(SHOWN)
def test_no_event_has_two_ids_of_a_source_and_every_id_is_of_the_sides_that_were_listed(
    shown: list[tuple[str, int, int, tuple[str, str]]],
) -> None:
    world = World()
    listed: dict[tuple[str, str], str] = {}
    for source, number, hours, (home, away) in shown:
        key = source, f"{number}-{hours}-{home}-{away}"
        if key not in listed:
            asked = listing(source, key[1], AT, MLB[home], MLB[away])
            listed[key] = world.list(asked._replace(starts_at_ms=at_ms(AT) + hours * HOUR_MS))

    given_ids = [(source, event_id) for (source, _), event_id in listed.items() if event_id]
    assert len(given_ids) == len(set(given_ids))
    for (_, source_id), event_id in listed.items():
        if event_id:
            event = ids.parse(event_id)
            assert {event.home, event.away} == set(source_id.split("-")[2:])
