"""What a parlay is worth by the answers that hold now: legs and records in, one frozen quote out.

All legs on a game whose model prices them come from one joint distribution of its score, so a leg has the
same probability alone and beside others. Where the model is silent a single leg is taken from the consensus;
of several nothing then says what they have in common, and only the bounds of Fréchet can be told. Different
games are independent.

References
----------
Fréchet (1951), Sur les tableaux de corrélation dont les marges sont données, Annales de l'Université de Lyon,
Section A 14.
"""

import math
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from msgspec import Struct

from pipeline import ids
from pipeline.domain import parlay, scores
from pipeline.domain.parlay import Results, Selection
from pipeline.domain.settlement import Result, checked_line
from pipeline.errors import Refused, UsageError
from pipeline.models import LEVEL
from pipeline.records import LINED, OUTCOMES, SCOPES, SIDES, FairPrices, GameProbabilities, GameStatus

#: Of points and of goals: the parameters that say how they are scored, and what these price, by market and
#: scope. Goals of overtime are not in the rates.
PARAMETERS = {
    "points": (
        {"margin_mean", "margin_sd", "total_mean", "total_sd"},
        {("h2h", "game"), ("spread", "game"), ("total", "game"), ("h2h_3way", "regulation")},
    ),
    "goals": (
        {"home_rate", "away_rate"},
        {("h2h", "game"), *((market, "regulation") for market in ("h2h_3way", "spread", "total", "btts"))},
    ),
}
ENDED = (GameStatus.FINAL, GameStatus.ABANDONED, GameStatus.CANCELLED)


class Leg(NamedTuple):
    """A bet on one outcome; of a spread ``line`` is the home side's handicap, as in every record."""

    event_id: str
    market: str
    scope: str
    outcome: int
    line: float

    @property
    def selection(self) -> Selection:
        """As `pipeline.domain.parlay` takes it."""
        return Selection(self.market, self.outcome, self.line)

    def __str__(self) -> str:
        line = f"/{self.line:g}" if self.market in LINED else ""
        scope = "" if self.scope == usual_scope(self.event_id, self.market) else f"@{self.scope}"
        return f"{self.event_id}/{self.market}{scope}/{SIDES[self.market][self.outcome]}{line}"


class QuotedLeg(Struct, frozen=True, kw_only=True):
    """A leg by itself. ``source`` says whose word it is: the model and its prior, or the consensus."""

    leg: str
    source: str
    probability: float
    refund: float
    fair_price: float


class QuotedGame(Struct, frozen=True, kw_only=True):
    """The legs on one game: the probability that all of them win, and its bounds whatever ties them."""

    event_id: str
    legs: tuple[QuotedLeg, ...]
    probability: float
    lowest: float
    highest: float


class Quote(Struct, frozen=True, kw_only=True):
    """A parlay. ``probability`` is that all legs win; a refunded leg cuts the price by its own fair one.

    ``independent`` and ``independent_price`` are what legs that have nothing to do with one another would
    give. What belongs to a price is null without one.
    """

    games: tuple[QuotedGame, ...]
    correlation: float
    probability: float
    lowest: float
    highest: float
    fair_price: float
    independent: float
    independent_price: float
    price: float | None
    expected_value: float | None
    hold: float | None


def usual_scope(event_id: str, market: str) -> str:
    """What part of a game a market counts where a leg does not say: as sources publish it."""
    of_regulation = market in ("h2h_3way", "btts") or (
        market in LINED and ids.league_of(event_id).sport == "soccer"
    )
    return "regulation" if of_regulation else "game"


def read_leg(text: str) -> Leg:
    """A leg as it is written: ``EVENT/market[@scope]/outcome[/line]``.

    Raises
    ------
    UsageError
        If it is none, with what is wrong.
    """
    parts = text.split("/")
    if not 3 <= len(parts) <= 4:
        raise UsageError(
            f"{text[:120]!r} is no leg; write EVENT/market/outcome or EVENT/market/outcome/line, "
            "as nfl:2025-09-14:kc-phi/spread/home/-3.5"
        )
    event_id, where, side = parts[:3]
    market, at, scope = where.partition("@")
    if market not in OUTCOMES:
        raise UsageError(f"{text}: there is no market {market!r}; there are {', '.join(OUTCOMES)}")
    if side not in SIDES[market]:
        raise UsageError(f"{text}: {market} has no outcome {side!r}; it has {', '.join(SIDES[market])}")
    if at and scope not in SCOPES:
        raise UsageError(f"{text}: there is no scope {scope!r}; there are {', '.join(sorted(SCOPES))}")
    if (market in LINED) != (len(parts) == 4):
        needs = "needs a line, as -3.5 behind a slash" if market in LINED else "has no line"
        raise UsageError(f"{text}: {market} {needs}")
    try:
        ids.parse(event_id)
        line = checked_line(_number(parts[3])) if len(parts) == 4 else 0.0
    except (ValueError, Refused) as error:
        raise UsageError(f"{text[:120]}: {error}") from None
    scope = scope or usual_scope(event_id, market)
    return Leg(event_id, market, scope, SIDES[market].index(side), line)


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise ValueError(f"{text!r} is no line; write it as -3.5") from None


def quote(
    legs: Sequence[Leg],
    modelled: Mapping[str, GameProbabilities],
    fair: Mapping[str, FairPrices],
    correlation: float = 0.0,
    price: float | None = None,
) -> Quote:
    """What all legs are worth together.

    Parameters
    ----------
    legs : sequence of Leg
    modelled, fair : mappings
        The last answer about each event, where there is one.
    correlation : float
        Of the final margin and total of a game of points, in [-0.9, 0.9]; goals bring their own.
    price : float or None
        Decimal price at which the parlay is offered.

    Raises
    ------
    UsageError
        If a leg comes twice, is on an event of which nothing is known or that is over, or has no price; or if
        several legs are on a game and nothing says what they have in common.
    """
    if twice := [leg for index, leg in enumerate(legs) if leg in legs[:index]]:
        raise UsageError(f"{twice[0]} is named twice")
    by_event: dict[str, list[Leg]] = {}
    for leg in legs:
        by_event.setdefault(leg.event_id, []).append(leg)
    results = [
        _results(own, modelled.get(event_id), fair.get(event_id), correlation)
        for event_id, own in by_event.items()
    ]
    games = tuple(
        [_game(own, source, found) for own, (source, found) in zip(by_event.values(), results, strict=True)]
    )
    quoted = [leg for game in games for leg in game.legs]
    fair_price = parlay.fair_price([found for _, found in results])
    return Quote(
        games=games,
        correlation=correlation,
        probability=math.prod([game.probability for game in games]),
        lowest=math.prod([game.lowest for game in games]),
        highest=math.prod([game.highest for game in games]),
        fair_price=fair_price,
        independent=math.prod([leg.probability for leg in quoted]),
        independent_price=math.prod([leg.fair_price for leg in quoted]),
        price=price,
        expected_value=None if price is None else price / fair_price - 1.0,
        hold=None if price is None else 1.0 - price / fair_price,
    )


def _game(legs: Sequence[Leg], source: str, results: Results) -> QuotedGame:
    chances = [parlay.leg_chances(results, index) for index in range(len(legs))]
    lowest, highest = parlay.bounds([each.win for each in chances])
    return QuotedGame(
        event_id=legs[0].event_id,
        legs=tuple(
            [
                QuotedLeg(
                    leg=str(leg),
                    source=source,
                    probability=each.win,
                    # A half result is half a refund.
                    refund=each.push + 0.5 * (each.half_win + each.half_lose),
                    fair_price=1.0 / each.fair if each.fair > 0.0 else math.inf,
                )
                for leg, each in zip(legs, chances, strict=True)
            ]
        ),
        probability=parlay.all_won(results),
        lowest=lowest,
        highest=highest,
    )


def _results(
    legs: Sequence[Leg], modelled: GameProbabilities | None, fair: FairPrices | None, correlation: float
) -> tuple[str, Results]:
    """How the legs on one game come out together, and who says so."""
    event_id = legs[0].event_id
    if modelled is None and fair is None:
        raise UsageError(f"nothing is known of {event_id}; it is in no answer of games or markets")
    if modelled is not None and modelled.status in ENDED:
        raise UsageError(f"{event_id} is {modelled.status}: nothing on it is open")
    if modelled is not None and _is_priced(legs, modelled):
        endings = _endings(legs, modelled, correlation)
        source = f"{modelled.model}, prior {modelled.prior}"
        return source, parlay.joint_results([leg.selection for leg in legs], endings)
    if len(legs) > 1:
        alone = [_results([leg], modelled, fair, correlation)[1] for leg in legs]
        lowest, highest = parlay.bounds([parlay.leg_chances(results, 0).win for results in alone])
        raise UsageError(
            f"no model prices all {len(legs)} legs on {event_id}, so nothing says what they have in common: "
            f"all of them win with a probability between {lowest:.4f} and {highest:.4f} (Fréchet's bounds)"
        )
    chance = _consensus(legs[0], fair)
    return "consensus", {(Result.WON,): chance, (Result.LOST,): 1.0 - chance}


def _consensus(leg: Leg, fair: FairPrices | None) -> float:
    """The fair probability of a leg; on a line that can be met, of winning what is not refunded."""
    same = [
        market
        for market in (fair.markets if fair is not None else ())
        if (market.market, market.scope) == (leg.market, leg.scope)
    ]
    for market in same:
        if market.line == leg.line:
            return market.probabilities[leg.outcome]
    lines = ", ".join([f"{market.line:g}" for market in same])
    has = f"odds.fair has it at {lines} only" if same else "odds.fair has no such market"
    raise UsageError(f"{leg} has no price: the game's model does not price it now, and {has}")


def _is_priced(legs: Sequence[Leg], game: GameProbabilities) -> bool:
    """Whether the model prices all of them now, as `pipeline.stages.markets.game.model_chances` does."""
    if game.status not in (GameStatus.SCHEDULED, GameStatus.LIVE) or game.contested or game.suspended:
        return False
    regulation_is_over = game.regulation == LEVEL
    priced = PARAMETERS[of][1] if (of := _scored_in(game)) else set()
    return all(
        (leg.market, leg.scope) in priced and not (leg.scope == "regulation" and regulation_is_over)
        for leg in legs
    )


def _scored_in(game: GameProbabilities) -> str:
    """Points or goals, by the parameters; empty where there are none. Models of either have many names."""
    if game.model == "none":
        return ""
    return next((of for of, (names, _) in PARAMETERS.items() if names <= set(game.parameters)), "")


def _endings(legs: Sequence[Leg], game: GameProbabilities, correlation: float) -> list[scores.Ending]:
    """Final scores, level ones played on as the league does."""
    parameters = game.parameters
    if _scored_in(game) == "goals":
        score = game.home_score, game.away_score
        endings = scores.goal_endings((parameters["home_rate"], parameters["away_rate"]), score)
    else:
        endings = scores.point_endings(
            (parameters["margin_mean"], parameters["margin_sd"]),
            (parameters["total_mean"], parameters["total_sd"]),
            correlation,
            [-leg.line for leg in legs if leg.market == "spread"],
            [leg.line for leg in legs if leg.market == "total"],
        )
    league = ids.league_of(game.event_id)
    home = parameters.get("overtime_home", league.overtime_home)
    # An overtime of points that may end level is the last of the game; football that goes on has a winner.
    drawn = league.overtime_draw
    if game.regulation == LEVEL and len(game.game) == 3:
        drawn = 1.0 if _scored_in(game) == "points" else 0.0 if league.sport == "soccer" else drawn
    ways = ((1, (1.0 - drawn) * home), (-1, (1.0 - drawn) * (1.0 - home)), (0, drawn))
    return [
        each
        for ending in endings
        for each in (
            [ending]
            if ending.margin
            else [ending._replace(ahead=ahead, chance=ending.chance * part) for ahead, part in ways]
        )
    ]
