"""Value bets: prices above the fair one, by the other desks and by the game model, and the gates before them.

A price is worth what it pays after its book's commission. On a line that a result can meet, refunds and
halves count: the fair probability is that of winning where the bet is decided, and how often it is not comes
from the scale that the league's scores have. What a gate holds back is listed with every gate that holds.
"""

from math import hypot, inf
from operator import mul
from typing import NamedTuple

from pipeline.domain import staking
from pipeline.domain.confidence import confidence
from pipeline.domain.consensus import standard_errors
from pipeline.domain.lay import back_after_commission
from pipeline.domain.movement import log_odds, log_odds_move
from pipeline.domain.settlement import Chances
from pipeline.records import QuoteStatus
from pipeline.stages.markets.books import commission
from pipeline.stages.markets.fair import (
    MINIMUM_DESKS,
    Opinion,
    desk_of,
    devigged,
    judged,
    judged_by_method,
    weights,
)
from pipeline.stages.markets.game import chances_by_model, model_chances
from pipeline.stages.markets.lines import chances_by_fair, handicap
from pipeline.stages.markets.offers import Moment, Offer, fault
from pipeline.stages.markets.opportunities import identity
from pipeline.stages.markets.state import Bet, Gated, MarketKey, Probabilities, Quote
from pipeline.stages.markets.suspicion import swapped

#: What comes this close to being worth it is worked out in full.
ALMOST = 1.0 - 1e-9
#: Of a market no more gated prices are kept, those that would be worth most.
KEPT = 5
NO_QUOTES: dict[str, Quote] = {}


class Valued(NamedTuple):
    """The value bets of a market, and what would be one but for a gate, best first."""

    bets: list[Bet]
    gated: list[Gated]


class _Price(NamedTuple):
    """A price that would be worth it, and the gates that hold already."""

    basis: str
    outcome: int
    offer: Offer
    commission: float
    net: float
    chances: Chances
    expected_value: float
    others: Probabilities
    """What its book is judged by: the other desks."""
    reasons: tuple[str, ...]


class _View(NamedTuple):
    """What the other desks think of a desk's market: by each method, and how far they are apart."""

    by_method: dict[str, Probabilities]
    errors: tuple[float, ...]


class _Doubt(NamedTuple):
    """How little a price may be worth, by which method or model, and how sure it is that it is worth it."""

    worst_expected_value: float
    worst_by: str
    confidence: float
    reasons: tuple[str, ...]


def value_bets(now: Moment, key: MarketKey, offered: list[Offer], opinion: Opinion) -> Valued:
    """Every price of a market that is worth more than it costs: to be bet at, or gated."""
    if not opinion.probabilities:
        return Valued([], [])
    prices = _by_consensus(now, key, offered, opinion) + _by_model(now, key, offered, opinion)
    if not prices:
        return Valued([], [])
    # What cannot become a bet is worked out in full only where it is kept.
    aside = sorted([price for price in prices if price.reasons], key=_best_first)[:KEPT]
    bets, gated = [], []
    views: dict[str, _View] = {}
    for price in [*[price for price in prices if not price.reasons], *aside]:
        if price.basis == "consensus":
            doubt = _doubt_of_consensus(now, key, price, _view(now, offered, opinion, price, views))
        else:
            doubt = _doubt_of_model(now, key, price, opinion)
        reasons = {*price.reasons, *doubt.reasons}
        if doubt.confidence < now.rules.minimum_confidence:
            reasons.add("confidence")
        if reasons:
            gated.append((price, tuple(sorted(reasons))))
        else:
            bets.append(_bet(now, key, price, doubt, opinion))
    gated.sort(key=lambda each: _best_first(each[0]))
    return Valued(bets, [_gated(price, reasons) for price, reasons in gated[:KEPT]])


def gate_of(bet: Bet, gated: tuple[Gated, ...]) -> str:
    """The first gate, by name, that now holds back what was this bet; empty where none does."""
    for each in gated:
        if (each.basis, each.outcome, each.book) == (bet.basis, bet.outcome, bet.book):
            return each.reasons[0]
    return ""


def _by_consensus(now: Moment, key: MarketKey, offered: list[Offer], opinion: Opinion) -> list[_Price]:
    needed = (1.0 + now.rules.minimum_expected_value) * ALMOST
    # What most markets have: no price anywhere that is worth its stake even by whoever likes it best.
    likeliest = tuple(map(max, zip(opinion.probabilities, *opinion.others.values(), strict=True)))
    highest = map(max, zip(*[quote.prices for _, _, quote in offered], strict=True))
    worth: list[tuple[Offer, tuple[str, ...]]] = []
    closed = (now.closed,) if now.closed else ()
    if max(map(mul, highest, likeliest)) >= needed:
        worth = [(offer, closed) for offer in offered]
    if sum([len(board.quotes.get(key, NO_QUOTES)) for board in now.boards.values()]) > len(offered):
        worth += [
            (offer, (*closed, reason))
            for offer in _unusable(now, key, offered)
            if max(map(mul, offer[2].prices, likeliest)) >= needed and (reason := _fault(now, key, offer))
        ]
    found: list[_Price] = []
    for offer, reasons in worth:
        found += _worth_by_consensus(now, key, offer, opinion, needed, reasons)
    return found


def _unusable(now: Moment, key: MarketKey, offered: list[Offer]) -> list[Offer]:
    """What the board shows and nobody can bet at now; not what a more trusted source shows too."""
    usable = {(source, book) for source, book, _ in offered}
    return [
        (source, book, quote)
        for source, board in now.boards.items()
        for book, quote in board.quotes.get(key, NO_QUOTES).items()
        if (source, book) not in usable
        and quote.status is not QuoteStatus.REFERENCE
        and (source, book, key[0], key[1]) not in now.muted
    ]


def _fault(now: Moment, key: MarketKey, offer: Offer) -> str:
    reason = fault(now, key, offer[0], offer[1])
    return "incomplete" if reason == "gone" else reason


def _worth_by_consensus(
    now: Moment, key: MarketKey, offer: Offer, opinion: Opinion, needed: float, reasons: tuple[str, ...]
) -> list[_Price]:
    market, scope, line = key
    _, book, quote = offer
    minimum = now.rules.minimum_desks
    found = []
    others = judged(opinion, book, min(minimum, MINIMUM_DESKS))
    for outcome, probability in enumerate(others):
        # The product first: it is all that most prices are worth.
        if probability * quote.prices[outcome] < needed:
            continue
        kept, net = _net(now, book, quote.prices[outcome])
        if probability * net < needed:
            continue
        chances = chances_by_fair(now, market, scope, handicap(market, line, outcome), probability)
        expected_value = staking.expected_value(net, *chances)
        if expected_value >= now.rules.minimum_expected_value:
            few = ("few_desks",) if _others(opinion, book) < minimum else ()
            held = (*reasons, *few, *_disbelieved(now, offer, expected_value, others))
            found.append(
                _Price("consensus", outcome, offer, kept, net, chances, expected_value, others, held)
            )
    return found


def _by_model(now: Moment, key: MarketKey, offered: list[Offer], opinion: Opinion) -> list[_Price]:
    """Without a consensus nothing says whether the model has lost its way: then it speaks for no bet."""
    game, rules = now.game, now.rules
    if game is None or not game.game:
        return []
    found: list[_Price] = []
    closed = (now.closed,) if now.closed else ()
    for outcome, (chances, consensus) in enumerate(
        zip(model_chances(game, key), opinion.probabilities, strict=False)
    ):
        won = chances.win + 0.5 * chances.half_win
        if won == 0.0:
            continue
        # The price at which it is worth just enough, so that most need not be worked out.
        lost = chances.lose + 0.5 * chances.half_lose
        needed = (1.0 + (lost + rules.minimum_model_expected_value) / won) * ALMOST
        worth = [offer for offer in offered if offer[2].prices[outcome] >= needed]
        reasons = closed
        if worth and not _agree(chances.fair, consensus, rules.maximum_model_log_odds):
            # It thinks so of every book: the best price stands for all.
            worth = [
                min(worth, key=lambda offer: (-_net(now, offer[1], offer[2].prices[outcome])[1], offer[1]))
            ]
            reasons = (*closed, "model_off_market")
        for offer in worth:
            kept, net = _net(now, offer[1], offer[2].prices[outcome])
            expected_value = staking.expected_value(net, *chances)
            if expected_value >= rules.minimum_model_expected_value:
                others = judged(opinion, offer[1], 0)
                held = (*reasons, *_disbelieved(now, offer, expected_value, others))
                found.append(
                    _Price("model", outcome, offer, kept, net, chances, expected_value, others, held)
                )
    return found


def _agree(model: float, consensus: float, most: float) -> bool:
    return 0.0 < model < 1.0 and abs(log_odds_move(consensus, model)) <= most


def _disbelieved(now: Moment, offer: Offer, expected_value: float, others: Probabilities) -> tuple[str, ...]:
    """Why a price is more likely an error than a gift."""
    found = ("too_good",) if expected_value > now.rules.maximum_expected_value else ()
    own = devigged(now.rules.devig, offer[2].prices)
    return (*found, "swapped") if own and others and swapped(own, others) else found


def _net(now: Moment, book: str, price: float) -> tuple[float, float]:
    """The book's commission, and the price after it."""
    kept = commission(now.rules, book)
    return kept, back_after_commission(price, kept) if kept else price


def _others(opinion: Opinion, book: str) -> int:
    """Desks behind the consensus that a book is judged by."""
    return opinion.desks - (desk_of(book) in opinion.others)


def _view(
    now: Moment, offered: list[Offer], opinion: Opinion, price: _Price, known: dict[str, _View]
) -> _View:
    rules, book = now.rules, price.offer[1]
    # The others of a desk without a vote are all that have one.
    desk = desk_of(book) if desk_of(book) in opinion.others else ""
    if desk not in known:
        others = [each for each in opinion.own if each != desk]
        known[desk] = _View(
            {**judged_by_method(rules, offered, book), rules.devig: price.others},
            standard_errors(
                [opinion.own[each] for each in others],
                [rules.desk_weights.get(each, weights().get(each, 1.0)) for each in others],
            ),
        )
    return known[desk]


def _doubt_of_consensus(now: Moment, key: MarketKey, price: _Price, view: _View) -> _Doubt:
    market, scope, line = key
    rules, outcome = now.rules, price.outcome
    fairs = {method: fair[outcome] for method, fair in view.by_method.items()}
    # The lowest probability is worth least, whatever is refunded.
    worst_by = min(fairs, key=lambda method: (fairs[method], method != rules.devig, method))
    worst = price.expected_value
    if worst_by != rules.devig:
        chances = chances_by_fair(now, market, scope, handicap(market, line, outcome), fairs[worst_by])
        worst = min(worst, staking.expected_value(price.net, *chances))
    heights = [log_odds(fair) for fair in fairs.values()]
    error = hypot(view.errors[outcome], (max(heights) - min(heights)) / 2.0)
    sure = confidence(price.chances.fair, 1.0 / price.net, error)
    return _Doubt(worst, worst_by, sure, ("method",) if worst < rules.minimum_worst_expected_value else ())


def _doubt_of_model(now: Moment, key: MarketKey, price: _Price, opinion: Opinion) -> _Doubt:
    game, outcome = now.game, price.outcome
    assert game is not None
    words = {model: chances[outcome] for model, chances in chances_by_model(game, key).items()}
    values = {model: staking.expected_value(price.net, *chances) for model, chances in words.items()}
    worst_by = min(values, key=lambda model: (values[model], model))
    worth = [value for value in values.values() if value >= now.rules.minimum_worst_expected_value]
    heights = [_height(chances.fair) for chances in words.values()]
    heights.append(log_odds(opinion.probabilities[outcome]))
    apart = (max(heights) - min(heights)) / 2.0
    error = hypot(opinion.errors[outcome], max(apart, game.error))
    return _Doubt(
        min(values[worst_by], price.expected_value),
        worst_by,
        confidence(price.chances.fair, 1.0 / price.net, error),
        ("models_disagree",) if len(words) > 1 and len(worth) < 2 else (),
    )


def _height(probability: float) -> float:
    return log_odds(probability) if 0.0 < probability < 1.0 else inf if probability else -inf


def _bet(now: Moment, key: MarketKey, price: _Price, doubt: _Doubt, opinion: Opinion) -> Bet:
    source, book, quote = price.offer
    chances = price.chances
    return Bet(
        id=identity(now.event_id, f"value:{price.basis}", key, ((price.outcome, book),)),
        basis=price.basis,
        outcome=price.outcome,
        source=source,
        book=book,
        price=quote.prices[price.outcome],
        commission=price.commission,
        probability=chances.fair,
        refund=chances.push + 0.5 * (chances.half_win + chances.half_lose),
        edge=staking.edge(price.net, *chances),
        expected_value=price.expected_value,
        worst_expected_value=doubt.worst_expected_value,
        worst_by=doubt.worst_by,
        confidence=doubt.confidence,
        desks=_others(opinion, book),
        kelly_share=staking.kelly(price.net, *chances),
    )


def _gated(price: _Price, reasons: tuple[str, ...]) -> Gated:
    source, book, quote = price.offer
    return Gated(
        basis=price.basis,
        outcome=price.outcome,
        source=source,
        book=book,
        price=quote.prices[price.outcome],
        probability=price.chances.fair,
        expected_value=price.expected_value,
        reasons=reasons,
    )


def _best_first(price: _Price) -> tuple[float, str, str, str, int]:
    """The outcome last: which of two equal ones comes first must not hang on who is at home."""
    source, book, _ = price.offer
    return -price.expected_value, price.basis, book, source, price.outcome
