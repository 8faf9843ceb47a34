"""Value bets: against the other desks and the game model, and the gates that hold some back."""

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from pipeline.domain.confidence import confidence
from pipeline.domain.staking import kelly
from pipeline.records import (
    Change,
    GameProbabilities,
    GameStatus,
    GatedBet,
    Line,
    ModelOpinion,
    QuoteStatus,
    SourceState,
    ValueBet,
)
from pipeline.settings import Rules
from pipeline.stages.markets import MARKETS
from pipeline.stages.markets.value import KEPT
from tests.make import Followed, at, game, quote, snapshot, tick

EVEN = [quote(book, 1.91, 1.91) for book in ("a", "b", "c")]


def found(*lines: Line, **rules: Any) -> tuple[ValueBet, ...]:
    event = Followed(MARKETS, Rules(**rules))
    event(snapshot(*lines))
    return event.last["bets.value"].bets if "bets.value" in event.last else ()


def held_back(*lines: Line, **rules: Any) -> tuple[GatedBet, ...]:
    event = Followed(MARKETS, Rules(**rules))
    event(snapshot(*lines))
    gated: tuple[GatedBet, ...] = event.last["bets.value"].gated
    return gated


def test_a_price_above_what_three_other_desks_agree_on_is_value() -> None:
    (bet,) = found(*EVEN, quote("d", 2.1, 1.75))

    assert (bet.basis, bet.book, bet.outcome, bet.price) == ("consensus", "d", 0, 2.1)
    assert bet.probability == pytest.approx(0.5)
    assert bet.expected_value == pytest.approx(0.05)
    assert bet.edge == pytest.approx(0.5 - 1 / 2.1)
    assert bet.stake_share == pytest.approx(0.25 * 0.05 / 1.1)
    assert bet.kelly_share == pytest.approx(0.05 / 1.1)
    assert (bet.desks, bet.refund, bet.commission) == (3, 0.0, 0.0)
    # All agree, and of an even market all methods do.
    assert (bet.worst_expected_value, bet.worst_by) == (bet.expected_value, "power")
    assert bet.confidence == 1.0


def test_commission_is_taken_from_what_a_price_is_worth_and_the_price_stays() -> None:
    (bet,) = found(*EVEN, quote("d", 2.1, 1.75), commissions={"d": 0.02})

    assert (bet.price, bet.commission) == (2.1, 0.02)
    assert bet.expected_value == pytest.approx(0.5 * 2.078 - 1.0)
    assert bet.edge == pytest.approx(0.5 - 1.0 / 2.078)
    assert bet.kelly_share == pytest.approx(kelly(2.078, 0.5))


def test_commission_may_leave_nothing() -> None:
    assert found(*EVEN, quote("d", 2.1, 1.75), commissions={"d": 0.06}) == ()


def test_a_published_commission_needs_no_setting() -> None:
    (bet,) = [bet for bet in found(*EVEN, quote("betfair_ex_eu", 2.2, 1.7)) if bet.outcome == 0]

    assert bet.commission == 0.05
    assert bet.expected_value == pytest.approx(0.5 * 2.14 - 1.0)


@pytest.mark.parametrize(
    ("market", "line"),
    [("spread", -3.0), ("spread", 6.0), ("total", 44.0), ("spread", -3.25), ("total", 44.75)],
)
def test_refunds_count_in_value_and_stake(market: str, line: float) -> None:
    where = {"market": market, "line": line}
    evens = [quote(book, 1.91, 1.91, **where) for book in ("a", "b", "c")]

    (bet,) = found(*evens, quote("d", 2.12, 1.75, **where))

    assert bet.probability == pytest.approx(0.5)
    assert 0.005 < bet.refund < 0.06
    assert bet.expected_value == pytest.approx((1.0 - bet.refund) * 0.06, rel=1e-3)
    assert bet.edge == pytest.approx(0.5 - 1.0 / 2.12)
    # A half result is less of a risk than half a refund: of quarter lines a little less is staked.
    assert bet.stake_share <= 0.25 * bet.kelly_share + 1e-12
    assert bet.stake_share == pytest.approx(0.25 * bet.kelly_share, rel=0.03)


def test_the_worst_method_of_taking_the_margin_out_is_named() -> None:
    steep = [quote(book, 1.3, 3.2) for book in ("a", "b", "c")]

    (bet,) = found(*steep, quote("d", 1.42, 2.6), minimum_confidence=0.0)

    assert bet.worst_by == "multiplicative"
    assert bet.worst_expected_value == pytest.approx(1.42 * 0.71111 - 1.0, abs=1e-4)
    assert bet.expected_value == pytest.approx(1.42 * 0.73882 - 1.0, abs=1e-4)


def test_confidence_is_by_the_spread_of_desks_and_methods() -> None:
    apart = [quote("a", 1.95, 1.87), quote("b", 1.91, 1.91), quote("c", 1.87, 1.95)]

    (bet,) = found(*apart, quote("d", 2.1, 1.75))

    height = math.log(0.51044 / 0.48956)
    error = math.sqrt(2.0 / 3.0 * height**2 / 2.0)
    assert bet.confidence == pytest.approx(confidence(bet.probability, 1.0 / 2.1, error), abs=0.005)


def test_the_whole_desk_is_left_out_when_one_of_its_brands_is_judged() -> None:
    brands = [quote(book, 2.1, 1.75) for book in ("sim-copperline", "sim-copperline-extra")]

    bets = found(*EVEN, *brands)

    assert {bet.book for bet in bets} == {"sim-copperline", "sim-copperline-extra"}
    assert all(bet.probability == pytest.approx(0.5) for bet in bets)


@pytest.mark.parametrize(
    "lines",
    [
        pytest.param([EVEN[0], quote("d", 2.1, 1.75)], id="one other desk"),
        pytest.param([*EVEN, quote("d", 2.02, 1.8)], id="too little"),
        pytest.param([*EVEN, quote("d", 2.1, 1.75, status=QuoteStatus.REFERENCE)], id="nobody's offer"),
    ],
)
def test_no_value(lines: list[Line]) -> None:
    event = Followed(MARKETS)

    event(snapshot(*lines))

    assert "bets.value" not in event.last


@pytest.mark.parametrize(
    ("lines", "reasons"),
    [
        pytest.param([*EVEN[:2], quote("d", 2.1, 1.75)], ("few_desks",), id="two other desks"),
        pytest.param([*EVEN, quote("d", 2.6, 1.5)], ("too_good",), id="too good to be true"),
        pytest.param(
            [*[quote(book, 1.8, 2.05) for book in ("a", "b", "c")], quote("d", 2.05, 1.8)],
            ("swapped",),
            id="the sides of everybody else",
        ),
        pytest.param([*EVEN, quote("d", 2.1, 0.0)], ("incomplete",), id="no price for the other side"),
        pytest.param(
            [*EVEN, quote("d", 2.1, 1.75, status=QuoteStatus.SUSPENDED)], ("suspended",), id="suspended"
        ),
        pytest.param(
            [
                *EVEN,
                quote("e", 1.91, 1.91, quoted_at_ms=at(0)),
                quote("d", 2.1, 1.75, quoted_at_ms=at(-4_000)),
            ],
            ("stale",),
            id="its own time far behind",
        ),
        pytest.param(
            [*[quote(book, 1.3, 3.2) for book in ("a", "b", "c")], quote("d", 1.4, 2.6)],
            ("method",),
            id="no value by another method",
        ),
        pytest.param(
            [quote("a", 1.72, 2.15), quote("b", 1.91, 1.91), quote("c", 2.15, 1.72), quote("d", 2.05, 1.75)],
            ("confidence",),
            id="nobody knows",
        ),
        pytest.param(
            [*EVEN[:2], quote("d", 2.6, 1.5, status=QuoteStatus.SUSPENDED)],
            ("few_desks", "suspended", "too_good"),
            id="every reason that holds",
        ),
    ],
)
def test_what_a_gate_holds_back_is_listed_with_every_reason(
    lines: list[Line], reasons: tuple[str, ...]
) -> None:
    gated = [each for each in held_back(*lines) if each.book == "d"]

    assert [bet for bet in found(*lines) if bet.book == "d"] == []
    assert [(each.basis, each.outcome, each.reasons) for each in gated] == [("consensus", 0, reasons)]
    assert gated[0].price == lines[-1].prices[0]
    assert gated[0].expected_value >= 0.02


#: Another source's quote beside those of `EVEN`.
BESIDE = snapshot(quote("d", 2.1, 1.75), source="other")


@pytest.mark.parametrize(
    ("records", "reasons"),
    [
        pytest.param([snapshot(*EVEN, seconds=500)], ("stale",), id="not seen for long"),
        pytest.param(
            [tick(1, SourceState(source="other", down_since_ms=at(1), outages=1))],
            ("source_down",),
            id="its source is down",
        ),
        pytest.param(
            [
                game(1, status=GameStatus.LIVE, started_at_ms=at(-900), last_key_event_at_ms=at(1)),
                snapshot(*EVEN, seconds=2),
            ],
            ("event",),
            id="its book has not spoken since the last key event",
        ),
        pytest.param(
            [game(1, status=GameStatus.LIVE, started_at_ms=at(1)), snapshot(*EVEN, seconds=2)],
            ("started",),
            id="its book has not spoken since the start",
        ),
        pytest.param(
            [game(1, status=GameStatus.LIVE, started_at_ms=at(-900), suspended=True)],
            ("suspended",),
            id="the game is suspended",
        ),
        pytest.param([game(1, starts_at_ms=at(-1))], ("started",), id="it should have started, nobody knows"),
        pytest.param(
            [
                game(
                    1,
                    status=GameStatus.LIVE,
                    started_at_ms=at(-900),
                    last_key_event_at_ms=at(1),
                    suspended=True,
                ),
                snapshot(*EVEN, seconds=2),
            ],
            ("event", "suspended"),
            id="both",
        ),
    ],
)
def test_a_bet_that_a_gate_closes_is_listed_with_the_gate(
    records: list[Any], reasons: tuple[str, ...]
) -> None:
    event = Followed(MARKETS)
    event(snapshot(*EVEN), BESIDE)
    (bet,) = event.last["bets.value"].bets

    event(*records)

    answer = event.last["bets.value"]
    assert answer.bets == ()
    withdrawn = [
        change for each in event.answers if each.topic == "bets.value" for change in each.record.changes
    ]
    assert [change.id for change in withdrawn if change.change == "withdrawn"] == [bet.id]
    assert [(each.book, each.reasons) for each in answer.gated] == [("d", reasons)]


@pytest.mark.parametrize(
    ("lines", "reason"),
    [
        pytest.param([*EVEN, quote("d", 2.6, 1.5)], "too_good", id="too good"),
        pytest.param([*EVEN[:2], quote("d", 2.1, 1.75)], "few_desks", id="too few others are left"),
        pytest.param([*EVEN, quote("d", 2.1, 0.0)], "gone", id="the other side's price is gone"),
        pytest.param([*EVEN, quote("d", 1.91, 1.91)], "price", id="the price is gone"),
    ],
)
def test_a_withdrawal_is_for_the_gate_that_now_holds(lines: list[Line], reason: str) -> None:
    event = Followed(MARKETS)
    event(snapshot(*EVEN, quote("d", 2.1, 1.75)))
    (bet,) = event.last["bets.value"].bets

    event(snapshot(*lines, seconds=5))

    assert event.last["bets.value"].changes == (Change(id=bet.id, change="withdrawn", reason=reason),)


def test_what_a_more_trusted_source_shows_too_is_not_listed_twice() -> None:
    event = Followed(MARKETS)
    trusted = {"source": "the-odds-api"}

    event(
        snapshot(*EVEN, quote("d", 1.91, 1.91), **trusted),
        snapshot(quote("d", 2.1, 1.75), source="other", seconds=1),
    )

    assert "bets.value" not in event.last


def test_of_a_market_the_best_that_are_held_back_are_listed() -> None:
    many = [quote(f"x{n}", 2.6 + n / 100, 1.5) for n in range(KEPT + 2)]
    evens = [quote(f"e{n}", 1.91, 1.91) for n in range(40)]

    gated = held_back(*evens, *many)

    assert [each.book for each in gated] == [f"x{n}" for n in reversed(range(2, KEPT + 2))]


def test_the_stake_is_capped() -> None:
    (bet,) = found(*EVEN, quote("d", 2.4, 1.6), maximum_stake_share=0.01)

    assert bet.stake_share == 0.01


def live(seconds: float, **fields: Any) -> GameProbabilities:
    given: dict[str, Any] = {
        "status": GameStatus.LIVE,
        "started_at_ms": at(-600),
        "model": "brownian-margin",
        "game": (0.6, 0.4),
        "regulation": (0.58, 0.37, 0.05),
        "parameters": {"margin_mean": 3.5, "margin_sd": 8.0, "total_mean": 45.0, "total_sd": 9.0},
    }
    return game(seconds, **given | fields)


#: A little above what the other desks say, even.
CLOSE = {"game": (0.515, 0.485)}
#: Nothing is worth as much by the other desks.
MODEL_ALONE = Rules(minimum_expected_value=0.2)


def test_in_play_a_price_is_judged_by_the_game_model_too() -> None:
    event = Followed(MARKETS, MODEL_ALONE)

    event(live(-10, **CLOSE), snapshot(*EVEN, quote("d", 2.06, 1.85)))

    (bet,) = event.last["bets.value"].bets
    assert (bet.basis, bet.outcome, bet.probability) == ("model", 0, 0.515)
    assert bet.expected_value == pytest.approx(2.06 * 0.515 - 1)


@pytest.mark.parametrize(
    "quotes",
    [
        pytest.param((*EVEN, quote("d", 2.06, 1.85)), id="it is far from what the market thinks"),
        pytest.param((quote("d", 1.91, 1.91),), id="there is no market to hold it against"),
    ],
)
def test_a_model_that_may_have_lost_its_way_speaks_for_no_bet(quotes: tuple[Line, ...]) -> None:
    event = Followed(MARKETS, MODEL_ALONE)

    event(live(-10), snapshot(*quotes))

    answer = event.last.get("bets.value")
    assert answer is None or answer.bets == ()
    if len(quotes) > 1:
        # It thinks so of every book, so the best price stands for all.
        (gated,) = answer.gated
        assert (gated.basis, gated.book, gated.outcome) == ("model", "d", 0)
        assert gated.reasons == ("model_off_market",)


def words(*homes: float) -> tuple[ModelOpinion, ...]:
    return tuple(
        [
            ModelOpinion(model=f"m{n}", game=(home, 1.0 - home), regulation=(), parameters={})
            for n, home in enumerate(homes)
        ]
    )


@pytest.mark.parametrize(
    ("homes", "worst_by", "worst"),
    [
        pytest.param((), "brownian-margin", 0.515, id="one model"),
        pytest.param((0.9,), "brownian-margin", 0.515, id="one model with its own word"),
        pytest.param((0.51, 0.52), "m0", 0.51, id="both agree"),
        pytest.param((0.52, 0.44, 0.51), "m1", 0.44, id="two of three agree"),
    ],
)
def test_a_bet_by_the_model_says_what_the_worst_model_makes_of_it(
    homes: tuple[float, ...], worst_by: str, worst: float
) -> None:
    event = Followed(MARKETS, Rules(minimum_expected_value=0.2, minimum_confidence=0.0))

    event(live(-10, **CLOSE, opinions=words(*homes)), snapshot(*EVEN, quote("d", 2.06, 1.85)))

    (bet,) = event.last["bets.value"].bets
    assert (bet.worst_by, bet.worst_expected_value) == (worst_by, pytest.approx(2.06 * worst - 1))


@pytest.mark.parametrize("homes", [(0.55, 0.48), (0.47, 0.55, 0.48)])
def test_models_that_disagree_make_no_bet(homes: tuple[float, ...]) -> None:
    event = Followed(MARKETS, Rules(minimum_expected_value=0.2, minimum_confidence=0.0))

    event(live(-10, **CLOSE, opinions=words(*homes)), snapshot(*EVEN, quote("d", 2.06, 1.85)))

    answer = event.last["bets.value"]
    assert answer.bets == ()
    assert [(each.basis, each.reasons) for each in answer.gated] == [("model", ("models_disagree",))]


def test_the_model_is_less_sure_of_itself_the_further_it_is_from_the_market() -> None:
    def of(home: float) -> float:
        event = Followed(MARKETS, MODEL_ALONE)
        event(
            live(-10, game=(home, 1.0 - home)),
            snapshot(*EVEN, quote("d", 1.06 / home, 1.85)),
        )
        (bet,) = event.last["bets.value"].bets
        assert bet.desks == 3
        return float(bet.confidence)

    assert of(0.5) > of(0.51) > of(0.52) > 0.7


def test_a_model_with_ratings_of_its_own_speaks_before_the_start() -> None:
    event = Followed(MARKETS, MODEL_ALONE)

    before = live(-10, **CLOSE, status=GameStatus.SCHEDULED, started_at_ms=0, prior="ratings")
    event(before, snapshot(*EVEN, quote("d", 2.06, 1.85)))

    (bet,) = event.last["bets.value"].bets
    assert (bet.basis, bet.probability) == ("model", 0.515)


def test_both_bases_are_published_apart() -> None:
    event = Followed(MARKETS)

    event(live(-10, **CLOSE), snapshot(*EVEN, quote("d", 2.1, 1.8)))

    bets = [bet for bet in event.last["bets.value"].bets if bet.book == "d"]
    assert sorted(bet.basis for bet in bets) == ["consensus", "model"]
    assert len({bet.id for bet in bets}) == 2


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        pytest.param({"contested": True}, "contested", id="sources disagree on the score"),
        pytest.param({"suspended": True}, "suspended", id="the game is suspended"),
        pytest.param({"game": (0.5, 0.5)}, "price", id="the model thinks otherwise"),
    ],
)
def test_a_bet_by_the_model_ends_with_a_reason(fields: dict[str, Any], reason: str) -> None:
    event = Followed(MARKETS, MODEL_ALONE)
    event(live(-10, **CLOSE), snapshot(*EVEN, quote("d", 2.06, 1.85)))
    (bet,) = event.last["bets.value"].bets

    event(live(5, **CLOSE | fields))

    assert event.last["bets.value"].changes == (Change(id=bet.id, change="withdrawn", reason=reason),)


@pytest.mark.parametrize("prior", ["closing", "league"])
def test_before_the_start_a_model_that_echoes_the_market_judges_nothing(prior: str) -> None:
    event = Followed(MARKETS, MODEL_ALONE)

    before = live(-10, **CLOSE, status=GameStatus.SCHEDULED, started_at_ms=0, prior=prior)
    event(before, snapshot(*EVEN, quote("d", 2.06, 1.85)))

    assert "bets.value" not in event.last


def test_a_bet_whose_fair_price_moves_is_changed_and_stays_open() -> None:
    event = Followed(MARKETS)
    event(snapshot(*EVEN, quote("d", 2.1, 1.75)))
    (bet,) = event.last["bets.value"].bets

    event(snapshot(*[quote(book, 1.90, 1.92) for book in ("a", "b", "c")], quote("d", 2.1, 1.75), seconds=10))

    assert event.last["bets.value"].changes == (Change(id=bet.id, change="changed"),)
    assert event.last["bets.value"].bets[0].opened_at_ms == at(0)


def an_odd_market(market: str, line: float) -> st.SearchStrategy[list[Line]]:
    """Six books of one market around a fair price, some of them wild, some suspended or half there."""
    status = st.sampled_from([*[QuoteStatus.OPEN] * 6, QuoteStatus.SUSPENDED])
    return st.floats(0.2, 0.8).flatmap(
        lambda fair: st.tuples(
            *[
                st.builds(
                    lambda home, margin, status, there, book=book: quote(
                        book,
                        max(1.01, round(1.0 / min(0.98, home * margin), 3)),
                        max(1.01, round(1.0 / min(0.98, (1.0 - home) * margin), 3)) if there else 0.0,
                        market=market,
                        line=line,
                        status=status,
                    ),
                    st.one_of(
                        st.just(fair),
                        st.floats(max(0.05, fair - 0.05), min(0.95, fair + 0.05)),
                        st.floats(0.1, 0.9),
                    ),
                    st.floats(0.99, 1.08),
                    status,
                    st.sampled_from([True] * 9 + [False]),
                )
                for book in ("a", "b", "c", "d", "betfair_ex_eu", "sim-copperline")
            ]
        ).map(list)
    )


@given(
    an_odd_market("h2h", 0.0),
    an_odd_market("spread", -3.0),
    an_odd_market("total", 44.25),
    st.floats(0.4, 0.6),
)
def test_what_is_published_keeps_the_rules_whatever_is_shown(
    winner: list[Line], spread: list[Line], total: list[Line], home: float
) -> None:
    event, rules = Followed(MARKETS), Rules()
    word = live(-10, game=(home, 1.0 - home), opinions=words(home - 0.01, home + 0.01))

    event(word, snapshot(*winner, *spread, *total))

    answer = event.last.get("bets.value")
    if answer is None:
        return
    shown = {(line.book, line.market): line for line in (*winner, *spread, *total)}
    for bet in answer.bets:
        line = shown[bet.book, bet.market]
        assert line.status is QuoteStatus.OPEN
        assert all(line.prices)
        assert bet.worst_expected_value <= bet.expected_value <= rules.maximum_expected_value
        assert rules.minimum_confidence <= bet.confidence <= 1.0
        assert 0.0 <= bet.stake_share <= rules.maximum_stake_share
        assert bet.edge > 0.0
    for each in answer.gated:
        assert each.reasons
        assert list(each.reasons) == sorted(set(each.reasons))
        assert each.expected_value >= rules.minimum_expected_value
    for basis in ("consensus", "model"):
        staked = [bet for bet in answer.bets if bet.basis == basis and bet.stake_share > 0.0]
        assert math.fsum([bet.stake_share for bet in staked]) <= rules.maximum_exposure_share + 1e-9
        assert len({(bet.market, bet.line) for bet in staked}) <= 1
        assert len({bet.outcome for bet in staked}) == len(staked)
        if len(staked) == 2:  # one of them wins, and then pays for both
            lost = math.fsum([bet.stake_share for bet in staked])
            assert max(bet.stake_share * bet.price for bet in staked) > lost
    bets = {(bet.basis, bet.market, bet.outcome, bet.book) for bet in answer.bets}
    assert not bets & {(each.basis, each.market, each.outcome, each.book) for each in answer.gated}


@given(an_odd_market("h2h", 0.0), an_odd_market("spread", -3.0))
def test_home_and_away_are_alike(winner: list[Line], spread: list[Line]) -> None:
    def told(*lines: Line, turn: bool) -> list[list[Any]]:
        event = Followed(MARKETS)
        event(snapshot(*lines))
        answer = event.last.get("bets.value")
        return [
            sorted(
                [
                    [
                        each.market,
                        each.book,
                        1 - each.outcome if turn else each.outcome,
                        each.price,
                        each.probability,
                        each.expected_value,
                        *([each.reasons] if isinstance(each, GatedBet) else [each.confidence, each.worst_by]),
                    ]
                    for each in group
                ]
            )
            for group in ((answer.bets, answer.gated) if answer else ())
        ]

    turned = [replace(line, prices=line.prices[::-1], line=-line.line or 0.0) for line in (*winner, *spread)]

    assert told(*winner, *spread, turn=False) == told(*turned, turn=True)
