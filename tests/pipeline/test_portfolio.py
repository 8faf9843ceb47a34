"""Joint stakes on open bets, as the fold publishes them."""

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

from pipeline.cluster import create_topics
from pipeline.codec import encode
from pipeline.domain.settlement import Chances
from pipeline.domain.staking import expected_value, fractional_kelly, kelly
from pipeline.portfolio import Limits, Portfolio, portfolio
from pipeline.records import ValueBet, ValueBets
from pipeline.settings import Settings
from tests.make_records import EVENT, example

SHARPLINE = Path(sys.executable).with_name("sharpline")
OTHER, THIRD = "nfl:2025-09-14:buf-nyj", "epl:2025-09-14:ars-che"
LIMITS = Limits()
WITHIN_S = 60


def bet(
    price: float = 2.2,
    probability: float = 0.5,
    push: float = 0.0,
    **fields: Any,
) -> ValueBet:
    chances = Chances((1.0 - push) * probability, push)
    given = {
        "id": "v",
        "basis": "consensus",
        "market": "h2h",
        "scope": "game",
        "line": 0.0,
        "outcome": 0,
        "book": "bovada",
        "price": price,
        "probability": probability,
        "edge": 0.05,
        "expected_value": expected_value(price, *chances),
        "stake_share": 0.01,
        "refund": push,
        "quoted_at_ms": 0,
        "seen_at_ms": 1_757_880_000_000,
        "source": "the-odds-api-recorded",
        "opened_at_ms": 1_757_880_000_000,
    }
    return ValueBet(**given | fields)


def open_bets(*bets: ValueBet, event_id: str = EVENT) -> ValueBets:
    record: ValueBets = example("bets.value", event_id=event_id, bets=bets)
    return record


def reasons(found: Portfolio) -> dict[tuple[str, float], str]:
    return {(each.book, each.price): each.reason for each in found.left_out}


def test_a_bet_alone_has_its_own_fractional_stake() -> None:
    (stake,) = portfolio([open_bets(bet())], LIMITS).stakes

    assert stake.share == pytest.approx(stake.kelly, abs=1e-6)
    assert stake.kelly == fractional_kelly(kelly(2.2, 0.5), 0.25, 0.05)
    assert (stake.refund, stake.stake_minor) == (0.0, None)


def test_independent_bets_share_the_exposure() -> None:
    events = [f"nfl:2025-09-{day:02}:kc-phi" for day in range(1, 11)]

    found = portfolio([open_bets(bet(2.4), event_id=event) for event in events], LIMITS)

    assert found.exposure == pytest.approx(0.15)
    assert [stake.share for stake in found.stakes] == pytest.approx([0.015] * 10, abs=1e-6)
    assert all(stake.kelly > 0.03 for stake in found.stakes)
    assert 0.0 < found.growth < math.log1p(0.15 * 1.4)


def test_of_one_outcome_the_best_price_is_taken_and_the_lower_probability_counts() -> None:
    found = portfolio(
        [
            open_bets(
                bet(2.3, 0.5, basis="model"),
                bet(2.3, 0.48, basis="consensus"),
                bet(2.25, 0.52, book="pinnacle"),
            )
        ],
        LIMITS,
    )

    (stake,) = found.stakes
    assert (stake.book, stake.price, stake.probability) == ("bovada", 2.3, 0.48)
    assert stake.bases == ("consensus", "model")
    assert stake.expected_value == pytest.approx(2.3 * 0.48 - 1.0)
    assert reasons(found) == {("pinnacle", 2.25): "same outcome as at bovada, 2.30"}


def test_only_the_bases_that_are_asked_for_count() -> None:
    answers = [open_bets(bet(2.3, 0.5, basis="model"), bet(2.3, 0.48))]

    (by_model,) = portfolio(answers, LIMITS, ["model"]).stakes

    assert (by_model.probability, by_model.bases) == (0.5, ("model",))


def test_a_bet_without_value_by_the_lower_probability_is_left_out() -> None:
    found = portfolio([open_bets(bet(2.1, 0.5, basis="model"), bet(2.1, 0.47))], LIMITS)

    assert found.stakes == ()
    assert (found.exposure, found.growth) == (0.0, 0.0)
    assert {each.reason for each in found.left_out} == {"no value by the lowest probability published"}


def test_of_an_event_only_the_market_that_grows_fastest_is_played() -> None:
    found = portfolio(
        [
            open_bets(bet(2.1, 0.5), bet(2.2, 0.5, market="total", line=44.5, book="pinnacle")),
            open_bets(bet(2.1, 0.5), event_id=OTHER),
        ],
        LIMITS,
    )

    assert [(stake.event_id, stake.market) for stake in found.stakes] == [(OTHER, "h2h"), (EVENT, "total")]
    assert reasons(found) == {("bovada", 2.1): "hangs together with total 44.5, which grows faster"}


def test_both_sides_of_a_line_are_one_market_and_hedge_each_other() -> None:
    """Together they always pay, so both take what the limits let them."""
    sides = (
        bet(2.1, 0.505, market="total", line=44.5),
        bet(2.1, 0.505, market="total", line=44.5, outcome=1, book="pinnacle"),
    )

    found = portfolio([open_bets(*sides)], LIMITS)

    assert [stake.probability for stake in found.stakes] == [0.5, 0.5]
    assert [stake.share for stake in found.stakes] == pytest.approx([0.05, 0.05], abs=1e-6)
    assert found.growth == pytest.approx(math.log1p(0.05 * 1.1 - 0.05), rel=1e-4)


def test_outcomes_of_a_three_way_market_exclude_one_another() -> None:
    market = {"market": "h2h_3way", "scope": "regulation"}
    bets = bet(4.0, 0.3, **market), bet(4.5, 0.28, outcome=2, **market)

    found = portfolio([open_bets(*bets, event_id=THIRD)], Limits(1.0, 1.0, 1.0))

    # Both win nothing with 0.42: Smoczynski and Tomkins by hand, reserve 0.42 / (1 - 1/4 - 1/4.5).
    reserve = 0.42 / (1.0 - 1.0 / 4.0 - 1.0 / 4.5)
    assert [stake.share for stake in found.stakes] == pytest.approx(
        [0.3 - reserve / 4.0, 0.28 - reserve / 4.5], abs=1e-6
    )


def test_refunds_are_those_published() -> None:
    (stake,) = portfolio([open_bets(bet(2.2, 0.5, push=0.1, basis="model"))], LIMITS).stakes

    assert stake.refund == pytest.approx(0.1)
    assert stake.expected_value == pytest.approx(0.9 * 0.1)


def test_commission_is_taken_before_prices_are_compared() -> None:
    exchange = bet(2.3, 0.5, book="betfair_ex_eu", commission=0.1)

    found = portfolio([open_bets(exchange, bet(2.2, 0.5))], LIMITS)

    (stake,) = found.stakes
    assert (stake.book, stake.expected_value) == ("bovada", pytest.approx(0.1))
    assert reasons(found) == {("betfair_ex_eu", 2.3): "same outcome as at bovada, 2.20"}
    (alone,) = portfolio([open_bets(exchange)], LIMITS).stakes
    assert (alone.price, alone.commission) == (2.3, 0.1)
    assert alone.expected_value == pytest.approx(0.5 * 2.17 - 1.0)
    assert alone.kelly == pytest.approx(fractional_kelly(kelly(2.17, 0.5), 0.25, 0.05))


def test_money_is_rounded_down_to_a_minor_unit() -> None:
    answers = [open_bets(bet(2.17, 0.49)), open_bets(bet(2.3, 0.47), event_id=OTHER)]

    found = portfolio(answers, LIMITS, bankroll_minor=33_333)

    for stake in found.stakes:
        assert stake.stake_minor is not None
        assert stake.stake_minor <= stake.share * 33_333 < stake.stake_minor + 1
    assert found.staked_minor == sum(stake.stake_minor or 0 for stake in found.stakes)


@given(
    st.lists(
        st.tuples(
            st.sampled_from([EVENT, OTHER, THIRD]),
            st.sampled_from([("h2h", 0.0), ("spread", -3.5), ("total", 44.5), ("total", 45.0)]),
            st.sampled_from(["consensus", "model"]),
            st.integers(0, 1),
            st.sampled_from(["bovada", "pinnacle"]),
            st.floats(0.2, 0.8),
            st.floats(1.0, 1.2),
            st.floats(0.0, 0.2),
        ),
        min_size=1,
        max_size=12,
    )
)
def test_every_bet_is_staked_or_left_out_and_the_limits_hold(drawn: list[tuple[Any, ...]]) -> None:
    by_event: dict[str, dict[tuple[Any, ...], ValueBet]] = {}
    for event, (market, line), basis, outcome, book, chance, worth, push in drawn:
        one = bet(
            worth / chance, chance, push, market=market, line=line, basis=basis, outcome=outcome, book=book
        )
        by_event.setdefault(event, {})[market, line, basis, outcome, book] = one

    found = portfolio([open_bets(*bets.values(), event_id=event) for event, bets in by_event.items()], LIMITS)

    assert all(0.0 < stake.share <= 0.05 for stake in found.stakes)
    assert found.exposure <= 0.15 + 1e-9
    assert found.growth >= -1e-12  # what is worth its stake by a rounding
    markets = {(stake.event_id, stake.market, stake.line) for stake in found.stakes}
    assert len(markets) == len({stake.event_id for stake in found.stakes})
    told = {
        (each.event_id, each.market, each.line, each.outcome, each.book)
        for each in (*found.stakes, *found.left_out)
    }
    assert told == {
        (event, market, line, outcome, book)
        for event, bets in by_event.items()
        for market, line, _, outcome, book in bets
    }


def command(*arguments: str) -> subprocess.CompletedProcess[str]:
    env = {"PATH": "/usr/bin:/bin"}
    return subprocess.run(
        [SHARPLINE, "portfolio", *arguments], capture_output=True, text=True, timeout=WITHIN_S, env=env
    )


@pytest.mark.kafka
def test_the_command_stakes_what_is_open_on_a_broker(fresh_kafka: str) -> None:
    none = command("--kafka", fresh_kafka)
    create_topics(fresh_kafka, Settings(), [])
    producer = Producer({"bootstrap.servers": fresh_kafka, "partitioner": "murmur2_random"})
    # A partition that takes a record has its leader.
    for partition in range(Settings().partitions):
        producer.produce("bets.value", key=b"none", value=None, partition=partition)
    assert producer.flush(WITHIN_S) == 0
    nothing = command("--kafka", fresh_kafka)
    gone = "nfl:2025-09-14:sf-sea"
    for record in (
        open_bets(bet(9.0, 0.5)),
        open_bets(bet(2.2, 0.5)),
        open_bets(bet(3.2, 0.4, book="betmgm"), event_id=THIRD),
        open_bets(bet(), event_id=gone),
    ):
        key, value = encode("bets.value", record)
        producer.produce("bets.value", key=key, value=value)
    producer.produce("bets.value", key=gone.encode(), value=None)
    assert producer.flush(WITHIN_S) == 0

    table = command("--kafka", fresh_kafka, "--bankroll", "1000.50")
    exact = command("--kafka", fresh_kafka, "--bankroll", "1000.50", "--json")
    of_league = command("--kafka", fresh_kafka, "--league", "epl", "--json")
    no_bet = command("--kafka", fresh_kafka, "--league", "nba")

    for done, sentence in (
        (none, "bets.value is not on"),
        (nothing, "no value bet is open at"),
        (no_bet, "no value bet is open in nba at"),
        (command("--league", "nfi", "--kafka", fresh_kafka), "there is no league 'nfi'"),
        (command("--bankroll", "10.005", "--kafka", fresh_kafka), "'10.005' is no sum of money"),
    ):
        assert done.returncode == 2
        assert sentence in done.stderr
        assert len(done.stderr.splitlines()) == 1
    assert exact.returncode == 0, exact.stderr
    stakes = json.loads(exact.stdout)["stakes"]
    assert [(stake["event_id"], stake["price"]) for stake in stakes] == [(THIRD, 3.2), (EVENT, 2.2)]
    assert [stake["stake_minor"] for stake in stakes] == [int(stake["share"] * 100_050) for stake in stakes]
    assert [stake["event_id"] for stake in json.loads(of_league.stdout)["stakes"]] == [THIRD]
    assert table.returncode == 0, table.stderr
    (row,) = [line.split() for line in table.stdout.splitlines() if line.startswith(EVENT)]
    assert row[1:8] == ["h2h", "home", "consensus", "bovada", "2.20", "50.0%", "+10.0%"]
    assert f"{stakes[1]['stake_minor'] / 100:.2f}" == row[-1]
    assert "expected growth" in table.stdout
