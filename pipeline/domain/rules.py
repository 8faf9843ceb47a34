"""How books settle what is not a plain result, and what legs lose where their books do it differently.

Legs that cover every outcome of a market are safe only while all of them stand or fall together. Where one
book calls a bet off that another lets stand, or one counts overtime and another does not, legs can lose that
seemed to hedge each other. Ways in which rules differ are looked at one by one: a second one at the same time
calls off more of the legs and so loses no more.
"""

import enum
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from pipeline.domain.arbitrage import settled_payout
from pipeline.domain.settlement import Result, checked_line, settle

Score = tuple[int, int]


class Retirement(enum.IntEnum):
    """What has to be played for a bet to stand when a player retires; the less, the lower."""

    BALL_SERVED = 0
    ONE_SET = 1
    FULL_MATCH = 2


class Rules(NamedTuple):
    """How one book settles one market of one sport."""

    overtime: bool = True  # counts what is scored after regulation
    listed_pitcher: bool = False  # calls off a bet whose named pitcher does not start
    retirement: Retirement = Retirement.ONE_SET
    resumed_within_hours: int = 24  # a game that is broken off and finished later than this is called off


class RuledBet(NamedTuple):
    """A bet on an outcome of a market, in minor units, with the rules that its book settles it by."""

    outcome: int
    price: float
    stake: int
    rules: Rules


class Difference(NamedTuple):
    """A way in which rules differ, and the worst profit of all bets in it, in minor units."""

    rule: str
    profit: int


def differences(market: str, line: float, bets: Sequence[RuledBet]) -> tuple[Difference, ...]:
    """Each way in which the rules of bets on one line of one market differ; none where they are clean.

    Rules that a sport has no use for are alike where all books have the same value.

    Parameters
    ----------
    market : {"h2h", "h2h_3way", "spread", "total", "btts"}
    line : float
        Multiple of 0.25, as `settlement.settle` takes it; the same for all bets.
    bets : sequence of RuledBet
        All legs; their outcomes are indices in the market's order.

    Raises
    ------
    ValueError
        If there is no bet, `settlement.settle` has no rule for one, or a price is not finite or not above 1.

    Examples
    --------
    A player retires in the first set: one bet is called off, the other may lose.

    >>> served, set_played = Rules(retirement=Retirement.BALL_SERVED), Rules(retirement=Retirement.ONE_SET)
    >>> legs = [RuledBet(0, 2.05, 50_000, served), RuledBet(1, 2.05, 50_000, set_played)]
    >>> differences("h2h", 0.0, legs)
    (Difference(rule='retirement', profit=-50000),)
    >>> differences("h2h", 0.0, [bet._replace(rules=served) for bet in legs])
    ()
    """
    if not bets:
        raise ValueError("no bets: rules differ between at least two")
    checked_line(line)
    plain = [(score, score) for score in _scores(market, line)]
    ways = [(rule, standing, plain) for rule, standing in _called_off(bets)]
    if len({bet.rules.overtime for bet in bets}) > 1:
        ways.append(("overtime", [True] * len(bets), _played_on(market, line)))
    worst: dict[str, int] = {}
    for rule, standing, games in ways:
        profit = min(_profit(market, line, bets, standing, game) for game in games)
        worst[rule] = min(profit, worst.get(rule, profit))
    return tuple([Difference(rule, profit) for rule, profit in worst.items()])


def _called_off(bets: Sequence[RuledBet]) -> Iterator[tuple[str, list[bool]]]:
    """Of each way in which some bets are called off and others stand: the rule, and which stand."""
    heights = {
        "listed_pitcher": [int(bet.rules.listed_pitcher) for bet in bets],
        "retirement": [int(bet.rules.retirement) for bet in bets],
        "resumed_within_hours": [-bet.rules.resumed_within_hours for bet in bets],
    }
    for rule, heights_of_rule in heights.items():
        # What is enough for the stricter is enough for the others.
        for reached in sorted(set(heights_of_rule))[:-1]:
            yield rule, [height <= reached for height in heights_of_rule]


def _profit(
    market: str, line: float, bets: Sequence[RuledBet], standing: Sequence[bool], game: tuple[Score, Score]
) -> int:
    regulation, final = game
    profit = 0
    for bet, stands in zip(bets, standing, strict=True):
        score = final if bet.rules.overtime else regulation
        result = settle(market, bet.outcome, line, *score) if stands else Result.VOID
        profit += settled_payout(result, bet.price, bet.stake) - bet.stake
    return profit


def _scores(market: str, line: float) -> list[Score]:
    """Scores that bring every result the market can have; further from the line nothing changes any more."""
    if market == "btts":
        return [(0, 0), (1, 1)]
    if market == "total":
        return [(number, 0) for number in _totals(line)]
    return [(max(margin, 0), max(-margin, 0)) for margin in _margins(line)]


def _played_on(market: str, line: float) -> list[tuple[Score, Score]]:
    """Level scores of regulation, and final scores after them, that bring every pair of results."""
    if market == "btts":
        return [((0, 0), (1, 0)), ((0, 0), (2, 1)), ((1, 1), (2, 1))]
    if market == "total":
        levels = [number // 2 for number in _totals(line) if number % 2 == 0]
        return [
            ((level, level), (level + more, level))
            for level in levels
            for more in range(1, len(_totals(line)) + 1)
        ]
    return [((0, 0), (max(margin, 0), max(-margin, 0))) for margin in _margins(line) if margin]


def _totals(line: float) -> range:
    # Low enough for a level score and one goal more to stay below the line.
    return range(max(0, round(line) - 4), round(line) + 3)


def _margins(line: float) -> range:
    reach = abs(round(line)) + 2
    return range(-reach, reach + 1)
