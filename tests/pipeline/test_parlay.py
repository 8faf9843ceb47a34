"""Parlays by the answers that hold now."""

import json
import math
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka import Producer
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from pipeline import ids
from pipeline.cluster import create_topics
from pipeline.codec import encode
from pipeline.errors import UsageError
from pipeline.models import LEVEL, Position, Strengths, outlook
from pipeline.parlay import Quote, quote, read_leg
from pipeline.records import FairMarket, FairPrices, GameProbabilities, GameStatus
from pipeline.settings import Settings
from pipeline.stages.markets.game import game_of, model_chances
from tests.make_records import AT_MS, example

SHARPLINE = Path(sys.executable).with_name("sharpline")
WITHIN_S = 60
NFL, EPL, NHL = "nfl:2025-09-14:kc-phi", "epl:2025-09-14:ars-che", "nhl:2025-11-14:bos-tor"
#: A game of a group, one of a knock-out round, and one of which nobody knows the round.
CUPS = ("world-cup:2026-06-27:col-por", "world-cup:2026-07-05:bra-nor", "world-cup:2022-12-18:arg-fra")


def modelled(event_id: str, strengths: Strengths, period: int = 0, **fields: Any) -> GameProbabilities:
    """What the games fold publishes of a game."""
    league = ids.league_of(event_id)
    status = GameStatus.LIVE if period else GameStatus.SCHEDULED
    seen = outlook(league, strengths, Position(status, period, 600.0 if period else -1.0))
    record: GameProbabilities = example(
        "games.probabilities",
        event_id=event_id,
        status=status,
        home_score=0,
        away_score=0,
        model=seen.model,
        game=seen.game,
        regulation=seen.regulation,
        parameters=seen.parameters,
        **fields,
    )
    return record


def fair(event_id: str, *markets: tuple[str, float, tuple[float, ...]]) -> FairPrices:
    record: FairPrices = example(
        "odds.fair",
        event_id=event_id,
        markets=tuple(
            FairMarket(
                market=market,
                scope="game",
                line=line,
                probabilities=probabilities,
                desks=5,
                overround=0.04,
                newest_seen_at_ms=AT_MS,
                oldest_seen_at_ms=AT_MS,
            )
            for market, line, probabilities in markets
        ),
    )
    return record


FOOTBALL = modelled(NFL, Strengths(24.0, 20.5))
SOCCER = modelled(EPL, Strengths(1.6, 1.1))
HOCKEY = fair(NHL, ("total", 5.5, (0.55, 0.45)), ("spread", -1.5, (0.35, 0.65)), ("h2h", 0.0, (0.58, 0.42)))


def quoted(*legs: str, correlation: float = 0.0, price: float | None = None) -> Quote:
    models = {record.event_id: record for record in (FOOTBALL, SOCCER)}
    return quote([read_leg(leg) for leg in legs], models, {NHL: HOCKEY}, correlation, price)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(f"{NFL}/spread/away/-3.5", (NFL, "spread", "game", 1, -3.5), id="points"),
        pytest.param(f"{EPL}/total/over/2.75", (EPL, "total", "regulation", 0, 2.75), id="goals"),
        pytest.param(f"{NHL}/h2h_3way/draw", (NHL, "h2h_3way", "regulation", 2, 0.0), id="draw"),
        pytest.param(f"{NHL}/total@regulation/under/5", (NHL, "total", "regulation", 1, 5.0), id="scope"),
        pytest.param(f"{EPL}/btts/yes", (EPL, "btts", "regulation", 0, 0.0), id="both score"),
        pytest.param(f"{EPL}:2/h2h/home", (f"{EPL}:2", "h2h", "game", 0, 0.0), id="second game of the day"),
    ],
)
def test_a_leg_reads_as_it_is_written(text: str, expected: tuple[Any, ...]) -> None:
    leg = read_leg(text)

    assert leg == expected
    assert str(leg) == text


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        (NFL, "is no leg; write EVENT/market/outcome"),
        (f"{NFL}/moneyline/home", "there is no market 'moneyline'"),
        (f"{NFL}/spread/over/-3.5", "spread has no outcome 'over'; it has home, away"),
        (f"{NFL}/spread/home", "spread needs a line"),
        (f"{NFL}/h2h/home/-3.5", "h2h has no line"),
        (f"{NFL}/spread/home/-3.3", "a line is a multiple of 0.25"),
        (f"{NFL}/spread/home/three", "'three' is no line"),
        (f"{NFL}/total@h9/over/44.5", "there is no scope 'h9'"),
        ("nfi:2025-09-14:kc-phi/h2h/home", "is not an event id"),
    ],
)
def test_what_is_no_leg_says_why(text: str, sentence: str) -> None:
    with pytest.raises(UsageError) as refused:
        read_leg(text)

    assert sentence in str(refused.value)


def test_games_are_independent_of_one_another() -> None:
    found = quoted(f"{NFL}/spread/home/-3.5", f"{EPL}/h2h_3way/draw", f"{NHL}/total/over/5.5", price=9.0)

    assert [game.event_id for game in found.games] == [NFL, EPL, NHL]
    assert found.probability == pytest.approx(found.independent)
    assert found.fair_price == pytest.approx(1.0 / found.probability)
    assert (found.lowest, found.highest) == pytest.approx((found.probability, found.probability))
    assert found.expected_value == pytest.approx(9.0 * found.probability - 1.0)
    assert found.hold == pytest.approx(1.0 - 9.0 * found.probability)
    assert [game.legs[0].source for game in found.games] == [
        "brownian-margin, prior closing",
        "poisson-goals, prior closing",
        "consensus",
    ]


def test_goals_of_one_game_hang_together() -> None:
    found = quoted(f"{EPL}/total/over/2.5", f"{EPL}/btts/yes")

    (game,) = found.games
    assert game.probability > 1.2 * found.independent
    assert game.lowest < game.probability < game.highest
    assert found.fair_price == pytest.approx(1.0 / game.probability)
    assert found.price is found.expected_value is found.hold is None


def test_margin_and_total_are_independent_unless_a_correlation_is_assumed() -> None:
    legs = f"{NFL}/spread/home/-3.5", f"{NFL}/total/over/44.5"

    apart, together = quoted(*legs), quoted(*legs, correlation=0.3)

    assert apart.probability == pytest.approx(apart.independent, abs=1e-12)
    assert together.independent == pytest.approx(apart.independent, abs=1e-12)
    assert together.probability > 1.1 * apart.probability


def test_legs_that_exclude_one_another_have_no_price() -> None:
    found = quoted(f"{EPL}/h2h_3way/home", f"{EPL}/h2h_3way/draw", price=20.0)

    assert (found.probability, found.fair_price) == (0.0, math.inf)
    assert (found.expected_value, found.hold) == (-1.0, 1.0)


def test_a_line_that_may_be_met_cuts_the_parlay_by_its_own_fair_price() -> None:
    found = quoted(f"{NFL}/total/over/45", f"{EPL}/h2h/home")

    over, home = found.games[0].legs[0], found.games[1].legs[0]
    assert over.refund > 0.01
    assert home.refund > 0.2  # a level match of this league is over
    assert found.fair_price == pytest.approx(over.fair_price * home.fair_price)
    assert found.fair_price < 1.0 / found.probability


@pytest.mark.parametrize("period", [0, 2])
@pytest.mark.parametrize("event_id", [NFL, EPL, "nba:2025-11-14:bos-tor", NHL, *CUPS])
def test_a_leg_is_worth_what_the_fold_of_markets_takes_it_for(event_id: str, period: int) -> None:
    """But for h2h and h2h_3way, where a published probability keeps a little for what no model knows."""
    goals = event_id in (EPL, NHL, *CUPS)
    strengths = Strengths(3.1, 2.7) if goals else Strengths(110.0, 104.5)
    line, scope = (5.75, "regulation") if goals else (211.0, "game")
    game = modelled(event_id, strengths, period)
    live = game_of(replace(game, status=GameStatus.LIVE))
    for market, at, within, where in (
        ("h2h", 0.0, 0.001 + 1e-9, "game"),
        ("h2h_3way", 0.0, 0.001 + 1e-9, "regulation"),
        ("spread", -1.0, 1e-9, scope),
        ("total", line, 1e-9, scope),
    ):
        sides = {"total": ("over", "under")}.get(market, ("home", "away"))
        for outcome, side in enumerate(sides):
            suffix = f"/{at:g}" if at else ""
            leg = read_leg(f"{event_id}/{market}@{where}/{side}{suffix}")
            found = quote([leg], {event_id: game}, {}).games[0].legs[0]

            expected = model_chances(live, (market, where, at))[outcome]
            assert found.probability == pytest.approx(expected.win, abs=within)
            assert 1.0 / found.fair_price == pytest.approx(expected.fair, abs=within)


@pytest.mark.parametrize(
    ("event_id", "period"),
    [
        (NFL, 5),
        (NHL, 4),
        ("nba:2025-11-14:bos-tor", 5),
        ("kbo:2025-07-14:lg-kt", 10),
        *[(cup, 3) for cup in CUPS[1:]],
    ],
)
def test_overtime_ends_as_the_fold_of_markets_takes_it_to_end(event_id: str, period: int) -> None:
    goals = event_id[:3] in ("nhl", "kbo", "wor")
    strengths = Strengths(3.1, 2.7) if goals else Strengths(24.0, 20.5)
    game = modelled(event_id, strengths, period)

    found = quote([read_leg(f"{event_id}/h2h/away")], {event_id: game}, {}).games[0].legs[0]

    _, away = model_chances(game_of(game), ("h2h", "game", 0.0))
    assert game.regulation == LEVEL
    assert (found.probability, found.refund) == pytest.approx((away.win, away.push), abs=0.001)


def test_several_legs_without_a_model_are_refused_with_their_bounds() -> None:
    with pytest.raises(UsageError) as refused:
        quoted(f"{NHL}/total/over/5.5", f"{NHL}/h2h/home")

    assert "no model prices all 2 legs" in str(refused.value)
    assert "between 0.1300 and 0.5500 (Fréchet's bounds)" in str(refused.value)


@pytest.mark.parametrize(
    ("changed", "sentence"),
    [
        pytest.param({"status": GameStatus.FINAL}, "is final: nothing on it is open", id="over"),
        pytest.param({"model": "none"}, "has no price", id="no model"),
        pytest.param({"contested": True}, "has no price", id="contested"),
        pytest.param({"suspended": True}, "has no price", id="suspended"),
        pytest.param({"parameters": {"home_rate": 1.0}}, "has no price", id="a parameter is missing"),
        pytest.param({"regulation": LEVEL}, "has no price", id="in overtime"),
    ],
)
def test_a_game_that_is_not_priced_now_is_refused(changed: dict[str, Any], sentence: str) -> None:
    game = replace(SOCCER, **changed)

    with pytest.raises(UsageError, match=sentence):
        quote([read_leg(f"{EPL}/total/over/2.5")], {EPL: game}, {})


def test_a_line_that_is_not_offered_says_which_are() -> None:
    with pytest.raises(UsageError, match=r"odds.fair has it at 5\.5 only"):
        quoted(f"{NHL}/total/over/6.5")
    with pytest.raises(UsageError, match=r"odds.fair has no such market"):
        quoted(f"{NHL}/total@p1/over/1.5")


def test_an_event_of_which_nothing_is_known_and_a_leg_named_twice_are_refused() -> None:
    with pytest.raises(UsageError, match="nothing is known of nba:2025-11-14:bos-tor"):
        quoted("nba:2025-11-14:bos-tor/h2h/home")
    with pytest.raises(UsageError, match="is named twice"):
        quoted(f"{EPL}/btts/yes", f"{EPL}/h2h/home", f"{EPL}/btts/yes")


SELECTIONS = st.sampled_from(
    [
        *[f"{EPL}/{leg}" for leg in ("h2h/home", "h2h_3way/draw", "btts/no", "total/over/2.25")],
        *[f"{EPL}/{leg}" for leg in ("spread/away/-0.5", "total/under/3", "h2h_3way/away")],
        *[f"{NFL}/{leg}" for leg in ("h2h/away", "spread/home/-3", "total/under/44.5", "total/over/41")],
        f"{NHL}/total/over/5.5",
    ]
)


@given(st.lists(SELECTIONS, min_size=1, max_size=6, unique=True), st.floats(-0.9, 0.9), st.floats(1.01, 99.0))
def test_a_parlay_lies_between_its_bounds_whatever_the_order_of_its_legs(
    legs: list[str], correlation: float, price: float
) -> None:
    found = quoted(*legs, correlation=correlation, price=price)
    turned = quoted(*reversed(legs), correlation=correlation, price=price)

    assert found.lowest - 1e-9 <= found.probability <= found.highest + 1e-9
    assert turned.probability == pytest.approx(found.probability, abs=1e-12)
    assert sum(len(game.legs) for game in found.games) == len(legs)
    assert found.expected_value is not None
    assert found.hold == pytest.approx(-found.expected_value)
    assert found.fair_price <= (1.0 + 1e-9) / found.probability if found.probability else True


def command(*arguments: str) -> subprocess.CompletedProcess[str]:
    env = {"PATH": "/usr/bin:/bin"}
    return subprocess.run(
        [SHARPLINE, "parlay", *arguments], capture_output=True, text=True, timeout=WITHIN_S, env=env
    )


@pytest.mark.kafka
def test_the_command_prices_legs_by_what_a_broker_holds(fresh_kafka: str) -> None:
    legs = f"{NFL}/spread/home/-3.5", f"{NFL}/total/over/44.5", f"{NHL}/total/over/5.5"
    none = command(*legs, "--kafka", fresh_kafka)
    create_topics(fresh_kafka, Settings(), [])
    producer = Producer({"bootstrap.servers": fresh_kafka, "partitioner": "murmur2_random"})
    for topic in ("games.probabilities", "odds.fair"):
        # A partition that takes a record has its leader.
        for partition in range(Settings().partitions):
            producer.produce(topic, key=b"none", value=None, partition=partition)
    stale = modelled(NFL, Strengths(3.0, 40.0))
    for topic, record in (
        ("games.probabilities", stale),
        ("games.probabilities", FOOTBALL),
        ("odds.fair", HOCKEY),
    ):
        key, value = encode(topic, record)
        producer.produce(topic, key=key, value=value)
    assert producer.flush(WITHIN_S) == 0

    table = command(*legs, "--kafka", fresh_kafka, "--price", "+700", "--correlation", "0.1")
    exact = command(*legs, "--kafka", fresh_kafka, "--price", "+700", "--correlation", "0.1", "--json")
    unknown = command(f"{EPL}/btts/yes", "--kafka", fresh_kafka)
    no_price = command(*legs, "--kafka", fresh_kafka, "--price", "700")

    for done, sentence in (
        (none, "games.probabilities is not on"),
        (unknown, f"nothing is known of {EPL}"),
        (no_price, "price: '700' may be decimal or American"),
    ):
        assert done.returncode == 2
        assert sentence in done.stderr
        assert len(done.stderr.splitlines()) == 1
    assert exact.returncode == 0, exact.stderr
    expected = quoted(*legs, correlation=0.1, price=8.0)
    found = json.loads(exact.stdout)
    assert found["probability"] == expected.probability
    assert found["expected_value"] == expected.expected_value
    assert table.returncode == 0, table.stderr
    assert f"fair price {expected.fair_price:.3f}, correlation of margin and total 0.1" in table.stdout
    assert f"at 8: expected value {expected.expected_value:+.2%}" in table.stdout
    assert all(leg in table.stdout for leg in legs)
