from collections import Counter

from pipeline.ids import parse
from producers.simulator.schedule import fixtures
from tests.producers.simulator.conftest import STARTS_AT_MS


def test_ten_thousand_games_have_ids_of_their_own_and_sides_meet_at_most_twice_a_day() -> None:
    games = list(fixtures(2, 10_000, STARTS_AT_MS))
    meetings = Counter(parse(game.event_id)[:4] for game in games)

    assert len({game.event_id for game in games}) == len(games) == 10_000
    assert max(meetings.values()) <= 2
    assert sorted(game.number for game in games) == list(range(10_000))


def test_games_come_in_the_order_in_which_they_are_quoted_and_before_they_start() -> None:
    games = list(fixtures(2, 300, STARTS_AT_MS))
    first = [game.first_at_ms for game in games]

    assert first == sorted(first)
    assert all(STARTS_AT_MS <= game.first_at_ms < game.starts_at_ms for game in games)


def test_a_shorter_schedule_is_the_beginning_of_a_longer_one() -> None:
    short = {game.number: game.home for game in fixtures(2, 30, STARTS_AT_MS)}
    long = {game.number: game.home for game in fixtures(2, 60, STARTS_AT_MS)}

    assert all(long[number] == home for number, home in short.items())
