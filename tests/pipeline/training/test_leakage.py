"""No feature of any sport knows what comes after its moment; one that is fed from there is found."""

import random
from collections.abc import Callable
from functools import cache

import pytest

from pipeline import ids
from pipeline.models.boosted import look
from pipeline.models.features import SHEETS
from pipeline.records import (
    AmericanFootball,
    Baseball,
    Basketball,
    GameEvent,
    GameStatus,
    Situation,
    Soccer,
)
from pipeline.stages.games import GAMES, listened, moment

START_MS = 1_757_880_000_000
EVENTS = {
    "american-football": "nfl:2025-09-14:kc-phi",
    "baseball": "mlb:2025-09-14:nyy-bos",
    "basketball": "nba:2025-11-14:lal-bos",
    "soccer": "epl:2025-09-14:ars-che",
}
#: Records of a game, those of two that are alike, and how far ahead a feature is fed from.
LENGTH, SHARED, AHEAD = 120, 60, 40
#: Known before the start, so a game's end is what they could be fed with.
BEFORE_THE_START = {"line", "total", "home_strength", "away_strength"}
Values = list[tuple[float, ...] | None]


def _snap(draw: random.Random, _: int) -> AmericanFootball:
    return AmericanFootball(
        possession=draw.choice(("home", "away")),
        down=draw.randint(1, 4),
        distance_yd=draw.randint(1, 20),
        yards_to_goal=draw.randint(20, 95),
        home_timeouts=draw.randint(0, 3),
        away_timeouts=draw.randint(0, 3),
    )


def _at_bat(draw: random.Random, _: int) -> Baseball:
    half, outs, bases = draw.choice(("top", "bottom")), draw.randint(0, 2), draw.randint(0, 7)
    return Baseball(half=half, outs=outs, bases=bases, balls=0, strikes=0, scheduled_innings=9)


def _ball(draw: random.Random, _: int) -> Basketball:
    fouls = draw.randint(0, 9), draw.randint(0, 9)
    return Basketball(possession=draw.choice(("home", "away")), home_fouls=fouls[0], away_fouls=fouls[1])


def _players(draw: random.Random, place: int) -> Soccer:
    later = place >= SHARED
    return Soccer(home_reds=later * draw.randint(0, 3), away_reds=later * draw.randint(0, 3))


#: By sport: who has the ball and the like, periods, seconds of one, chance of a score in a record.
GAME: dict[str, tuple[Callable[[random.Random, int], Situation], int, float, float]] = {
    "american-football": (_snap, 4, 900.0, 0.15),
    "baseball": (_at_bat, 9, -1.0, 0.1),
    "basketball": (_ball, 4, 720.0, 0.8),
    "soccer": (_players, 2, 2700.0, 0.04),
}


def history(sport: str, seed: int) -> list[GameEvent]:
    """A made game: until it parts from others the very same, then as its seed has it."""
    draw = random.Random(1)
    situation, periods, length_s, scoring = GAME[sport]
    home = away = 0
    passed = 0.0
    events = []
    for place in range(LENGTH):
        if place == SHARED:
            draw = random.Random(seed)
        passed += draw.uniform(0.2, 1.8) / LENGTH
        home, away = home + (draw.random() < scoring), away + (draw.random() < scoring)
        period = min(int(passed * periods), periods - 1)
        clock_s = length_s * (period + 1 - min(passed, 0.999) * periods) if length_s > 0.0 else -1.0
        events.append(
            GameEvent(
                event_id=EVENTS[sport],
                source="simulator",
                source_event_id=str(place),
                kind="play",
                received_at_ms=START_MS + place * 40_000,
                sequence=place,
                status=GameStatus.LIVE,
                period=period + 1,
                clock_s=max(1.0, clock_s) if length_s > 0.0 else -1.0,
                home_score=home,
                away_score=away,
                situation=situation(draw, place),
            )
        )
    return events


def read(events: list[GameEvent]) -> Values:
    """The features after each record, as the fold hears them one by one."""
    game, sheet = GAMES.initial(events[0].event_id), SHEETS[ids.league_of(events[0].event_id).sport]
    found: Values = []
    for event in events:
        game = listened(game, event)
        looked = look(sheet, moment(game))
        found.append(looked.values if looked else None)
    return found


@cache
def parted(sport: str) -> tuple[Values, Values, int]:
    """Two games that are alike until they part, and by how much home wins the first."""
    one, other = history(sport, 2), history(sport, 3)
    return read(one), read(other), one[-1].home_score - one[-1].away_score


def leaking(sport: str, one: Values, other: Values) -> list[str]:
    """The features that differ at one of the moments that two games have in common."""
    names = [feature.name for feature in SHEETS[sport].features]
    pairs = [(a, b) for a, b in zip(one[:SHARED], other[:SHARED], strict=True) if a and b]
    assert len(pairs) > SHARED // 2
    return [name for place, name in enumerate(names) if any(a[place] != b[place] for a, b in pairs)]


@pytest.mark.parametrize("sport", SHEETS)
def test_no_feature_knows_what_comes_after_it(sport: str) -> None:
    one, other, _ = parted(sport)

    assert leaking(sport, one, other) == []
    assert one[SHARED:] != other[SHARED:]


@pytest.mark.parametrize(
    ("sport", "name"),
    [(sport, feature.name) for sport, sheet in SHEETS.items() for feature in sheet.features],
)
def test_a_feature_that_is_fed_from_the_future_is_found(sport: str, name: str) -> None:
    one, other, ended = parted(sport)
    place = [feature.name for feature in SHEETS[sport].features].index(name)

    def fed(at: int) -> tuple[float, ...] | None:
        now, later = one[at], one[min(at + AHEAD, LENGTH - 1)]
        if now is None or later is None:
            return None
        value = ended if name in BEFORE_THE_START else later[place]
        return (*now[:place], value, *now[place + 1 :])

    assert leaking(sport, [fed(at) for at in range(LENGTH)], other) == [name]
