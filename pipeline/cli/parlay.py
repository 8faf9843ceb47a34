"""``sharpline parlay``: what several legs are worth as one bet."""

import sys

import click
import msgspec
from rich.console import Console
from rich.table import Table

from pipeline import ids
from pipeline.cli.lag import PIPED_WIDTH
from pipeline.cli.verify import named
from pipeline.domain.odds import read_price
from pipeline.domain.scores import MOST_CORRELATION
from pipeline.errors import UsageError
from pipeline.parlay import Quote, quote, read_leg
from pipeline.replay.current import current


@click.command(
    epilog="Example: sharpline parlay nfl:2025-09-14:kc-phi/spread/home/-3.5 "
    "nfl:2025-09-14:kc-phi/total/over/44.5 epl:2025-09-14:ars-che/h2h_3way/draw --price 9.5",
    # So that --price -110 is a price and not an option.
    context_settings={"ignore_unknown_options": True},
)
@click.argument("legs", nargs=-1, required=True, metavar="LEG...")
@click.option("--price", help="At which the parlay is offered, in any notation: 9.5, +850, 17/2.")
@click.option(
    "--correlation",
    default=0.0,
    show_default=True,
    type=click.FloatRange(-MOST_CORRELATION, MOST_CORRELATION),
    help="Assumed between a game's margin and total, where its model is one of points.",
)
@click.option("--kafka", metavar="ADDRESS", help="Bootstrap address; default is SHARPLINE_KAFKA.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object, all digits.")
def parlay(
    legs: tuple[str, ...], price: str | None, correlation: float, kafka: str | None, as_json: bool
) -> None:
    """The fair price of a parlay by the probabilities that hold now.

    A LEG is EVENT/market[@scope]/outcome[/line]; the line of a spread is the home side's handicap, also of a
    bet on away. Legs on one game come from the joint distribution of its model; different games are
    independent.
    """
    asked = [read_leg(text) for text in legs]
    offered = None if price is None else _price(price)
    address, events = named(kafka), {leg.event_id for leg in asked}
    found = quote(
        asked,
        current(address, "games.probabilities", events),
        current(address, "odds.fair", events),
        correlation,
        offered,
    )
    if as_json:
        click.echo(msgspec.json.encode(found))
    else:
        width = None if sys.stdout.isatty() else PIPED_WIDTH
        Console(highlight=False, width=width).print(*_shown(found), sep="\n")


def _price(text: str) -> float:
    try:
        return read_price(text)
    except ValueError as error:
        raise UsageError(f"price: {error}") from None


def _shown(found: Quote) -> list[Table | str]:
    table = Table("leg", "by", box=None, pad_edge=False, header_style="bold")
    for column in ("wins", "refund", "fair price"):
        table.add_column(column, justify="right", no_wrap=True)
    for game in found.games:
        for leg in game.legs:
            refund = f"{leg.refund:.2%}" if leg.refund else ""
            table.add_row(leg.leg, leg.source, f"{leg.probability:.2%}", refund, f"{leg.fair_price:.3f}")
    several = [game for game in found.games if len(game.legs) > 1]
    assumed = f", correlation of margin and total {found.correlation:g}" if _is_assumed(found) else ""
    lines = [
        f"{game.event_id}: all {len(game.legs)} win {game.probability:.2%}, whatever ties them "
        f"{game.lowest:.2%} to {game.highest:.2%}"
        for game in several
    ]
    lines += [
        f"parlay: wins {found.probability:.2%}, fair price {found.fair_price:.3f}{assumed}",
        f"bounds: {found.lowest:.2%} to {found.highest:.2%}",
        f"independent legs would give {found.independent:.2%}, fair price {found.independent_price:.3f}",
    ]
    if found.price is not None:
        lines.append(
            f"at {found.price:g}: expected value {found.expected_value:+.2%}, the book holds {found.hold:.2%}"
        )
    return [table, *lines]


def _is_assumed(found: Quote) -> bool:
    leagues = [ids.league_of(game.event_id) for game in found.games if len(game.legs) > 1]
    return any(league.model == "brownian-margin" for league in leagues)
