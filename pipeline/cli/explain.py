"""``sharpline explain``: what a published answer was made from, and whether the log gives it again."""

from datetime import UTC, datetime
from typing import Any

import click
import msgspec

from pipeline import codec
from pipeline.cli.verify import named
from pipeline.replay.explain import Explanation
from pipeline.replay.explain import explain as explained
from pipeline.settings import Rules, Settings


@click.command(
    epilog="Example: sharpline explain bets.arbitrage sim-nfl:2026-11-21:nor-bri --kafka 127.0.0.1:9092"
)
@click.argument("topic")
@click.argument("key")
@click.option("--revision", type=click.IntRange(1), help="Of the answer; default is the last.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object, the whole answer with it.")
@click.option("--kafka", metavar="ADDRESS", help="Bootstrap address; default is SHARPLINE_KAFKA.")
def explain(topic: str, key: str, revision: int | None, as_json: bool, kafka: str | None) -> None:
    """Show what the answer under KEY was made from, and fold its event again to see that it is just that.

    KEY is the event, of bets.results with the opportunity behind a bar. Exits with 1 if the log gives another
    answer.
    """
    found = explained(named(kafka), topic, key, revision, Rules.read(Settings.read().rules))
    if as_json:
        click.echo(msgspec.json.encode({**msgspec.to_builtins(found), "record": codec.plain(found.record)}))
    else:
        click.echo("\n".join(lines(found)))
    raise SystemExit(1 if found.equal is False else 0)


def lines(found: Explanation) -> list[str]:
    """An explanation as a person reads it."""
    told = [
        f"answer    {found.place}, revision {found.revision} of {found.key}, as of "
        + _time(found.record.received_at_ms),
        f"caused by {found.cause}",
        *(
            f"inputs    up to {place}" if place else f"inputs    none of {t}"
            for t, place in found.inputs.items()
        ),
        f"rules     {found.made_with.get('rules', '')}: {_unusual(found.rules)}",
        f"data      {found.made_with.get('data', '')}",
    ]
    for quote in found.quotes:
        outcome = f"lay of outcome {quote.outcome}" if quote.side == "lay" else f"outcome {quote.outcome}"
        shown, seen = quote.shown_in or "before the log begins", quote.seen_in or "what has expired"
        told += [
            f"price     {quote.price:g} {quote.book}, {outcome} of {quote.opportunity}",
            f"          shown since {shown}, last seen in {seen} at {_time(quote.seen_at_ms)}",
        ]
    base = f"onto the row of revision {found.taken_over_at}" if found.taken_over_at else "from the first"
    again = f"again     {found.folded} inputs folded {base} give"
    match found.equal:
        case True:
            told.append(f"{again} this answer, to the last bit")
        case False:
            told.append(f"{again} another answer; see `sharpline verify`")
        case None:
            told.append(f"again     not to be had: {found.unchecked or 'its row is not written yet'}")
    return told


def _unusual(rules: dict[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in rules.items()) or "all as by default"


def _time(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S.%f")[:-3] + "Z"
