"""``python -m producers``, which is what ``sharpline produce`` becomes."""

import itertools
import signal
import sys
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import TextIO

import click

from pipeline import health, telemetry
from pipeline.errors import SharplineError, TimeRunsBackwards, UsageError
from pipeline.records import ClockTick, Record
from pipeline.replay.tail import moment
from pipeline.settings import Settings
from pipeline.topics import topic_of
from producers import recorded
from producers.live.command import POLLED, Wanted, named, poll, refuse_what_is_not_polled
from producers.pace import Due, paced, timetable
from producers.publish import ArchiveLog, KafkaLog, Log
from producers.resume import Held, rest_of
from producers.sources import (
    espn,
    football_data_co_uk,
    football_data_org,
    nba_pbp,
    nflverse,
    retrosheet,
    the_odds_api,
    wyscout,
)
from producers.tally import UNREAD

SOURCES = (
    "simulator",
    "recorded",
    the_odds_api.NAME,
    nflverse.NAME,
    nba_pbp.NAME,
    retrosheet.NAME,
    wyscout.NAME,
    football_data_co_uk.NAME,
    espn.NAME,
    football_data_org.NAME,
    "live",
)
#: Where simulated time starts in an archive, so that the same seed makes the same bytes.
ARCHIVE_STARTS_AT_MS = 1_767_225_600_000  # 2026-01-01T00:00Z
#: Between two lines of progress.
PROGRESS_S = 5.0
#: A wait is cut into pieces of this length, so that a signal is heard.
SLICE_S = 0.1
#: Longer than a flush before a tick takes: then it hangs, or its records do.
LIVE_S, READY_S = 60.0, 10.0


class Stop:
    """Set by SIGTERM and SIGINT: the record at hand is finished, then everything is flushed."""

    def __init__(self) -> None:
        self.asked = False
        self.heard_at_s = time.monotonic()
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._ask)

    def _ask(self, *_: object) -> None:
        self.asked = True

    def wait(self, seconds: float, log: Log) -> bool:
        """Let time pass; True as soon as it is to stop."""
        self.heard_at_s = time.monotonic()
        end_s = time.monotonic() + seconds
        while not self.asked and (left_s := end_s - time.monotonic()) > 0:
            log.rest(min(left_s, SLICE_S))
            self.heard_at_s = time.monotonic()
        return self.asked


class Progress:
    """A line every few seconds on stderr."""

    def __init__(self, shown: bool) -> None:
        self.shown = shown
        self.started_s = self.told_s = time.monotonic()

    def tell(self, log: Log) -> None:
        """Say how far it is, where it is time to."""
        if not self.shown or (now_s := time.monotonic()) - self.told_s < PROGRESS_S:
            return
        self.told_s = now_s
        tally, count = log.tally, log.tally.records.total()
        at = datetime.fromtimestamp(tally.now_ms / 1000, UTC)
        rate = count / (now_s - self.started_s)
        click.echo(
            f"{at:%Y-%m-%d %H:%M:%S}Z  {count:,} records  {tally.lines:,} lines  {rate:,.0f}/s", err=True
        )


EPILOG = """\b
Examples:
  sharpline produce simulator --seed 7 --events 40
  sharpline produce simulator --seed 7 --to evening/ --truth truth.jsonl
  sharpline produce recorded nfl.jsonl.xz pbp_2025.csv.gz --speed 600
  sharpline produce the-odds-api nfl.jsonl.xz --to polls/
  sharpline produce nflverse pbp_2025.csv.gz --to plays/
  sharpline produce nba-pbp nba/games_2015_16.csv.gz nba/pbp_2015_16.csv.gz --to season/
  sharpline produce retrosheet events_2019_2020.csv.gz --to innings/
  sharpline produce wyscout matches.csv.gz events.csv.gz --to matches/
  sharpline produce football-data-co-uk 2019-2020/*.csv.gz --to season/
  sharpline produce the-odds-api --sports nfl,nba --regions us,eu --markets h2h,spreads,totals
  sharpline produce the-odds-api --sports nfl --from 2025-09-14 --until 2025-09-15 --to sunday/
  sharpline produce espn --sports nfl
  sharpline produce football-data-org --sports epl
  sharpline produce live --sports nfl,epl
"""


@click.command(epilog=EPILOG, context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("source", type=click.Choice(SOURCES))
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path))
@click.option(
    "--to",
    "target",
    default="kafka",
    metavar="kafka|DIR",
    show_default=True,
    help="A Kafka cluster, or a new folder for an archive that replay reads.",
)
@click.option(
    "--speed",
    type=click.FloatRange(0),
    default=None,
    metavar="N",
    help="N times real time, 0 for as fast as it goes; default is 1 to Kafka, 0 to an archive.",
)
@click.option(
    "--from",
    "since",
    default=None,
    metavar="TIME",
    help="Start recorded files here, as 2025-09-14T16:00Z; default is an hour before the first game"
    " that all kinds of files share.",
)
@click.option(
    "--until",
    default=None,
    metavar="TIME",
    help="Fetch odds of the past from --from until here into an archive; for the-odds-api with --sports.",
)
@click.option("--seed", type=int, default=None, metavar="N", help="Of the simulator; default is 1.")
@click.option(
    "--events",
    type=click.IntRange(1, 10_000),
    default=None,
    metavar="N",
    help="Games of the simulator; default is 40.",
)
@click.option(
    "--truth",
    type=click.Path(path_type=Path, dir_okay=False),
    default=None,
    metavar="FILE",
    help="Where the simulator writes what was true.",
)
@click.option(
    "--sports", default=None, metavar="LEAGUES", help="Leagues to poll, as nfl,nba; default is all."
)
@click.option("--regions", default=None, help="Regions of books to poll, as us,eu; default is us.")
@click.option(
    "--markets", default=None, help="Kinds of market to poll, as h2h,btts; default is h2h,spreads,totals."
)
@click.option(
    "--clock/--no-clock",
    default=None,
    help="Whether this process stands ready to make the ticks while it polls; default is that it does.",
)
@click.option(
    "--check", is_flag=True, default=None, help="Only say what would be polled, and what lacks a key."
)
@click.option("--base-url", default=None, hidden=True, help="Ask here instead, /SOURCE before each path.")
@click.option(
    "--kafka", default=None, metavar="ADDRESS", help="Bootstrap address; default is SHARPLINE_KAFKA."
)
@click.option(
    "--port", type=int, default=0, help="Serve /metrics, /livez and /readyz here; 0 for not at all."
)
@click.option(
    "--host", default="127.0.0.1", show_default=True, help="Address for that port; 0.0.0.0 in a container."
)
@click.option(
    "--progress/--no-progress", default=None, help="A line every 5 s; default is in a terminal only."
)
def main(
    source: str,
    paths: tuple[Path, ...],
    target: str,
    speed: float | None,
    since: str | None,
    until: str | None,
    seed: int | None,
    events: int | None,
    truth: Path | None,
    sports: str | None,
    regions: str | None,
    markets: str | None,
    clock: bool | None,
    check: bool | None,
    base_url: str | None,
    kafka: str | None,
    port: int,
    host: str,
    progress: bool | None,
) -> None:
    """Publish odds and game events from a source.

    SOURCE is `simulator`; `recorded`, which takes files of any known kind together on one clock; or one of
    the others, which take files of that kind alone: docs/recorded-data.md. Started again with the same
    command it goes on where the log ends. Without files `the-odds-api`, `espn`, `football-data-org`, and all
    of them as `live`, are polled: docs/live.md.
    """  # fmt: skip
    try:
        settings = Settings.read()
        telemetry.log_to_stderr(settings.log, settings.log_level)
        wanted = Wanted(sports, regions, markets, clock, check, base_url)
        if until is not None:
            _fetch_past(source, paths, wanted, since, until, target, kafka or settings.kafka, settings)
            return
        if source in POLLED and not (paths and source == the_odds_api.NAME):
            own = {"--speed": speed, "--from": since, "--seed": seed, "--events": events, "--truth": truth}
            refuse_what_is_not_polled(source, paths, target, own)
            poll(source, wanted, settings, kafka or settings.kafka, port, host)
            return
        if given := wanted.given():
            raise UsageError(f"{given[0]} belongs to sources that are polled; files have what they have")
        stop = Stop()
        simulated = source == "simulator"
        _suit(simulated, paths, since, {"--seed": seed, "--events": events, "--truth": truth})
        recording = None
        if not simulated:
            from_ms = None if since is None else moment(since)
            recording = recorded.look(paths, "" if source == "recorded" else source, from_ms)
        to_kafka = target == "kafka"
        with ExitStack() as opened:
            log: Log = (
                KafkaLog(named(kafka or settings.kafka))
                if to_kafka
                else ArchiveLog(Path(target), settings.partitions)
            )
            if port:
                health.serve(
                    port,
                    live=lambda: time.monotonic() - stop.heard_at_s < LIVE_S,
                    ready=lambda: time.monotonic() - log.safe_at_s < READY_S,
                    registry=telemetry.Part("producers"),
                    host=host,
                )
            if recording is not None:
                for line in recording.summary():
                    click.echo(line, err=True)
                records = recording.records(lambda reason, where: log.tally.refuse(UNREAD, reason, where))
            else:
                words = opened.enter_context(_writable(truth)) if truth else None
                # An evening that was begun goes on: its first tick is of its first second.
                begun_at_ms = log.held().first_tick_ms or _this_second_ms()
                starts_at_ms = begun_at_ms if to_kafka else ARCHIVE_STARTS_AT_MS
                records = simulated_games(seed, events, starts_at_ms, words)
            pace = speed if speed is not None else 1.0 if to_kafka else 0.0
            shown = Progress(sys.stderr.isatty() if progress is None else progress)
            play(records, log, pace, stop, shown)
        for line in [*(recording.summary() if recording else []), *log.tally.report()]:
            click.echo(line)
    except SharplineError as error:
        click.echo(f"sharpline: {error}", err=True)
        sys.exit(2)


def play(records: Iterable[Record], log: Log, speed: float, stop: Stop, progress: Progress) -> None:
    """Send everything in its time, until it ends or is stopped; then wait until all of it is safe.

    Goes on where the log has the beginning of it: see `producers.resume`.

    Raises
    ------
    TimeRunsBackwards
        Where the first record lies before the last tick of the log, and the log does not begin with it.
    AnotherLog
        Where the log begins as the records do, and goes on otherwise.
    """
    due = onward(timetable(records, speed), log.held(), log.partitions)
    try:
        for due_at_s, record in paced(due, time.monotonic, lambda s: stop.wait(s, log)):
            log.send(record)
            if speed:
                delay_s = max(0.0, time.monotonic() - due_at_s)
                telemetry.RECEIVE_TO_APPEND_SECONDS.labels(topic_of(type(record)).name).observe(delay_s)
            progress.tell(log)
    finally:
        log.close()


def onward(due: Iterator[Due], held: Held, partitions: int) -> Iterator[Due]:
    """What of a timetable is to be sent to a log that holds something already; raises as `play`."""
    first = next(due, None)
    if first is None:
        return iter(())
    assert isinstance(first.record, ClockTick)
    whole, begins_ms = itertools.chain([first], due), first.record.received_at_ms
    if begins_ms == held.first_tick_ms:
        return rest_of(whole, held, partitions)
    if begins_ms < held.last_tick_ms:
        begins, ticked = (
            datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%SZ")
            for ms in (begins_ms, held.last_tick_ms)
        )
        raise TimeRunsBackwards(
            f"this source begins at {begins} and the log has already ticked to {ticked}; time never"
            " runs backwards in a log: use a fresh one (`sharpline up --data NEW_FOLDER`) or begin later with"
            " --from"
        )
    return whole


def simulated_games(
    seed: int | None, events: int | None, starts_at_ms: int, truth: TextIO | None
) -> Iterator[Record]:
    """The simulator's records."""
    from producers.simulator import simulate  # late: recorded days need none of it

    return simulate(1 if seed is None else seed, 40 if events is None else events, starts_at_ms, truth)


def _fetch_past(
    source: str, paths: tuple[Path, ...], wanted: Wanted, since: str | None, until: str, target: str,
    kafka: str, settings: Settings,
) -> None:  # fmt: skip
    from producers.live import past  # late: files need no HTTP

    if source != the_odds_api.NAME or paths:
        raise UsageError(f"--until belongs to {the_odds_api.NAME} without files, which has odds of the past")
    from_ms = None if since is None else moment(since)
    for line in past.produce(wanted, from_ms, moment(until), target, kafka, settings).tally.report():
        click.echo(line)


def _suit(simulated: bool, paths: tuple[Path, ...], since: str | None, own: dict[str, object]) -> None:
    if simulated and (paths or since is not None):
        raise UsageError(
            "the simulator takes no files and no --from; recorded files need the source `recorded`"
        )
    if not simulated and (given := [name for name, value in own.items() if value is not None]):
        raise UsageError(f"{given[0]} belongs to the simulator; recorded files have their own truth")


def _writable(path: Path) -> TextIO:
    try:
        return path.open("w", encoding="utf-8")
    except OSError as error:
        raise UsageError(f"{path} cannot be written: {error.strerror or error}") from error


def _this_second_ms() -> int:
    return int(time.time()) * 1000


if __name__ == "__main__":
    main(prog_name="sharpline produce")
