"""Legs at books that settle by different rules: clean, or what each difference may cost."""

from typing import Annotated, Literal

from msgspec import Meta, Struct
from msgspec.structs import replace

from pipeline.calculator.fields import (
    MAXIMUM_ARBITRAGE_PRICE,
    MAXIMUM_BOOKSUM,
    Commission,
    Line,
    Minor,
    Price,
    Question,
    check_line,
    price_of,
)
from pipeline.domain import arbitrage, odds
from pipeline.domain.lay import back_after_commission
from pipeline.domain.rules import Retirement, RuledBet, Rules, differences
from pipeline.errors import UsageError
from pipeline.records import SIDES


class RuledLeg(Question, frozen=True):
    """A bet and how its book settles it: see `pipeline.domain.rules.Rules`."""

    outcome: Literal["home", "away", "draw", "over", "under", "yes", "no"]
    price: Price
    commission: Commission = 0.0
    overtime: bool = True
    listed_pitcher: bool = False
    retirement: Literal["ball_served", "one_set", "full_match"] = "one_set"
    resumed_within_hours: Annotated[int, Meta(ge=0, le=8_760)] = 24


class RulesQuestion(Question, frozen=True):
    """One leg on each outcome; stakes are those of an arbitrage unless given. Of a spread home's handicap."""

    market: Literal["h2h", "h2h_3way", "spread", "total", "btts"]
    legs: Annotated[tuple[RuledLeg, ...], Meta(min_length=2, max_length=3)]
    line: Line = 0.0
    total_minor: Minor = 100_000
    unit_minor: Minor = 1
    stakes_minor: Annotated[tuple[Minor, ...], Meta(max_length=3)] = ()


class WayApart(Struct, frozen=True):
    """A rule that differs, and the worst profit of all legs that it can lead to."""

    rule: str
    worst_profit_minor: int


class RulesAnswer(Struct, frozen=True):
    """``profits_minor`` by the leg that wins while all stand; ``differences`` with the worst first."""

    asked: RulesQuestion
    net_prices: tuple[float, ...]
    stakes_minor: tuple[int, ...]
    profits_minor: tuple[int, ...]
    clean: bool
    differences: tuple[WayApart, ...]


def rules(asked: RulesQuestion) -> RulesAnswer:
    """In which ways the legs' rules differ, each with the worst it can bring."""
    sides = SIDES[asked.market]
    if sorted([leg.outcome for leg in asked.legs]) != sorted(sides):
        raise UsageError(f"legs: give one on each outcome of {asked.market}: {', '.join(sides)}")
    if asked.market in ("spread", "total"):
        check_line("line", asked.line, asked.market == "total")
    elif asked.line:
        raise UsageError(f"line: {asked.market} has none; leave it out")
    prices = [
        price_of(f"legs[{index}].price", leg.price, MAXIMUM_ARBITRAGE_PRICE)
        for index, leg in enumerate(asked.legs)
    ]
    net = [
        back_after_commission(price, leg.commission) for price, leg in zip(prices, asked.legs, strict=True)
    ]
    stakes = _stakes(asked, net)
    bets = [
        RuledBet(
            sides.index(leg.outcome),
            price,
            stake,
            Rules(
                leg.overtime, leg.listed_pitcher, Retirement[leg.retirement.upper()], leg.resumed_within_hours
            ),
        )
        for leg, price, stake in zip(asked.legs, net, stakes, strict=True)
    ]
    apart = sorted(differences(asked.market, asked.line, bets), key=lambda way: way.profit)
    return RulesAnswer(
        replace(
            asked,
            legs=tuple([replace(leg, price=price) for leg, price in zip(asked.legs, prices, strict=True)]),
        ),
        tuple(net),
        stakes,
        tuple(
            [arbitrage.payout(price, stake) - sum(stakes) for price, stake in zip(net, stakes, strict=True)]
        ),
        not apart,
        tuple([WayApart(way.rule, way.profit) for way in apart]),
    )


def _stakes(asked: RulesQuestion, net: list[float]) -> tuple[int, ...]:
    if asked.stakes_minor:
        if len(asked.stakes_minor) != len(net):
            raise UsageError(
                f"stakes_minor: {len(asked.stakes_minor)} of them for {len(net)} legs; give one for each"
            )
        return asked.stakes_minor
    if asked.unit_minor > asked.total_minor:
        raise UsageError(f"unit_minor: {asked.unit_minor} is more than the total, {asked.total_minor}")
    if odds.booksum(net) > MAXIMUM_BOOKSUM:
        raise UsageError(
            f"legs: they imply {odds.booksum(net):.2f} in all; above {MAXIMUM_BOOKSUM:g} it is no market's"
        )
    return arbitrage.stakes(net, asked.total_minor, asked.unit_minor)
