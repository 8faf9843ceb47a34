"""``sharpline verify``: whether rows and answers are what the folds make of the inputs."""

import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence

import click
import msgspec
from rich.console import Console

from pipeline.errors import UsageError
from pipeline.replay.tail import moment
from pipeline.replay.verify import Verdict
from pipeline.replay.verify import verify as verified
from pipeline.replay.verify.verdict import at
from pipeline.settings import Rules, Settings
from pipeline.stages import STAGES

#: Places that are named one by one.
NAMED = 10


@click.command(
    epilog="Example: sharpline verify --kafka 127.0.0.1:9092 --stage markets --from 2025-09-14T17:00Z"
)
@click.option(
    "--stage",
    "stages",
    multiple=True,
    type=click.Choice(list(STAGES)),
    help="Only this one; may be given again.",
)
@click.option(
    "--from", "since", default="", metavar="TIME", help="Of the log, as 2025-09-14T17:00Z: rows from then on."
)
@click.option("--to", "until", default="", metavar="TIME", help="Leave out rows from then on.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a stage.")
@click.option("--kafka", metavar="ADDRESS", help="Bootstrap address; default is SHARPLINE_KAFKA.")
@click.option("--quiet", is_flag=True, help="No progress.")
def verify(
    stages: Sequence[str], since: str, until: str, as_json: bool, kafka: str | None, quiet: bool
) -> None:
    """Fold again what the stages of a running or stopped pipeline have folded, and compare every byte.

    Exits with 0 when all is equal, with 1 when an input is lost or a row or an answer differs.
    """
    address = named(kafka)
    span_ms = (moment(since) if since else 0, moment(until) if until else 0)
    found = all_verified(
        address, stages or list(STAGES), span_ms=span_ms, quiet=quiet or as_json, console=Console(stderr=True)
    )
    if as_json:
        for verdict in found:
            click.echo(json_of(verdict))
    else:
        tell(found, Console())
    sys.exit(0 if all(verdict.holds for verdict in found) else 1)


def named(kafka: str | None) -> str:
    """The broker that was given or is set. Raises UsageError."""
    address = kafka or Settings.read().kafka
    if not address:
        raise UsageError("no Kafka named: give --kafka ADDRESS or set SHARPLINE_KAFKA")
    return address


def all_verified(
    bootstrap: str,
    stages: Iterable[str],
    *,
    span_ms: tuple[int, int] = (0, 0),
    quiet: bool,
    console: Console,
) -> list[Verdict]:
    """The verdict on each stage, by the rules that are set; progress goes to ``console``."""
    rules = Rules.read(Settings.read().rules)
    return [
        verified(bootstrap, STAGES[stage], rules, span_ms=span_ms, progress=_progress(quiet, console))
        for stage in stages
    ]


def _progress(quiet: bool, console: Console) -> Callable[[Verdict], None]:
    started_s = told_s = time.monotonic()

    def progress(verdict: Verdict) -> None:
        nonlocal told_s
        now_s = time.monotonic()
        if quiet or now_s - told_s < 1.0:
            return
        told_s = now_s
        rate = verdict.inputs / (now_s - started_s)
        line = f"{verdict.stage}  {verdict.inputs:,} inputs folded again  {rate:,.0f}/s"
        console.print(line, end="   \r" if console.is_terminal else "\n", highlight=False)

    return progress


def tell(found: Sequence[Verdict], console: Console) -> None:
    """A table of the stages, what could not be checked, and the first difference with both its sides."""
    names = ("inputs", "rows", "equal", "answers", "equal", "orphans", "in flight", "waiting", "lost")
    lines = ["stage   " + "".join(f"{name:>11}" for name in names)]
    for verdict in found:
        counts = (
            verdict.inputs,
            verdict.rows,
            verdict.rows_equal,
            verdict.answers,
            verdict.answers_equal,
            verdict.orphans,
            verdict.in_flight,
            verdict.waiting,
            len(verdict.lost),
        )
        lines.append(f"{verdict.stage:8}" + "".join(f"{count:>11,}" for count in counts))
    for line in [*lines, *_sentences(found)]:
        console.print(line, soft_wrap=True, highlight=False, markup=False)


def _sentences(found: Sequence[Verdict]) -> Iterator[str]:
    for verdict in found:
        for why, count in sorted(verdict.unchecked.items()):
            yield f"{verdict.stage}: not checked: {count:,}, {why}"
        for place in verdict.lost[:NAMED]:
            yield f"{verdict.stage}: lost: {at(*place)} was neither applied nor buried"
        for what, count in sorted(verdict.differing.items()):
            yield f"{verdict.stage}: differs: {count:,}, {what}"
    first = next((difference for verdict in found for difference in verdict.differences), None)
    if first is not None:
        yield f"the first: {first}"
    if all(verdict.holds for verdict in found):
        yield "holds: whatever could be checked is what its fold makes of the inputs"
    else:
        yield "does not hold; --json names more of it"


def json_of(verdict: Verdict) -> str:
    """A verdict as one line of JSON."""
    return msgspec.json.encode({"holds": verdict.holds, **msgspec.to_builtins(verdict)}).decode()
