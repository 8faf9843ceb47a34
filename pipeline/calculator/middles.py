"""Two legs on different lines of one total or one margin: what each number brings, and what a miss costs."""

from itertools import groupby
from typing import Annotated, Literal

from msgspec import Meta, Struct
from msgspec.structs import replace

from pipeline.calculator.fields import (
    MAXIMUM_ARBITRAGE_PRICE,
    Commission,
    Line,
    Minor,
    Price,
    Question,
    check_line,
    price_of,
)
from pipeline.domain import arbitrage, middles
from pipeline.domain.diffusion import probability_above
from pipeline.domain.lay import back_after_commission
from pipeline.domain.settlement import over_line
from pipeline.errors import UsageError

#: Between the lines; each number is looked at.
WIDEST = 100.0

Number = Annotated[float, Meta(ge=-1_000.0, le=1_000.0)]


class MiddleLeg(Question, frozen=True):
    """A bet with the line as its book writes it: of a side, its own handicap."""

    side: Literal["over", "under", "home", "away"]
    line: Line
    price: Price
    commission: Commission = 0.0


class MiddleQuestion(Question, frozen=True):
    """An over and an under, or both sides of a spread; ``mean`` and ``sd`` of the total or home's margin."""

    legs: Annotated[tuple[MiddleLeg, ...], Meta(min_length=2, max_length=2)]
    total_minor: Minor = 100_000
    unit_minor: Minor = 1
    mean: Number | None = None
    sd: Annotated[float, Meta(gt=0.0, le=1_000.0)] | None = None


class Stretch(Struct, frozen=True):
    """Numbers in a row, both ends included, at which the legs end alike; null where there is no end."""

    least: int | None
    most: int | None
    results: tuple[str, ...]
    profit_minor: int


class MiddleAnswer(Struct, frozen=True):
    """Numbers are totals, or margins of the home side.

    The last three are null without mean and sd, the break-even chance where no number wins both legs in full.
    """

    asked: MiddleQuestion
    lines: tuple[float, float]
    window: tuple[int, ...]
    net_prices: tuple[float, ...]
    stakes_minor: tuple[int, ...]
    outlay_minor: int
    stretches: tuple[Stretch, ...]
    cost_minor: int
    break_even_chance: float | None
    window_chance: float | None
    expected_profit_minor: float | None
    expected_value: float | None


def middle(asked: MiddleQuestion) -> MiddleAnswer:
    """Stakes of which a miss costs the same on either side, and what they bring at every number."""
    prices = [
        price_of(f"legs[{index}].price", leg.price, MAXIMUM_ARBITRAGE_PRICE)
        for index, leg in enumerate(asked.legs)
    ]
    for index, leg in enumerate(asked.legs):
        check_line(f"legs[{index}].line", leg.line, leg.side in ("over", "under"))
    if asked.unit_minor > asked.total_minor:
        raise UsageError(f"unit_minor: {asked.unit_minor} is more than the total, {asked.total_minor}")
    if (asked.mean is None) != (asked.sd is None):
        raise UsageError("sd: give it and the mean, or neither")
    lower, higher = order = _order(asked.legs)
    lines = _above(asked.legs[lower]), _above(asked.legs[higher])
    if not 0.0 < lines[1] - lines[0] <= WIDEST:
        raise UsageError(
            f"legs: no middle up to {WIDEST:g} wide lies above {lines[0]:g} and below {lines[1]:g}"
        )
    net = [
        back_after_commission(price, leg.commission) for price, leg in zip(prices, asked.legs, strict=True)
    ]
    stakes = arbitrage.stakes(net, asked.total_minor, asked.unit_minor)
    # From here on the leg that wins above comes first.
    sorted_prices, sorted_stakes = (net[lower], net[higher]), (stakes[lower], stakes[higher])
    window = middles.window(lines)
    chance = expected = None
    if asked.mean is not None and asked.sd is not None:
        mean, sd = asked.mean, asked.sd

        def above(x: float) -> float:
            return probability_above(x, mean, sd)

        chance = max(0.0, above(window.start - 0.5) - above(window.stop - 0.5)) if window else 0.0
        expected = middles.expected_profit(lines, sorted_prices, sorted_stakes, above)
    return MiddleAnswer(
        replace(
            asked,
            legs=tuple([replace(leg, price=price) for leg, price in zip(asked.legs, prices, strict=True)]),
        ),
        lines,
        tuple(window),
        tuple(net),
        stakes,
        sum(stakes),
        _stretches(lines, middles.profits(lines, sorted_prices, sorted_stakes), order),
        middles.cost(lines, sorted_prices, sorted_stakes),
        middles.break_even_chance(sorted_prices) if window else None,
        chance,
        expected,
        None if expected is None else expected / sum(stakes),
    )


def _order(legs: tuple[MiddleLeg, ...]) -> tuple[int, int]:
    """Which leg wins above its line, and which below."""
    sides = tuple([leg.side for leg in legs])
    if sides in (("over", "under"), ("home", "away")):
        return 0, 1
    if sides in (("under", "over"), ("away", "home")):
        return 1, 0
    raise UsageError(f"legs: {' and '.join(sides)} are not both sides of a total or of a spread")


def _above(leg: MiddleLeg) -> float:
    """The line on the total, or on the home side's margin."""
    return -leg.line if leg.side == "home" else leg.line


def _stretches(
    lines: tuple[float, float], profits: dict[int, int], order: tuple[int, int]
) -> tuple[Stretch, ...]:
    def ending(number: int) -> tuple[tuple[str, str], int]:
        results = over_line(number, lines[0]).value, over_line(-number, -lines[1]).value
        return (results[order[0]], results[order[1]]), profits[number]

    found = [(key, list(numbers)) for key, numbers in groupby(profits, ending)]
    last = len(found) - 1
    return tuple(
        [
            Stretch(numbers[0] if index else None, numbers[-1] if index < last else None, results, profit)
            for index, ((results, profit), numbers) in enumerate(found)
        ]
    )
