"""``sharpline shadow``: what another model, or other rules, would publish on the same inputs."""

import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import msgspec

from pipeline.cli.verify import named
from pipeline.errors import UsageError
from pipeline.replay.archive import ArchiveWriter
from pipeline.replay.tail import moment
from pipeline.settings import Rules, Settings

if TYPE_CHECKING:
    from pipeline.records import ShadowDifference
    from pipeline.replay.archive import Message
    from pipeline.replay.shadow import Shadow
    from pipeline.training.paired import Comparison, Forecasts, Money

EVERY = 25
LEAST_GAIN = 0.02

Sink = Callable[["ShadowDifference"], object]


@click.command(
    epilog="Example: sharpline shadow models/ --archive sunday/ --out differences/",
)
@click.argument("candidate", required=False, type=click.Path(path_type=Path), metavar="[CANDIDATE]")
@click.option("--archive", type=click.Path(path_type=Path), help="Read this archive instead of Kafka.")
@click.option("--kafka", metavar="ADDRESS", help="Bootstrap address; default is SHARPLINE_KAFKA.")
@click.option("--rules", metavar="FILE", default="", help="The candidate's rules, as for SHARPLINE_RULES.")
@click.option(
    "--set", "changes", multiple=True, metavar="NAME=VALUE", help="One rule of the candidate's; may be again."
)
@click.option(
    "--from", "since", default="", metavar="TIME", help="Leave out inputs before, as 2025-09-14T17:00Z."
)
@click.option("--follow", is_flag=True, help="Go on with what comes, a few seconds behind, until Ctrl-C.")
@click.option("--out", type=click.Path(path_type=Path), help="A new folder: an archive of the differences.")
@click.option("--publish", is_flag=True, help="Append the differences to shadow.differences.")
@click.option(
    "--gain",
    type=click.FloatRange(0.0, 1.0),
    default=LEAST_GAIN,
    show_default=True,
    help="Share by which log loss has to be smaller for the candidate to be deployed.",
)
@click.option(
    "--every",
    type=click.IntRange(1),
    default=EVERY,
    show_default=True,
    metavar="GAMES",
    help="With --follow: test again after so many more games are over.",
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object a test.")
@click.option("--quiet", is_flag=True, help="No progress.")
def shadow(
    candidate: Path | None,
    archive: Path | None,
    kafka: str | None,
    rules: str,
    changes: Sequence[str],
    since: str,
    follow: bool,
    out: Path | None,
    publish: bool,
    gain: float,
    every: int,
    as_json: bool,
    quiet: bool,
) -> None:
    """Fold the same inputs by what is in use and by a CANDIDATE, and say what the candidate would change.

    CANDIDATE is a folder of models, as for SHARPLINE_MODELS; it may be left out where only rules change. The
    inputs are those of an archive, or those that a cluster has kept; nothing of the running pipeline is
    disturbed. Over games that are over a paired test says whether the candidate is better.
    """
    # Here, since the libraries take most of a second to load.
    from pipeline.replay.live import Inputs, Publisher
    from pipeline.replay.run import inputs
    from pipeline.replay.shadow import Setup, Shadow

    settings = Settings.read()
    in_use = Rules.read(settings.rules)
    others = changed(Rules.read(rules) if rules else in_use, changes)
    if candidate is None and not rules and not changes:
        raise UsageError("no candidate named: give a folder of models, --rules FILE or --set NAME=VALUE")
    if archive is not None and follow:
        raise UsageError("an archive is not followed; leave --follow out")
    served = _served(candidate)
    from_ms = moment(since) if since else 0
    with ExitStack() as stack:
        sinks: list[Sink] = []
        if archive is not None:
            kept, partitions, live = inputs(archive, from_ms), settings.partitions, None
        else:
            live = stack.enter_context(closing(Inputs(named(kafka), from_ms)))
            kept, partitions = live.kept(), live.partitions
        if publish:
            sinks.append(stack.enter_context(closing(Publisher(named(kafka)))).send)
        if out is not None:
            writer = stack.enter_context(ArchiveWriter(out, partitions))
            sinks.append(lambda difference: writer.append(Publisher.TOPIC, difference))
        both = Shadow(Setup(in_use), Setup(others, candidate), partitions)
        run = _Run(both, sinks, quiet)
        try:
            for message in kept:
                run.take(message)
            if live is not None and follow:
                for _ in run.followed(live.to_come(), every):
                    run.tell(gain, as_json)
        except KeyboardInterrupt:
            if not follow:
                raise
    if not both.tally.inputs:
        raise UsageError(f"{archive or named(kafka)} has no input{f' from {since} on' if since else ''}")
    if served and not served & both.leagues:
        raise UsageError(
            f"{candidate} has a model of {', '.join(sorted(served))} and none of what was seen: "
            f"{', '.join(sorted(both.leagues))}"
        )
    run.left_out = live.left_out if live is not None else 0
    run.tell(gain, as_json)


def changed(rules: Rules, changes: Sequence[str]) -> Rules:
    """Rules with some of them changed, each given as ``name=value``. Raises UsageError."""
    fields = msgspec.to_builtins(rules)
    for change in changes:
        name, equals, value = change.partition("=")
        if not equals or name not in fields:
            raise UsageError(f"{change!r} is no rule and its value; the rules are {', '.join(fields)}")
        try:
            fields[name] = msgspec.json.decode(value)
        except msgspec.DecodeError:
            fields[name] = value  # a word needs no quotes
    try:
        return msgspec.convert(fields, Rules)
    except msgspec.ValidationError as error:
        raise UsageError(f"these are no rules: {error}") from error


def _served(candidate: Path | None) -> set[str]:
    """The leagues that a candidate's models serve; none where it has no models of its own."""
    if candidate is None:
        return set()
    from pipeline.models.boosted import MANIFEST
    from pipeline.replay.shadow import leagues_of

    if (candidate / MANIFEST).is_file():
        raise UsageError(f"{candidate} is one model; name the folder above it, which has one folder a sport")
    if not candidate.is_dir():
        raise UsageError(f"there is no folder of models at {candidate}")
    if found := leagues_of(candidate):
        return found
    raise UsageError(f"{candidate} holds no model: no <sport>/{MANIFEST}, no ratings/<league>.csv")


class _Run:
    """One run of a shadow: what differs goes to its sinks, progress to the person."""

    def __init__(self, both: "Shadow", sinks: Sequence[Sink], quiet: bool) -> None:
        from pipeline.replay.run import Digest

        self._both, self._sinks, self._quiet = both, sinks, quiet
        self._digest = Digest()
        self._said = 0
        self._started_s = self._told_s = time.monotonic()
        self.left_out = 0

    def take(self, message: "Message") -> None:
        """Fold an input on both sides and hand on what differs."""
        from pipeline.replay.archive import Message

        for difference in self._both.take(message):
            place = ("shadow.differences", difference.event_id, 0, self._said)
            self._digest.add(Message(*place, difference.received_at_ms, difference))
            self._said += 1
            for sink in self._sinks:
                sink(difference)
        self._progress()

    def followed(self, to_come: Iterator["Message | None"], every: int) -> Iterator[None]:
        """Take what comes, for ever; yields whenever so many more games are over."""
        tested = len(self._both.finished)
        for message in to_come:
            if message is None:
                self._progress()
                continue
            self.take(message)
            if len(self._both.finished) >= tested + every:
                tested = len(self._both.finished)
                yield

    def tell(self, gain: float, as_json: bool) -> None:
        """What differed so far, and what the paired test makes of it."""
        from pipeline.training.paired import compared

        comparison = compared(self._both.games(), gain)
        click.echo(self._json(comparison, gain) if as_json else "\n".join(self._lines(comparison, gain)))

    def _progress(self) -> None:
        now_s = time.monotonic()
        if self._quiet or now_s - self._told_s < 1.0:
            return
        self._told_s = now_s
        tally = self._both.tally
        at = datetime.fromtimestamp(tally.now_ms / 1000, UTC)
        rate = tally.inputs / (now_s - self._started_s)
        line = (
            f"{at:%Y-%m-%d %H:%M}Z  {tally.inputs:,} inputs  {rate:,.0f}/s"
            f"  {self._said:,} differences  {len(self._both.finished):,} games over"
            f"  {self._both.followed:,} events followed"
        )
        click.echo(f"\r{line}   " if sys.stderr.isatty() else line, err=True, nl=not sys.stderr.isatty())

    def _json(self, comparison: "Comparison", gain: float) -> str:
        both = self._both
        opportunities: dict[str, dict[str, int]] = {}
        for (kind, change), count in sorted(both.opportunities.items()):
            opportunities.setdefault(kind, {})[change] = count
        told: dict[str, Any] = {
            "baseline": both.made_with[0],
            "candidate": both.made_with[1],
            "inputs": both.tally.inputs,
            "events": len(both.tally.events),
            "left_out": self.left_out,
            "raised": both.buried,
            "differences": dict(sorted(both.differences.items())),
            "opportunities": opportunities,
            "digest": self._digest.hexdigest(),
            "learnt": both.learnt(),
            "comparison": msgspec.to_builtins(comparison),
            "verdict": verdict(comparison, gain),
        }
        return msgspec.json.encode(told).decode()

    def _lines(self, comparison: "Comparison", gain: float) -> Iterator[str]:
        both = self._both
        for name, made_with in zip(("baseline", "candidate"), both.made_with, strict=True):
            yield f"{name:<15}rules {made_with['rules']}, models {made_with['models']}"
        tally = both.tally
        yield f"{'inputs':<15}{tally.inputs:,} about {len(tally.events):,} events, {tally.ticks:,} ticks made"
        if self.left_out or any(both.buried):
            raised = " and ".join(f"{count:,}" for count in both.buried)
            yield f"{'left out':<15}{self.left_out:,} that cannot be read, {raised} on which a fold raised"
        topics = [f"{topic} {count:,}" for topic, count in both.differences.most_common()]
        yield f"{'differences':<15}{', '.join(topics) or 'none'}"
        for kind in sorted({kind for kind, _ in both.opportunities}):
            found = [
                f"{count:,} {change}"
                for (of, change), count in sorted(both.opportunities.items())
                if of == kind
            ]
            yield f"{kind:<15}{', '.join(found)}"
        yield f"{'digest':<15}{self._digest.hexdigest()}"
        yield from table(comparison)
        if any(learnt := both.learnt()):
            yield (
                f"{'no later than':<15}their models' last lesson: {learnt[0]:,} games of what is in use, "
                f"{learnt[1]:,} of the candidate; it takes games that neither has seen"
            )
        yield f"{'verdict':<15}{verdict(comparison, gain)}"


def table(comparison: "Comparison") -> Iterator[str]:
    """The paired test, each pair as what is in use and the candidate."""
    yield ""
    if comparison.forecasts:
        yield (
            f"{'in play':<15}{'games':>7}{'moments':>9}{'differ':>9}  {'log loss':<20}{'Brier':<20}"
            f"{'calibration error':<20}candidate above it, x 1/1000"
        )
        yield from map(_forecasts, comparison.forecasts)
        yield ""
    bets = comparison.bets
    yield f"{'value bets':<23}{'bets':>15}  {'mean':<22}candidate above it"
    yield f"{'published':<23}{_counts(bets.published):>15}"
    yield _money("closing-line value", bets.closing_line_value)
    yield _money("profit by unit staked", bets.profit)
    yield ""


def _forecasts(found: "Forecasts") -> str:
    pairs = "".join(
        f"{f'{before:.5f} {after:.5f}':<20}"
        for before, after in (found.log_loss, found.brier, found.calibration)
    )
    above = (
        f"{1000 * found.above.mean:+.2f} ({1000 * found.above.low:+.2f} to {1000 * found.above.high:+.2f})"
    )
    counts = f"{found.games:>7,}{found.moments:>9,}{found.differing:>9,}"
    return f"{found.league:<15}{counts}  {pairs}{above}  {found.verdict.value}"


def _money(name: str, found: "Money") -> str:
    means = " ".join("-" if mean is None else f"{mean:+.2%}" for mean in found.mean)
    above = found.above
    difference = f"{above.mean:+.2%} ({above.low:+.2%} to {above.high:+.2%})  " if above else ""
    return f"{name:<23}{_counts(found.bets):>15}  {means:<22}{difference}{found.verdict.value}"


def _counts(pair: tuple[int, int]) -> str:
    return f"{pair[0]:,} {pair[1]:,}"


def verdict(comparison: "Comparison", gain: float) -> str:
    """The verdict in a sentence: of the probabilities where they differ, else of the bets."""
    from pipeline.training.paired import LEAST_GAMES, Verdict

    found = comparison.forecasts[0] if comparison.forecasts else None
    if found is not None and found.differing:
        share = f"{abs(found.gain):.2%}"
        match found.verdict:
            case Verdict.BETTER if found.deploy:
                return f"better: log loss is {share} smaller, more than {gain:.0%}: deploy it"
            case Verdict.BETTER:
                return (
                    f"better: log loss is {share} smaller, but not more than {gain:.0%}: keep what is in use"
                )
            case Verdict.WORSE:
                return f"worse: log loss is {share} larger: keep what is in use"
            case Verdict.SAME:
                return "the same: probabilities differ, log loss does not: keep what is in use"
        if found.games < LEAST_GAMES:
            return f"cannot tell: {found.games} games are over, and it takes {LEAST_GAMES}"
        return "cannot tell: the interval of the difference in log loss holds 0: keep what is in use"
    bets = comparison.bets
    of_bets = {bets.closing_line_value.verdict, bets.profit.verdict}
    if not comparison.games:
        return "cannot tell: no game is over"
    if of_bets == {Verdict.SAME}:
        return "the same: no probability in play differs, and no value bet"
    line, profit = bets.closing_line_value.verdict.value, bets.profit.verdict.value
    return f"the probabilities are the same; of value bets: {line} by the closing line, {profit} by profit"
