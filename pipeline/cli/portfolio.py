"""``sharpline portfolio``: joint stakes on the value bets that are open now."""

import sys
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation

import click
import msgspec
from rich.console import Console
from rich.table import Table

from pipeline import data, ids
from pipeline.cli.lag import PIPED_WIDTH
from pipeline.cli.money import money
from pipeline.cli.verify import named
from pipeline.errors import UsageError
from pipeline.portfolio import BASES, LeftOut, Limits, Portfolio, Stake, market_of
from pipeline.portfolio import portfolio as joint
from pipeline.records import SIDES
from pipeline.replay.current import current

SHARE = click.FloatRange(0.0, 1.0, min_open=True)


@click.command(
    epilog="Example: sharpline portfolio --bankroll 1000 --league nfl --kafka 127.0.0.1:9092",
    context_settings={"show_default": True},
)
@click.option("--kafka", metavar="ADDRESS", help="Bootstrap address; default is SHARPLINE_KAFKA.")
@click.option(
    "--bankroll", metavar="AMOUNT", help="Money with up to two decimals; then stakes are money too."
)
@click.option(
    "--multiplier", default=0.25, type=SHARE, help="Part of the bankroll that is to grow, the rest is kept."
)
@click.option("--cap", default=0.05, type=SHARE, help="Of the bankroll, on one bet at most.")
@click.option("--exposure", default=0.15, type=SHARE, help="Of the bankroll, on all bets at most.")
@click.option("--basis", default="both", type=click.Choice([*BASES, "both"]), help="Whose word counts.")
@click.option("--league", metavar="LEAGUE", help="Only its events, as nfl.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object, all digits.")
def portfolio(
    kafka: str | None,
    bankroll: str | None,
    multiplier: float,
    cap: float,
    exposure: float,
    basis: str,
    league: str | None,
    as_json: bool,
) -> None:
    """Stakes on all open value bets at once, by Kelly under limits.

    On each outcome the best price after commission, with the lowest probability that any basis or book's bet
    on it has; of each event only the market that grows fastest, since what its markets have in common is not
    published; different events are independent.
    """
    if league is not None and league not in data.leagues():
        raise UsageError(f"there is no league {league!r}; there are {', '.join(data.leagues())}")
    bankroll_minor = None if bankroll is None else minor(bankroll)
    address = named(kafka)
    answers = [
        answer
        for event_id, answer in current(address, "bets.value").items()
        if league is None or ids.parse(event_id).league == league
    ]
    bases = BASES if basis == "both" else (basis,)
    if not any(bet.basis in bases for answer in answers for bet in answer.bets):
        of = "" if basis == "both" else f" by the {basis}"
        where = "" if league is None else f" in {league}"
        raise UsageError(
            f"no value bet{of} is open{where} at {address}; `sharpline tail bets.value` shows what was"
        )
    found = joint(answers, Limits(multiplier, cap, exposure), bases, bankroll_minor)
    if as_json:
        click.echo(msgspec.json.encode(found))
        return
    console = Console(highlight=False, width=None if sys.stdout.isatty() else PIPED_WIDTH)
    newest = datetime.fromtimestamp(max(answer.received_at_ms for answer in answers) / 1000, UTC)
    console.print(f"as of {newest:%Y-%m-%d %H:%M:%S}Z")
    if found.stakes:
        console.print(_stakes(found))
    staked = "" if found.staked_minor is None else f", {money(found.staked_minor)}"
    console.print(
        f"exposure {found.exposure:.2%}{staked}; expected growth {found.growth:.4%} of the bankroll"
    )
    if found.left_out:
        console.print(_left_out(found))


def minor(text: str) -> int:
    """Minor units of a sum of money. Raises UsageError."""
    try:
        units = Decimal(text) * 100
    except InvalidOperation:
        units = Decimal(0)
    if not (units.is_finite() and 0 < units <= 2**53 and units == int(units)):
        raise UsageError(f"bankroll: {text[:40]!r} is no sum of money; write 1000 or 1000.50")
    return int(units)


def _named(bet: Stake | LeftOut) -> str:
    return f"{market_of(bet)} {SIDES[bet.market][bet.outcome]}"


def _stakes(found: Portfolio) -> Table:
    table = _table("event", "bet", "basis", "book")
    for column in ("price", "probability", "EV", "alone", "joint"):
        table.add_column(column, justify="right", no_wrap=True)
    if found.staked_minor is not None:
        table.add_column("stake", justify="right", no_wrap=True)
    for bet in found.stakes:
        sums = [] if bet.stake_minor is None else [money(bet.stake_minor)]
        numbers = (f"{bet.price:.2f}", f"{bet.probability:.1%}", f"{bet.expected_value:+.1%}")
        shares = (f"{bet.kelly:.2%}", f"{bet.share:.2%}")
        table.add_row(bet.event_id, _named(bet), "+".join(bet.bases), bet.book, *numbers, *shares, *sums)
    return table


def _left_out(found: Portfolio) -> Table:
    table = _table("left out", "bet", "basis", "book", "price", "because")
    for bet in found.left_out:
        table.add_row(bet.event_id, _named(bet), bet.basis, bet.book, f"{bet.price:.2f}", bet.reason)
    return table


def _table(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column)
    return table
