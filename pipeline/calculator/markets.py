"""What one book's market says without its margin, and what a price or a stake is worth against that."""

import math
from collections.abc import Callable, Sequence
from typing import Annotated

from msgspec import Meta, Struct
from msgspec.structs import replace

from pipeline.calculator.fields import Chance, Price, Prices, Question, Share, price_of, prices_of
from pipeline.domain import odds, staking
from pipeline.domain.devig import METHODS, SAME_AS, fair_by_method, spread
from pipeline.errors import UsageError

ALL = "all"


class DevigQuestion(Question, frozen=True):
    """What one book's complete market says without its margin."""

    prices: Prices
    method: str = ALL


class Fair(Struct, frozen=True):
    """One method's view of a market."""

    probabilities: tuple[float, ...]
    prices: tuple[float, ...]


class DevigAnswer(Struct, frozen=True):
    """``spread`` is over the methods that could do it; ``refused`` says why others could not."""

    asked: DevigQuestion
    booksum: float
    overround: float
    hold: float
    methods: dict[str, Fair]
    refused: dict[str, str]
    spread: tuple[float, ...]


class KellyQuestion(Question, frozen=True):
    """How much of a bankroll to stake; what the chances leave to 1 is lost."""

    price: Price
    win: Chance
    push: Chance = 0.0
    half_win: Chance = 0.0
    half_lose: Chance = 0.0
    multiplier: Share = 0.25
    cap: Share = 0.05


class KellyAnswer(Struct, frozen=True):
    """``kelly`` is the full share of the bankroll, ``stake`` what multiplier and cap leave of it."""

    asked: KellyQuestion
    lose: float
    expected_value: float
    edge: float
    kelly: float
    stake: float


class ValueQuestion(Question, frozen=True):
    """What a price is worth against a fair probability, or against one outcome of another book's market."""

    price: Price
    probability: Annotated[float, Meta(gt=0.0, lt=1.0)] | None = None
    market: Prices | None = None
    outcome: Annotated[int, Meta(ge=0, le=39)] = 0
    method: str = "power"


class Worst(Struct, frozen=True):
    """The method under which the bet is worth least."""

    method: str
    probability: float
    expected_value: float


class ValueAnswer(Struct, frozen=True):
    """``worst`` and ``spread`` (of the outcome, over methods) only where a market was given."""

    asked: ValueQuestion
    probability: float
    fair_price: float
    expected_value: float
    edge: float
    kelly: float
    worst: Worst | None = None
    spread: float | None = None


class ConvertQuestion(Question, frozen=True):
    """Prices in any notation."""

    prices: Annotated[tuple[Price, ...], Meta(min_length=1, max_length=40)]


class Notations(Struct, frozen=True):
    """One price in every notation; American and fractional odds are the nearest that are in use."""

    decimal: float
    american: str
    fractional: str
    implied: float


class ConvertAnswer(Struct, frozen=True):
    """In the order of the question."""

    asked: ConvertQuestion
    prices: tuple[Notations, ...]


def devig(asked: DevigQuestion) -> DevigAnswer:
    """Fair probabilities of a market, by one method or all."""
    prices = prices_of("prices", asked.prices)
    fairs: dict[str, tuple[float, ...]] = {}
    refused: dict[str, str] = {}
    for name in [name for name in METHODS if name not in SAME_AS] if asked.method == ALL else [asked.method]:
        try:
            fairs[name] = _method(name)(prices)
        except ValueError as error:
            refused[name] = str(error)
    if not fairs:
        raise UsageError(f"method: {refused[asked.method]}")
    return DevigAnswer(
        replace(asked, prices=prices),
        odds.booksum(prices),
        odds.overround(prices),
        odds.hold(prices),
        {name: Fair(fair, tuple([1.0 / p for p in fair])) for name, fair in fairs.items()},
        refused,
        spread(fairs.values()),
    )


def kelly(asked: KellyQuestion) -> KellyAnswer:
    """Share of the bankroll that makes it grow fastest, and the part of it that is staked."""
    price = price_of("price", asked.price)
    chances = (asked.win, asked.push, asked.half_win, asked.half_lose)
    if math.fsum(chances) > 1.0 + staking.TOLERANCE:
        raise UsageError(
            f"win: with push, half_win and half_lose the chances are {math.fsum(chances):g}, above 1"
        )
    share = staking.kelly(price, *chances)
    return KellyAnswer(
        replace(asked, price=price),
        max(0.0, 1.0 - math.fsum(chances)),
        staking.expected_value(price, *chances),
        staking.edge(price, *chances),
        share,
        staking.fractional_kelly(share, asked.multiplier, asked.cap),
    )


def value(asked: ValueQuestion) -> ValueAnswer:
    """Expected value of a price, and of a market's also under the method that is hardest on it."""
    price = price_of("price", asked.price)
    if (asked.probability is None) == (asked.market is None):
        raise UsageError("probability: give either it or a market, the prices of all outcomes at one book")
    if asked.probability is not None:
        understood = replace(asked, price=price)
        return ValueAnswer(understood, asked.probability, *_worth(price, asked.probability))
    market = prices_of("market", asked.market or ())
    if asked.outcome >= len(market):
        raise UsageError(
            f"outcome: the market has {len(market)}, counted from 0, and {asked.outcome} is none of them"
        )
    try:
        probability = _method(asked.method)(market)[asked.outcome]
    except ValueError as error:
        raise UsageError(f"market: {error}") from error
    by_method = fair_by_method(market)
    name, worst = min(
        ((name, fair[asked.outcome]) for name, fair in by_method.items()), key=lambda pair: pair[1]
    )
    return ValueAnswer(
        replace(asked, price=price, market=market),
        probability,
        *_worth(price, probability),
        Worst(name, worst, staking.expected_value(price, worst)),
        spread(by_method.values())[asked.outcome],
    )


def _worth(price: float, probability: float) -> tuple[float, float, float, float]:
    return (
        1.0 / probability,
        staking.expected_value(price, probability),
        staking.edge(price, probability),
        staking.kelly(price, probability),
    )


def convert(asked: ConvertQuestion) -> ConvertAnswer:
    """Each price in every notation, and what it implies."""
    prices = prices_of("prices", asked.prices)
    return ConvertAnswer(
        replace(asked, prices=prices),
        tuple(
            [
                Notations(
                    price,
                    f"{odds.decimal_to_american(price):+d}",
                    odds.decimal_to_fractional(price),
                    odds.implied(price),
                )
                for price in prices
            ]
        ),
    )


def _method(name: str) -> Callable[[Sequence[float]], tuple[float, ...]]:
    if name not in METHODS:
        raise UsageError(f"method: no method {name[:40]!r}; there are {', '.join(METHODS)}")
    return METHODS[name]
