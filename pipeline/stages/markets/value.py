"""Value bets: prices above the fair one, by the other desks and, in play, by the game model.

On a line that a result can meet, a consensus probability is that of winning where the bet is decided, and the
expected value is that of a unit which is decided: a refund costs nothing and gains nothing.
"""

from functools import lru_cache

from pipeline.domain import diffusion, goals, settlement, staking
from pipeline.domain.movement import log_odds_move
from pipeline.domain.settlement import Chances
from pipeline.models import LEVEL
from pipeline.records import GameStatus
from pipeline.stages.markets.fair import Opinion, judged
from pipeline.stages.markets.offers import Moment, Offer
from pipeline.stages.markets.opportunities import identity
from pipeline.stages.markets.state import Bet, Game, MarketKey

#: What comes this close to being worth it is worked out in full.
ALMOST = 1.0 - 1e-9


def value_bets(now: Moment, key: MarketKey, offered: list[Offer], opinion: Opinion) -> list[Bet]:
    """Every price of a market that is worth more than it costs; none while the game is closed to bets."""
    if now.closed:
        return []
    return _by_consensus(now, key, offered, opinion) + _by_model(now, key, offered, opinion)


def _by_consensus(now: Moment, key: MarketKey, offered: list[Offer], opinion: Opinion) -> list[Bet]:
    minimum_desks = now.rules.minimum_desks
    needed = (1.0 + now.rules.minimum_expected_value) * ALMOST
    found: list[Bet] = []
    if not opinion.others:
        return found
    # What most markets have: no price anywhere that is worth its stake even by whoever likes it best.
    likeliest = map(max, zip(opinion.probabilities, *opinion.others.values(), strict=True))
    highest = map(max, zip(*[quote.prices for _, _, quote in offered], strict=True))
    if max([price * chance for price, chance in zip(highest, likeliest, strict=True)]) < needed:
        return found
    for offer in offered:
        _, book, quote = offer
        prices = quote.prices
        for outcome, probability in enumerate(judged(opinion, book, minimum_desks)):
            # The product first: it is all that most prices are worth.
            if probability * prices[outcome] >= needed:
                bet = _bet(now, key, offer, "consensus", outcome, Chances(probability))
                found += [bet] if bet else []
    return found


def _by_model(now: Moment, key: MarketKey, offered: list[Offer], opinion: Opinion) -> list[Bet]:
    game = now.game
    if game is None or game.status is not GameStatus.LIVE or game.contested or not game.game:
        return []
    found = []
    # Without a consensus nothing says whether the model has lost its way: then it speaks for no bet.
    for outcome, (chances, consensus) in enumerate(
        zip(model_chances(game, key), opinion.probabilities, strict=False)
    ):
        if not _agree(chances.fair, consensus, now.rules.maximum_model_log_odds):
            continue
        won = chances.win + 0.5 * chances.half_win
        if won == 0.0:
            continue
        # The price at which it is worth just enough, so that most need not be worked out.
        lost = chances.lose + 0.5 * chances.half_lose
        needed = (1.0 + (lost + now.rules.minimum_model_expected_value) / won) * ALMOST
        for offer in offered:
            if offer[2].prices[outcome] >= needed:
                bet = _bet(now, key, offer, "model", outcome, chances)
                found += [bet] if bet else []
    return found


def _agree(model: float, consensus: float, most: float) -> bool:
    return 0.0 < model < 1.0 and abs(log_odds_move(consensus, model)) <= most


def _bet(now: Moment, key: MarketKey, offer: Offer, basis: str, outcome: int, chances: Chances) -> Bet | None:
    source, book, quote = offer
    rules, price = now.rules, quote.prices[outcome]
    least = rules.minimum_expected_value if basis == "consensus" else rules.minimum_model_expected_value
    expected_value = staking.expected_value(price, *chances)
    if not least <= expected_value <= rules.maximum_expected_value:
        return None
    return Bet(
        id=identity(now.event_id, f"value:{basis}", key, ((outcome, book),)),
        basis=basis,
        outcome=outcome,
        source=source,
        book=book,
        price=price,
        probability=chances.fair,
        edge=staking.edge(price, *chances),
        expected_value=expected_value,
        stake_share=staking.fractional_kelly(
            staking.kelly(price, *chances), rules.kelly_fraction, rules.maximum_stake_share
        ),
    )


def model_chances(game: Game, key: MarketKey) -> tuple[Chances, ...]:
    """What the game model gives each outcome of a market; empty where it does not price it.

    Spreads and totals: of points by the model of the final score; of goals where only regulation counts,
    since what overtime adds is not in the rates.
    """
    market, scope, line = key
    if (market, scope) == ("h2h", "game"):
        home, away, *draw = game.game
        level = draw[0] if draw else 0.0
        return Chances(home, push=level), Chances(away, push=level)
    if scope == "regulation" and game.regulation == LEVEL:
        return ()  # it is over, and the parameters are those of what came after
    if (market, scope) == ("h2h_3way", "regulation"):
        return tuple([Chances(each) for each in game.regulation]) if len(game.regulation) == 3 else ()
    if market not in ("spread", "total"):
        return ()
    match game.model, scope:
        case "brownian-margin", "game":
            first = _of_points(market, line, *_points(game, market))
        case "poisson-goals", "regulation":
            rates = game.parameters["home_rate"], game.parameters["away_rate"]
            first = _of_goals(market, line, *rates, game.lead if market == "spread" else game.scored)
        case _:
            return ()
    return first, first.opposite


def _points(game: Game, market: str) -> tuple[float, float]:
    what = "margin" if market == "spread" else "total"
    return game.parameters[f"{what}_mean"], game.parameters[f"{what}_sd"]


@lru_cache(maxsize=4_096)
def _of_points(market: str, line: float, mean: float, sd: float) -> Chances:
    if market == "spread":
        return diffusion.cover_chances(line, 0, mean, sd)
    return settlement.over_chances(line, lambda x: diffusion.probability_above(x, mean, sd))


@lru_cache(maxsize=4_096)
def _of_goals(market: str, line: float, home_rate: float, away_rate: float, now: int) -> Chances:
    if market == "spread":
        return goals.cover_chances(line, home_rate, away_rate, now)
    return goals.total_chances(line, home_rate + away_rate, now)
