import json

from pipeline import data
from pipeline.records import OddsSnapshot
from producers.identity import Identities
from producers.live.call import Call, Config, Game, Parsed
from producers.sources import the_odds_api
from producers.sources.the_odds_api import NAME, calls, parse
from tests.producers.moments import at_ms
from tests.producers.sources.payloads import POLLED, body, book, event, market, outcome, soccer

NOW = at_ms(POLLED)
HOUR_MS = 3_600_000
PRICES = market("h2h", outcome("Kansas City Chiefs", 1.5), outcome("Philadelphia Eagles", 2.7))
CONFIG = Config(leagues=("nfl", "world-cup"), regions=("us", "eu"), markets=("h2h", "totals", "btts"))


def game(starts_in_h: float, league: str = "nfl", **fields: object) -> Game:
    event_id = "nfl:2025-09-14:kc-phi" if league == "nfl" else "world-cup:2025-09-14:eng-gha"
    return Game(event_id, league, NOW + int(starts_in_h * HOUR_MS))._replace(**fields)


def asked(*games: Game, config: Config = CONFIG) -> dict[str, Call]:
    return {call.name: call for call in calls(config, NOW, games)}


def read(call: Call, answer: bytes) -> tuple[Parsed, list[str]]:
    refused: list[str] = []
    return parse(call, answer, NOW, Identities(NAME), lambda why, _: refused.append(why)), refused


def test_without_games_nothing_that_costs_is_asked() -> None:
    found = asked()

    assert found.keys() == {"sports", "events nfl", "events world-cup"}
    assert sum(call.cost for call in found.values()) == 0


def test_a_call_costs_its_markets_times_its_regions() -> None:
    odds = asked(game(2))["odds nfl"]

    assert odds.cost == 2 * 2
    assert odds.params[:3] == (("regions", "eu,us"), ("markets", "h2h,totals"), ("oddsFormat", "decimal"))
    assert odds.url == "https://api.the-odds-api.com/v4/sports/americanfootball_nfl/odds"
    assert (odds.kind, odds.covers) == ("odds", ("nfl:2025-09-14:kc-phi",))
    assert asked(game(-1))["scores nfl"].cost == 2


def test_the_pace_follows_the_games() -> None:
    paces = [asked(game(hours))["odds nfl"].every_s for hours in (-1, 0.5, 5, 48)]

    assert paces == [60.0, 120.0, 900.0, 3_600.0]
    assert "odds nfl" not in asked(game(24 * 8))
    assert "odds nfl" not in asked(game(-1, is_over=True))
    assert "scores nfl" not in asked(game(5))


def test_markets_that_the_list_has_not_are_asked_for_event_by_event() -> None:
    near = game(0.5, "world-cup", source_id="abc")
    call = asked(near)["event odds world-cup"]

    assert call.url == "https://api.the-odds-api.com/v4/sports/soccer_fifa_world_cup/events/abc/odds"
    assert (call.cost, dict(call.params)["markets"]) == (2, "btts")
    assert "event odds world-cup" not in asked(near._replace(source_id=""))
    assert "event odds nfl" not in asked(game(0.5, source_id="abc"))


def test_another_address_and_all_leagues_that_the_service_has() -> None:
    found = asked(config=Config(base_url="http://127.0.0.1:1"))

    assert all(call.url.startswith("http://127.0.0.1:1/v4/sports") for call in found.values())
    with_sport = [league for league, row in data.leagues().items() if row.the_odds_api]
    assert len(found) == 1 + len(with_sport)


def test_odds_say_what_was_asked_for_so_that_silence_about_the_rest_means_nothing() -> None:
    parsed, refused = read(asked(game(2))["odds nfl"], body(event(book("fanduel", PRICES))))
    (snapshot,) = parsed.records

    assert refused == []
    assert isinstance(snapshot, OddsSnapshot)
    assert (snapshot.markets, snapshot.regions) == (("h2h", "total"), ("eu", "us"))
    assert snapshot.lines[0].prices == (1.5, 2.7)
    assert parsed.present == frozenset({"nfl:2025-09-14:kc-phi"})


def test_an_answer_with_an_event_without_an_id_does_not_say_what_has_left() -> None:
    parsed, refused = read(asked(game(2))["odds nfl"], body(event(book("fanduel", PRICES)), {"id": 3}))

    assert parsed.present is None
    assert len(refused) == 1


def test_one_event_is_an_answer_of_its_own_in_which_both_to_score_is_read() -> None:
    call = asked(game(0.5, "world-cup", source_id="one"))["event odds world-cup"]
    yes_no = market("btts", outcome("No", 1.9), outcome("Yes", 1.85))
    parsed, refused = read(call, json.dumps(soccer(book("fanduel", yes_no))).encode())
    (snapshot,) = parsed.records

    assert refused == []
    assert isinstance(snapshot, OddsSnapshot)
    assert [(line.market, line.scope, line.prices) for line in snapshot.lines] == [
        ("btts", "regulation", (1.85, 1.9))
    ]
    assert snapshot.markets == ("btts",)
    assert parsed.present is None


def test_both_to_score_with_a_third_outcome_is_refused_alone() -> None:
    call = asked(game(0.5, "world-cup", source_id="one"))["event odds world-cup"]
    for wrong in (outcome("Maybe", 3.0), outcome("Yes", 1.8)):
        maybe = market("btts", outcome("No", 1.9), outcome("Yes", 1.85), wrong)
        parsed, refused = read(call, json.dumps(soccer(book("fanduel", maybe))).encode())

        assert len(refused) == 1
        assert [getattr(record, "lines", None) for record in parsed.records] == [()]


def test_each_answer_is_read_by_what_was_asked() -> None:
    free = asked()
    sports, refused = read(free["sports"], b'[{"key": "americanfootball_nfl"}]')
    events, _ = read(free["events nfl"], body(event()))

    assert (sports, bool(refused)) == (Parsed(), True)
    assert [given.event_id for given in events.given] == ["nfl:2025-09-14:kc-phi"]
    assert the_odds_api.KEY == "THE_ODDS_API_KEY"
