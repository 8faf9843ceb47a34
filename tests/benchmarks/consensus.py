"""The consensus on seasons of football: against Pinnacle's closing price, and what its value bets were worth.

Run it: ``make bench ARGS=consensus``; it wants the files of football-data.co.uk in ../shared. Fair prices by
the power method and the weights of data/books.csv, as the fold makes them, from prices collected days before
the match (early) and at the close (late). Log loss of who won, in 90 minutes; then the bets that soft books'
early prices gave against the consensus of the other desks, by the expected value that it promised. CLV:
price times Pinnacle's fair closing probability, less 1. Intervals are 95 %, by a bootstrap of match days.
Nothing in it depends on the load of the machine.
"""

from collections.abc import Iterator, Sequence
from itertools import pairwise

import click

from pipeline import data
from pipeline.domain.consensus import Probabilities, agreement
from pipeline.domain.devig import multiplicative_devig
from pipeline.domain.scoring import log_loss
from pipeline.records import GameEvent, OddsSnapshot
from pipeline.settings import Rules
from pipeline.training.bootstrap import DRAWS, SEED, Mean, mean_by_day
from pipeline.training.markets import Market, gather
from pipeline.training.weights import by_hand, devigged, opinions
from producers.sources import football_data_co_uk
from tests.conftest import SHARED

SEASONS = SHARED / "data" / "football-data-co-uk"
#: From this season on Pinnacle is in the files, from that one on every book's closing price.
PINNACLE_SINCE, LATE_SINCE = "2012-2013", "2019-07-01"
SHARP = "pinnacle"
#: Expected values from which a bet is counted, each up to the next; the first is that of the rules.
STEPS = (Rules().minimum_expected_value, 0.05, 0.10, Rules().maximum_expected_value)
MINIMUM_DESKS = Rules().minimum_desks

Forecast = tuple[str, Probabilities | None]


def markets() -> list[Market]:
    """The matches of all seasons with Pinnacle, from the files themselves."""
    found: list[Market] = []
    refused = 0

    def refuse(_: str, __: str) -> None:
        nonlocal refused
        refused += 1

    for folder in sorted(SEASONS.glob("20*")):
        if folder.name >= PINNACLE_SINCE:
            records = [
                r for path in sorted(folder.glob("*.csv*")) for r in football_data_co_uk.read(path, refuse)
            ]
            found += gather(
                [r for r in records if isinstance(r, GameEvent)],
                [r for r in records if isinstance(r, OddsSnapshot)],
            )
    if found:
        click.echo(
            f"{len(found):,} matches from {found[0].day} to {found[-1].day}, {refused} refusals; "
            f"bootstrap of match days, {DRAWS:,} draws, seed {SEED}"
        )
    return found


def forecasts(market: Market, closing: Probabilities) -> Iterator[Forecast]:
    """Who says what about a market; None where too few do."""
    early, late = opinions(market.first), opinions(market.last)
    for when, thought in (("early", early), ("late", late)):
        for name, weights in (("equal weights", {}), ("by hand", by_hand())):
            yield f"consensus, {when}, {name}", _agreed(thought, weights)
        yield f"consensus without Pinnacle, {when}", _agreed([o for o in thought if o[0] != SHARP], by_hand())
    alone = [fair for desk, fair in early if desk == SHARP]
    yield "Pinnacle alone, early", alone[0] if alone else None
    yield "Pinnacle alone, late, margin by proportion", _proportional(market)
    yield "Pinnacle alone, late", closing


def _agreed(thought: list[tuple[str, Probabilities]], weights: dict[str, float]) -> Probabilities | None:
    enough = len({desk for desk, _ in thought}) >= MINIMUM_DESKS
    return agreement(thought, weights).fair if enough else None


def _proportional(market: Market) -> Probabilities:
    return multiplicative_devig(dict(market.last)[SHARP])


def against_the_close(judged: Sequence[tuple[Market, Probabilities]]) -> None:
    """Print the log loss of each forecast, and how far it lies above that of Pinnacle's closing price."""
    made = [(market, closing, dict(forecasts(market, closing))) for market, closing in judged]
    names = [name for name in made[0][2] if any(forecast[name] is not None for *_, forecast in made)]
    # All are judged by the same matches: those of which each has something to say.
    made = [one for one in made if all(one[2][name] is not None for name in names)]
    days = [market.day for market, *_ in made]
    least = [log_loss(closing, market.outcome) for market, closing, _ in made]
    click.echo(f"\n{'forecast':<44}{'matches':>9}{'log loss':>10}   above Pinnacle's close, x 1/1000")
    for name in names:
        mine = [log_loss(forecast[name] or (), market.outcome) for market, _, forecast in made]
        above = mean_by_day([one - other for one, other in zip(mine, least, strict=True)], days)
        click.echo(f"{name:<44}{len(mine):>9,}{sum(mine) / len(mine):>10.5f}   {_said(above, 1000)}")


def bets(judged: Sequence[tuple[Market, Probabilities]], kind: str) -> None:
    """Print what bets at soft books' early prices were worth at Pinnacle's close and by results."""
    found: dict[float, list[tuple[str, float, float, float]]] = {step: [] for step in STEPS[:-1]}
    for market, closing in judged:
        thought = [o for o in opinions(market.first) if kind == "with Pinnacle" or o[0] != SHARP]
        if not thought:
            continue
        agreed = agreement(thought, by_hand())
        for book, prices in market.first:
            desk = data.books()[book].desk
            others = agreed.without.get(desk)
            if desk == SHARP or others is None or len(agreed.without) <= MINIMUM_DESKS:
                continue
            for outcome, price in enumerate(prices):
                promised = price * others[outcome] - 1.0
                won = price * (outcome == market.outcome) - 1.0
                if STEPS[0] <= promised <= STEPS[-1]:
                    step = max(step for step in STEPS[:-1] if step <= promised)
                    found[step].append((market.day, promised, price * closing[outcome] - 1.0, won))
    head = f"{'bets, consensus ' + kind:<34}{'bets':>9}{'promised':>10}"
    click.echo(f"\n{head}   {'CLV, %':<26}profit by results, %")
    rows = [(f"{low:.0%} to {high:.0%}", found[low]) for low, high in pairwise(STEPS)]
    for name, placed in [*rows, ("all", [bet for _, some in rows for bet in some])]:
        if not placed:
            click.echo(f"{name:<34}{0:>9}")
            continue
        days = [day for day, *_ in placed]
        promised = sum(bet[1] for bet in placed) / len(placed)
        clv, won = (_said(mean_by_day([bet[at] for bet in placed], days), 100) for at in (2, 3))
        click.echo(f"{name:<34}{len(placed):>9,}{promised:>+10.1%}   {clv:<26}{won}")


def _said(mean: Mean, scale: float) -> str:
    return "{:+.2f} ({:+.2f} to {:+.2f})".format(*[scale * value for value in mean])


def main() -> None:
    """Measure and print."""
    if not SEASONS.is_dir():
        click.echo(
            f"left out: it needs football-data.co.uk's files by season in {SEASONS}, which is not there"
        )
        return
    judged = [
        (market, devigged(dict(market.last)[SHARP]))
        for market in markets()
        if market.outcome >= 0 and SHARP in dict(market.last)
    ]
    periods = (
        ("early prices of all books, closing ones of Pinnacle", [j for j in judged if j[0].day < LATE_SINCE]),
        ("closing prices of all books", [j for j in judged if j[0].day >= LATE_SINCE]),
    )
    for name, some in periods:
        click.echo(f"\n{some[0][0].day} to {some[-1][0].day}: {name}")
        against_the_close(some)
        for kind in ("with Pinnacle", "without Pinnacle"):
            bets(some, kind)


if __name__ == "__main__":
    main()
