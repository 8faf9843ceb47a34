"""``sharpline arbitrage``: what was published as arbitrage, how long it stood, and whether it was there."""

import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path

import click
import msgspec

from pipeline.cli.fitted import progress
from pipeline.cli.money import money
from pipeline.cli.verify import named
from pipeline.errors import UnreadableRecord, UsageError
from pipeline.records import SIDES, Arbitrage
from pipeline.replay import archive, tail
from pipeline.replay.arbitrages import (
    LEAST_OF_PAIR,
    Count,
    LegOf,
    Stretch,
    Summary,
    as_builtins,
    stretches,
    summary,
)
from pipeline.replay.archive import Message
from pipeline.replay.run import INPUTS, replay
from pipeline.settings import Rules, Settings

KINDS = ("arbitrage", "middle", "low_hold")


@click.command(
    epilog="Example: sharpline arbitrage sunday/ --above 0.03 --suspects",
    context_settings={"show_default": True},
)
@click.argument("folder", required=False, metavar="[ARCHIVE]", type=click.Path(path_type=Path))
@click.option("--kafka", metavar="ADDRESS", help="Bootstrap address; default is SHARPLINE_KAFKA.")
@click.option("--above", type=float, metavar="SHARE", help="List only what had a higher ROI, as 0.03.")
@click.option("--kind", default="arbitrage", type=click.Choice(KINDS), help="Of opportunity.")
@click.option("--suspects", is_flag=True, help="List what was suspect, too, with its reasons.")
@click.option("--event", metavar="ID", help="Only this event, as nfl:2025-09-14:kc-phi.")
@click.option(
    "--least",
    default=LEAST_OF_PAIR,
    type=click.IntRange(1),
    metavar="N",
    help="Pairs of books with fewer arbitrages are counted together.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object, all digits.")
@click.option("--quiet", is_flag=True, help="No progress.")
def arbitrage(
    folder: Path | None,
    kafka: str | None,
    above: float | None,
    kind: str,
    suspects: bool,
    event: str | None,
    least: int,
    as_json: bool,
    quiet: bool,
) -> None:
    """List every arbitrage that was ever open: its legs, how long it stood, what their books said next.

    ARCHIVE holds answers, or inputs that are folded first; without one a cluster's topics are read. Fair
    prices are the consensus of all desks at the time of opening. A phantom had a leg that was not there any
    more at its book's next quote. The numbers at the end count all of the kind, listed or not.
    """

    def wanted(event_id: str, found: Arbitrage) -> bool:
        return found.kind == kind and event in (None, event_id)

    told = progress(quiet)
    if folder is None:
        found = stretches(_counted(_of_cluster(named(kafka)), told), wanted)
    elif "bets.arbitrage" in (topics := archive.topics_of(folder)):
        found = stretches(_counted(_of_archive(folder), told), wanted)
    elif set(INPUTS) & set(topics):
        found = _folded(folder, told, wanted)
    else:
        raise UsageError(f"{folder} holds neither bets.arbitrage nor {' or '.join(INPUTS)} to make it from")
    numbers = summary(found, least)
    listed = [
        each for each in found if (suspects or not each.suspect) and (above is None or each.most_roi > above)
    ]
    if as_json:
        content = {"listed": [as_builtins(each) for each in listed], "summary": numbers}
        click.echo(msgspec.json.encode(content))
        return
    for each in listed:
        click.echo("\n".join(_lines(each)))
    click.echo("\n".join(_said(numbers, kind, least)))


Read = Callable[[str], Iterable[Message]]


def _folded(
    folder: Path, told: Callable[[int], None], wanted: Callable[[str, Arbitrage], bool]
) -> list[Stretch]:
    """From inputs alone: the answers are made in a folder of their own, and thrown away."""
    settings = Settings.read()
    rules = Rules.read(settings.rules)
    with tempfile.TemporaryDirectory(prefix="sharpline-") as made:
        out = Path(made) / "answers"
        tally, _ = replay(folder, out, rules, settings.partitions, progress=lambda tally: told(tally.inputs))
        for reason in tally.buried[:10]:
            click.echo(f"left out: {reason}", err=True)
        return stretches(_of_archive(out), wanted)


def _of_archive(folder: Path) -> Read:
    def read(topic: str) -> Iterator[Message]:
        if (folder / (topic + archive.SUFFIX)).is_file():
            yield from archive.read(folder, topic)

    return read


def _of_cluster(address: str) -> Read:
    def read(topic: str) -> Iterator[Message]:
        for message in tail.from_kafka(address, topic, "earliest", follow=False):
            if isinstance(message.record, str):
                raise UnreadableRecord(
                    f"{topic}/{message.partition}@{message.offset} cannot be read: {message.record}"
                )
            yield message

    return read


def _counted(read: Read, told: Callable[[int], None]) -> Read:
    count = 0

    def counted(topic: str) -> Iterator[Message]:
        nonlocal count
        for message in read(topic):
            count += 1
            told(count)
            yield message

    return counted


def _lines(found: Stretch) -> Iterator[str]:
    """A stretch as a person reads it."""
    opened = datetime.fromtimestamp(found.opened_at_ms / 1000, UTC)
    line = f" {found.line:+g}" if found.market == "spread" else f" {found.line:g}" if found.line else ""
    most = f", at most {found.most_roi:.2%}" if found.most_roi > found.roi else ""
    ended = f"stood {_span(found.stood_s)}, ended by {found.reason}" if found.ended_at_ms else "still open"
    yield (
        f"{opened:%Y-%m-%d %H:%M:%S}Z  {found.event_id}  {found.market}{line}, {found.scope}"
        f"  ROI {found.roi:.2%}{most}  {ended}{_verdict(found)}"
    )
    if found.suspect:
        yield f"  suspect: {', '.join(found.suspect)}"
    if found.kind == "middle":
        yield f"  both win {found.hit_probability:.1%}, EV {found.expected_value:+.1%}"
    for leg in found.legs:
        yield _leg(found.market, leg)
    if not found.clean:
        ways = [f"{way.rule}, at worst {money(way.profit_minor)}" for way in found.rules]
        yield f"  settlement differs: {'; '.join(ways)}"


def _verdict(found: Stretch) -> str:
    match found.phantom:
        case True:
            return ", a phantom"
        case False:
            return ", every leg was there"
    return ""


def _leg(market: str, leg: LegOf) -> str:
    side = SIDES[market][leg.outcome]
    price = f"{'lay ' if leg.side == 'lay' else ''}{leg.price:.3f}"
    spoke = "says no time" if leg.book_age_s is None else f"spoke {_span(leg.book_age_s)} ago"
    worth = "no consensus"
    if leg.fair_price is not None and leg.expected_value is not None:
        worth = f"fair {leg.fair_price:.3f}, EV {leg.expected_value:+.1%}"
    later = ""
    if leg.verdict in ("waiting", "unseen"):
        later = leg.verdict
    elif leg.verdict:
        shown = f" {leg.next_price:.3f}" if leg.next_price else ""
        later = f"next{shown} {leg.verdict}, {_span(leg.after_s)} later"
    return (
        f"  {side:<6}{leg.book:<18}{price:>10}  seen {_span(leg.age_s)} ago, {spoke:<21}{worth:<28}{later}"
    ).rstrip()


def _said(numbers: Summary, kind: str, least: int) -> Iterator[str]:
    name = kind.replace("_", " ")
    yield f"{name}: {numbers.all.opened:,} opened, {numbers.suspects:,} suspect"
    if numbers.suspects:
        yield f"suspects by reason: {_tally(numbers.suspects_by_reason)}"
    if not numbers.all.opened:
        return
    yield f"ended by: {_tally(numbers.ended)}"
    yield from _table("ROI", [*numbers.by_roi, numbers.all])
    yield from _table(f"pairs of books with {least} or more", numbers.by_pair)


def _tally(counts: dict[str, int]) -> str:
    return ", ".join(f"{word} {count:,}" for word, count in counts.items())


def _table(head: str, counts: Sequence[Count]) -> Iterator[str]:
    wide = max(len(head), *[len(count.name) for count in counts]) + 2
    yield f"{head:<{wide}}{'opened':>8}{'median life':>13}{'judged':>8}{'phantoms':>10}{'rate':>7}"
    for count in counts:
        life = "-" if count.median_s is None else _span(count.median_s)
        rate = f"{count.phantoms / count.judged:.0%}" if count.judged else "-"
        yield (
            f"{count.name:<{wide}}{count.opened:>8,}{life:>13}{count.judged:>8,}{count.phantoms:>10,}{rate:>7}"
        )


def _span(seconds: float | None) -> str:
    """A time of any length in the unit that suits it."""
    if seconds is None:
        return "-"
    if seconds < 120:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200 else f"{seconds / 3600:.1f} h"
