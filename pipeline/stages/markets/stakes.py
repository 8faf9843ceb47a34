"""How much to stake on the value bets of an event that are open at once, of each basis on its own."""

from msgspec.structs import replace

from pipeline.domain.lay import back_after_commission
from pipeline.domain.picks import Limits, OpenBet, fastest, play
from pipeline.records import OUTCOMES
from pipeline.settings import Rules
from pipeline.stages.markets.state import Bet, Market, MarketKey

BASES = ("consensus", "model")

Shares = dict[str, float]


def staked(rules: Rules, markets: dict[MarketKey, Market]) -> dict[MarketKey, Market]:
    """The markets with the share of the bankroll on each bet; the very same where no share is another."""
    open_on = [key for key, market in markets.items() if market.bets]
    if not open_on:
        return markets
    # Of markets that grow alike the first by what does not depend on who is at home.
    open_on.sort(key=lambda key: (key[0], key[1], abs(key[2]), key[2]))
    limits = Limits(rules.kelly_fraction, rules.maximum_stake_share, rules.maximum_exposure_share)
    shares: Shares = {}
    for basis in BASES:
        shares |= _shares(basis, limits, {key: markets[key].bets for key in open_on})
    changed = {}
    for key in open_on:
        bets = markets[key].bets
        if any(bet.stake_share != shares.get(bet.id, 0.0) for bet in bets):
            told = tuple([replace(bet, stake_share=shares.get(bet.id, 0.0)) for bet in bets])
            changed[key] = replace(markets[key], bets=told)
    return {**markets, **changed} if changed else markets


def _shares(basis: str, limits: Limits, open_bets: dict[MarketKey, tuple[Bet, ...]]) -> Shares:
    """What is staked of one basis, by the ids of the bets."""
    found = []
    for key, bets in open_bets.items():
        if own := [bet for bet in bets if bet.basis == basis]:
            alone = play(tuple([_open(bet) for bet in own]), OUTCOMES[key[0]], limits)
            if alone is not None:
                found.append((own, alone))
    if not found:
        return {}
    own, chosen = found[fastest([alone for _, alone in found])]
    return {own[pick.place].id: share for pick, share in zip(chosen.picks, chosen.shares, strict=True)}


def _open(bet: Bet) -> OpenBet:
    price = back_after_commission(bet.price, bet.commission) if bet.commission else bet.price
    return OpenBet(bet.outcome, bet.book, price, bet.probability, bet.refund)
