"""Calculators without memory: a question in JSON, its answer with the question as it was understood.

Prices are in any notation that `odds.read_price` can tell apart, as text or number; money is integer minor
units; shares and probabilities are of 1. What cannot be computed is a `UsageError`: one sentence, the field
first. Each takes microseconds, a few milliseconds at worst, and stops no server. See docs/calculators.md.
"""

import math
import re
from collections.abc import Callable, Sequence
from typing import Annotated, Any, NamedTuple

import msgspec
from msgspec import Meta, Struct
from msgspec.structs import replace

from pipeline.domain import arbitrage as arbitrages
from pipeline.domain import lay as lays
from pipeline.domain import odds, staking
from pipeline.domain.devig import METHODS, SAME_AS, fair_by_method, spread
from pipeline.errors import UsageError

#: Beyond it a probability would be lost in a double's rounding.
MAXIMUM_PRICE = 1_000_000.0
#: 1000/1. It and the sum below bound the units that are left to hand out one by one.
MAXIMUM_ARBITRAGE_PRICE = 1_001.0
MAXIMUM_BOOKSUM = 2.0
#: Up to it `arbitrage.payout` is exact.
MAXIMUM_MINOR = 10**9
ALL = "all"

Price = Annotated[str, Meta(min_length=1, max_length=20)] | int | float
Prices = Annotated[tuple[Price, ...], Meta(min_length=2, max_length=40)]
Chance = Annotated[float, Meta(ge=0.0, le=1.0)]
Share = Annotated[float, Meta(gt=0.0, le=1.0)]
Commission = Annotated[float, Meta(ge=0.0, lt=1.0)]
Minor = Annotated[int, Meta(ge=1, le=MAXIMUM_MINOR)]


class Question(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is asked; a field that is not known is an error, never ignored."""


class Lay(Question, frozen=True):
    """The same outcome, laid at an exchange."""

    price: Price
    commission: Commission = 0.0


class ArbitrageQuestion(Question, frozen=True):
    """How to split a sum over all outcomes of a market, or over a back and the lay of the same outcome."""

    prices: Annotated[tuple[Price, ...], Meta(min_length=1, max_length=40)]
    commissions: Annotated[tuple[Commission, ...], Meta(max_length=40)] = ()
    lay: Lay | None = None
    total_minor: Minor = 100_000
    unit_minor: Minor = 1


class ArbitrageAnswer(Struct, frozen=True):
    """Of a lay the stake is the backer's, and the liability is in the outlay."""

    asked: ArbitrageQuestion
    net_prices: tuple[float, ...]
    booksum: float
    roi: float
    stakes_minor: tuple[int, ...]
    outlay_minor: int
    profits_minor: tuple[int, ...]
    worst_profit_minor: int
    is_arbitrage: bool


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


def arbitrage(asked: ArbitrageQuestion) -> ArbitrageAnswer:
    """Stakes that make the worst outcome as good as it can be, and what each outcome then brings."""
    prices = _prices("prices", asked.prices, MAXIMUM_ARBITRAGE_PRICE)
    commissions = asked.commissions or (0.0,) * len(prices)
    if len(commissions) != len(prices):
        raise UsageError(
            f"commissions: {len(commissions)} of them for {len(prices)} prices; give one for each"
        )
    if asked.unit_minor > asked.total_minor:
        raise UsageError(f"unit_minor: {asked.unit_minor} is more than the total, {asked.total_minor}")
    understood = replace(asked, prices=prices, commissions=commissions)
    net = [lays.back_after_commission(price, share) for price, share in zip(prices, commissions, strict=True)]
    if asked.lay is not None:
        return _against_a_lay(understood, asked.lay, net)
    if len(net) < 2:
        raise UsageError(
            "prices: one alone covers no market; give one for each outcome, or a lay of the same"
        )
    booksum = odds.booksum(net)
    if booksum > MAXIMUM_BOOKSUM:
        raise UsageError(
            f"prices: they imply {booksum:.2f} in all; above {MAXIMUM_BOOKSUM:g} it is no market's"
        )
    stakes = arbitrages.stakes(net, asked.total_minor, asked.unit_minor)
    outlay = sum(stakes)
    profits = [arbitrages.payout(price, stake) - outlay for price, stake in zip(net, stakes, strict=True)]
    return _arbitrage_answer(understood, net, stakes, outlay, profits)


def _against_a_lay(asked: ArbitrageQuestion, lay: Lay, net: list[float]) -> ArbitrageAnswer:
    if len(net) != 1:
        raise UsageError(f"lay: it covers what one back leaves open, and there are {len(net)} prices")
    price = _price("lay.price", lay.price, MAXIMUM_ARBITRAGE_PRICE)
    stake = asked.total_minor // asked.unit_minor * asked.unit_minor
    even = lays.hedge_stake(net[0], stake, price, lay.commission) // asked.unit_minor

    def profits(units: float) -> list[int]:
        exact = lays.hedge_profits(net[0], stake, price, units * asked.unit_minor, lay.commission)
        return [math.floor(each + 1e-6) for each in exact]

    units = max(even, even + 1, key=lambda units: min(profits(units)))
    laid = int(units) * asked.unit_minor
    return _arbitrage_answer(
        replace(asked, lay=replace(lay, price=price)),
        [*net, odds.lay_as_back(price, lay.commission)],
        (stake, laid),
        stake + math.ceil(lays.liability(laid, price) - 1e-6),
        profits(units),
    )


def _arbitrage_answer(
    asked: ArbitrageQuestion, net: list[float], stakes: tuple[int, ...], outlay: int, profits: list[int]
) -> ArbitrageAnswer:
    worst = min(profits)
    return ArbitrageAnswer(
        asked,
        tuple(net),
        odds.booksum(net),
        arbitrages.roi(net),
        stakes,
        outlay,
        tuple(profits),
        worst,
        worst > 0,
    )


def devig(asked: DevigQuestion) -> DevigAnswer:
    """Fair probabilities of a market, by one method or all."""
    prices = _prices("prices", asked.prices)
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
    price = _price("price", asked.price)
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
    price = _price("price", asked.price)
    if (asked.probability is None) == (asked.market is None):
        raise UsageError("probability: give either it or a market, the prices of all outcomes at one book")
    if asked.probability is not None:
        understood = replace(asked, price=price)
        return ValueAnswer(understood, asked.probability, *_worth(price, asked.probability))
    market = _prices("market", asked.market or ())
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
    prices = _prices("prices", asked.prices)
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


class Calculator(NamedTuple):
    """What is asked, and what answers it."""

    question: type[Question]
    answer: Callable[[Any], Struct]


CALCULATORS = {
    "arbitrage": Calculator(ArbitrageQuestion, arbitrage),
    "devig": Calculator(DevigQuestion, devig),
    "kelly": Calculator(KellyQuestion, kelly),
    "value": Calculator(ValueQuestion, value),
    "convert": Calculator(ConvertQuestion, convert),
}


def calculate(what: str, question: bytes) -> Struct:
    """The answer to a question in JSON. Raises UsageError where there is none: the field and the reason."""
    if what not in CALCULATORS:
        raise UsageError(f"no calculator {what[:40]!r}; there are {', '.join(CALCULATORS)}")
    calculator = CALCULATORS[what]
    try:
        asked = msgspec.json.decode(question, type=calculator.question)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise UsageError(_sentence(str(error))) from error
    try:
        return calculator.answer(asked)
    except ValueError as error:  # each field may be, and all of them together not
        raise UsageError(f"{what}: {error}") from error


def _sentence(reason: str) -> str:
    """A reason of msgspec's with the field in front: ``Expected `int`, got `str` - at `$.unit_minor```."""
    found = re.fullmatch(r"(.*) - at `\$\.?(.+)`", reason, re.DOTALL)
    return f"{found[2]}: {found[1]}" if found else reason.removesuffix(" - at `$`")


def _price(field: str, given: str | float, most: float = MAXIMUM_PRICE) -> float:
    try:
        price = odds.read_price(str(given)[:40])
    except ValueError as error:
        raise UsageError(f"{field}: {error}") from error
    if price > most:
        raise UsageError(f"{field}: {price:g} is longer than {most:g}, the longest price that is taken here")
    return price


def _prices(field: str, given: Sequence[str | float], most: float = MAXIMUM_PRICE) -> tuple[float, ...]:
    return tuple([_price(f"{field}[{index}]", each, most) for index, each in enumerate(given)])


def _method(name: str) -> Callable[[Sequence[float]], tuple[float, ...]]:
    if name not in METHODS:
        raise UsageError(f"method: no method {name[:40]!r}; there are {', '.join(METHODS)}")
    return METHODS[name]
