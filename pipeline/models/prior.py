"""How strong the sides are before a game: from its closing line, else the league's averages."""

from collections.abc import Sequence

from pipeline.data import League
from pipeline.domain import diffusion, goals
from pipeline.models.position import Strengths
from pipeline.records import ClosingMarket

#: Of football, for each that independent goals would have: by Pinnacle's closing prices and the totals of the
#: same 1,500 matches of five leagues, drawn from 2012/13 to 2016/17, between 1.07 and 1.08.
DRAWS = 1.07


def league_strengths(league: League) -> Strengths:
    """Of a typical game of the league."""
    if league.model == "brownian-margin":
        return _of_margin(league.margin_mean, league.total_mean)
    return Strengths(league.home_rate, league.away_rate)


def market_strengths(league: League, markets: Sequence[ClosingMarket]) -> Strengths | None:
    """The strengths that reproduce a market's fair probabilities; None where it has no use for the model.

    Of several lines the one nearest to even speaks. Without a total the league's own stands in; points
    without a spread take the margin from the moneyline.
    """
    if league.model == "brownian-margin":
        return _points(league, markets)
    return _goals(league, markets) if league.model == "poisson-goals" else None


def _points(league: League, markets: Sequence[ClosingMarket]) -> Strengths | None:
    spread, total, moneyline = (_most_even(markets, kind) for kind in ("spread", "total", "h2h"))
    if spread:
        margin = diffusion.mean_of_spread(spread.line, spread.probabilities[0], league.margin_sd)
    elif moneyline:
        home = moneyline.probabilities[0]
        margin = diffusion.mean_of_moneyline(home, league.margin_sd, league.overtime_home)
    elif total:
        margin = league.margin_mean
    else:
        return None
    if total:
        # A total is a spread seen from the other side: over 45.5 is covering -45.5.
        scored = diffusion.mean_of_spread(-total.line, total.probabilities[0], league.total_sd)
    else:
        scored = league.total_mean
    return _of_margin(margin, scored)


def _goals(league: League, markets: Sequence[ClosingMarket]) -> Strengths | None:
    result = _most_even(markets, "h2h_3way") or _most_even(markets, "h2h")
    total = _most_even(markets, "total")
    if result is None and total is None:
        return None
    fair = result.probabilities if result else None
    over = (total.line, total.probabilities[0]) if total else None
    typical = (league.home_rate, league.away_rate)
    draws = DRAWS if league.sport == "soccer" else 1.0
    return Strengths(*goals.rates(fair, over, typical, league.overtime_home, draws))


def _most_even(markets: Sequence[ClosingMarket], kind: str) -> ClosingMarket | None:
    usable = (
        market
        for market in markets
        if market.market == kind
        and market.scope in ("game", "regulation")
        and all(0.0 < chance < 1.0 for chance in market.probabilities)
        and (kind != "total" or market.line > 0.0)
    )
    return min(usable, key=lambda m: (abs(m.probabilities[0] - 0.5), m.scope, m.line), default=None)


def _of_margin(margin: float, total: float) -> Strengths:
    return Strengths((total + margin) / 2.0, (total - margin) / 2.0)
