"""``sharpline up``: the whole pipeline on this machine, one process for each part, and a live view of it."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import click
from rich.console import Console
from rich.live import Live

from pipeline import cluster, health, telemetry
from pipeline.cli.verify import all_verified, tell
from pipeline.errors import SharplineError, UsageError
from pipeline.local import children
from pipeline.local.broker import Broker, broker
from pipeline.local.parts import Target, parts, prometheus, tell_prometheus
from pipeline.local.supervisor import Supervisor
from pipeline.local.view import Flow, Seen, follow, picture, plain
from pipeline.settings import Settings, database_url
from pipeline.stages import STAGES
from pipeline.topics import ANSWERS

PORT = 8642
#: Unless set: enough to verify what one sees, and little disk.
JOURNAL_HOURS = "1"
SPEEDS = {"simulator": 20.0}
SIMULATED = {"simulator": "  (simulated: no game, book or price in it is real)"}
#: As `producers` has them: asked as time passes, not at a speed.
POLLED = ("live", "espn", "football-data-org")
FLOWING = ("odds.snapshots", "games.events", *ANSWERS)
FLOW_S, PLAIN_S = 2.0, 5.0
#: For the producer to end, and for the folds to read what it has sent.
STOPS_S, READ_OUT_S = 10.0, 120.0


@click.command(
    epilog="Example: sharpline up --source recorded polls/nfl.jsonl.xz plays/pbp_2025.csv.gz --speed 600",
)
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path))
@click.option(
    "--source",
    default="simulator",
    show_default=True,
    help="simulator, recorded, live (all that can be polled), or one source by its name.",
)
@click.option("--sports", help="Leagues that live sources are asked for, as nfl,nba; default is all.")
@click.option("--regions", help="Regions of books that live sources are asked for, as us,eu.")
@click.option("--markets", help="Kinds of market that live sources are asked for, as h2h,totals.")
@click.option("--base-url", hidden=True, help="Ask here instead of the live sources' own addresses.")
@click.option(
    "--for", "seconds", type=click.FloatRange(min=0.1), metavar="SECONDS", help="Stop after so long."
)
@click.option(
    "--speed",
    type=click.FloatRange(min=0.0),
    help="Times real time, 0 as fast as it goes; default is 20 for the simulator, 60 for recorded files.",
)
@click.option("--seed", type=int, help="Of the simulator.")
@click.option("--events", type=click.IntRange(1, 10_000), help="Games to simulate.")
@click.option("--from", "since", metavar="TIME", help="Where recorded data begins, as 2025-09-14T16:00Z.")
@click.option("--port", default=PORT, show_default=True, help="Of the gateway.")
@click.option(
    "--prometheus",
    "prometheus_port",
    type=click.IntRange(1, 65_535),
    metavar="PORT",
    help="Watch all of it with the machine's Prometheus, there.",
)
@click.option(
    "--verify", "verifies", is_flag=True, help="At the end fold all again and compare; 1 if it differs."
)
@click.option(
    "--data",
    type=click.Path(path_type=Path),
    help="Keep log, rows and logs here; default is a folder that goes.",
)
def up(
    paths: tuple[Path, ...],
    source: str,
    sports: str | None,
    regions: str | None,
    markets: str | None,
    base_url: str | None,
    seconds: float | None,
    speed: float | None,
    seed: int | None,
    events: int | None,
    since: str | None,
    port: int,
    prometheus_port: int | None,
    verifies: bool,
    data: Path | None,
) -> None:
    """Run the whole pipeline on this machine until Ctrl-C: broker, topics, folds, gateway, producer.

    Needs nothing running: it brings its own Kafka unless SHARPLINE_KAFKA names one. Ends all that it started.
    Where DATABASE_URL names a Postgres, every answer is kept there (docs/history.md).
    """
    for path in paths:
        if not path.exists():
            raise UsageError(f"there is no {path}")
    _require_free(port)
    if prometheus_port is not None:
        _require_free(prometheus_port, "--prometheus")
    polled = {"--sports": sports, "--regions": regions, "--markets": markets, "--base-url": base_url}
    if speed is None and not _is_polled(source, paths):
        speed = SPEEDS.get(source, 60.0)
    given = {"--speed": speed, "--seed": seed, "--events": events, "--from": since, **polled}
    options = [text for name, value in given.items() if value is not None for text in (name, str(value))]
    console = Console(stderr=False)
    if _is_polled(source, paths):
        _tell_what_is_polled([source, *options], console)
    # A kill is a request to stop like Ctrl-C: the processes below must not outlive us.
    signal.signal(signal.SIGTERM, _interrupt)
    signal.signal(signal.SIGHUP, _interrupt)
    started_s, holds = time.monotonic(), not verifies
    try:
        with _folder(data) as home, broker(home / "broker", say=console.print) as kafka:
            console.print(f"Kafka       {kafka.bootstrap} ({kafka.kind})")
            notes: deque[str] = deque(maxlen=4)
            supervisor = Supervisor({"SHARPLINE_KAFKA": kafka.bootstrap}, notes.append)
            try:
                command = [source, *map(str, paths), *options]
                _start(supervisor, home, port, prometheus_port, command, kafka.bootstrap, console)
                console.print(
                    f"ready       after {time.monotonic() - started_s:.1f} s; Ctrl-C stops everything"
                )
                with _until_interrupted(verifies):
                    _watch(supervisor, kafka, port, notes, console, started_s, seconds)
                if verifies:
                    _read_out(supervisor, kafka.bootstrap, console)
            finally:
                supervisor.stop()
            if verifies:
                found = all_verified(kafka.bootstrap, STAGES, quiet=False, console=console)
                tell(found, console)
                holds = all(verdict.holds for verdict in found)
    except KeyboardInterrupt:
        pass
    console.print("stopped")
    sys.stdout.flush()
    # Not sys.exit: librdkafka's handles wait for their broker as the interpreter ends, and it is gone.
    os._exit(0 if holds else 1)


def _is_polled(source: str, paths: tuple[Path, ...]) -> bool:
    return source in POLLED or (source == "the-odds-api" and not paths)


def _tell_what_is_polled(command: list[str], console: Console) -> None:
    """Say which sources have what they need, before anything starts. Raises UsageError where none has."""
    asked = subprocess.run(
        [sys.executable, "-m", "producers", *command, "--check"], capture_output=True, text=True, check=False
    )
    if asked.returncode:
        raise UsageError(asked.stderr.strip().removeprefix("sharpline: "))
    for line in (asked.stdout + asked.stderr).splitlines():
        what, _, which = line.partition(": ")
        console.print(f"{what:<12}{which}", soft_wrap=True, highlight=False)


@contextmanager
def _until_interrupted(verifies: bool) -> Iterator[None]:
    """Where something comes after it, Ctrl-C ends only this; the next one ends everything."""
    try:
        yield
    except KeyboardInterrupt:
        if not verifies:
            raise


def _read_out(supervisor: Supervisor, bootstrap: str, console: Console) -> None:
    """Stop the producer and let the folds read all that there is. Raises UsageError if they do not."""
    console.print("verify      the producer stops, the folds read to the end")
    for service in supervisor.services:
        if not service.endless and service.process is not None:
            children.stop(service.process, STOPS_S)
            service.process = None
    deadline = time.monotonic() + READ_OUT_S
    while any((left := cluster.lag(bootstrap, STAGES.values())).values()):
        if time.monotonic() > deadline:
            raise UsageError(f"{left} records are still to be read after {READ_OUT_S:.0f} s; not verified")
        supervisor.look_after()
        time.sleep(0.2)


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


def _require_free(port: int, option: str = "--port") -> None:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            raise UsageError(f"port {port} is in use; choose another with {option}") from None


@contextmanager
def _folder(data: Path | None) -> Iterator[Path]:
    if data is not None:
        try:
            data.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UsageError(f"{data} cannot be used: {error}") from error
        yield data
        return
    home = Path(tempfile.mkdtemp(prefix="sharpline-"))
    try:
        yield home
    finally:
        shutil.rmtree(home, ignore_errors=True)


def _start(
    supervisor: Supervisor,
    home: Path,
    port: int,
    prometheus_port: int | None,
    source: list[str],
    bootstrap: str,
    console: Console,
) -> None:
    """Topics, folds and gateway side by side, then, when all are ready, the producer and what watches."""
    settings = Settings.read({"SHARPLINE_JOURNAL_HOURS": JOURNAL_HOURS, **os.environ})
    cluster.create_topics(bootstrap, settings, STAGES.values())
    made = parts(home, port, source, stored=bool(database_url()))
    own = health.serve(0, live=lambda: True, ready=lambda: True, registry=telemetry.Part("supervisor"))
    targets = [*made.targets, Target("supervisor", "supervisor", own)]
    watched = tell_prometheus(home, targets)
    watching = [made.lag_exporter, *made.sinks]
    if prometheus_port is not None:
        watching.append(prometheus(watched, prometheus_port))
    awaited = [*made.folds, made.gateway]
    for part in awaited:
        supervisor.start(part)
    supervisor.await_ready(awaited)

    def tell(what: str, words: str) -> None:
        console.print(f"{what:<12}{words}", soft_wrap=True)

    tell("gateway", f"http://127.0.0.1:{port}   stream ws://127.0.0.1:{port}/v1/stream")
    tell("metrics", "  ".join(f"{target.app} {target.url}/metrics" for target in targets))
    if prometheus_port is not None:
        tell("prometheus", f"http://127.0.0.1:{prometheus_port}")
    if made.sinks:
        tell("history", f"http://127.0.0.1:{port}/v1/events/<id>/history")
    tell("logs", str(made.producer.log.parent))
    tell("source", f"{' '.join(source)}{SIMULATED.get(source[0], '')}")
    for part in (made.producer, *watching):
        supervisor.start(part)


def _watch(
    supervisor: Supervisor,
    kafka: Broker,
    port: int,
    notes: deque[str],
    console: Console,
    started_s: float,
    seconds: float | None,
) -> None:
    """Show what goes on, and keep it going, until told to stop."""
    seen, stop = Seen(started_s=started_s), threading.Event()
    stream = threading.Thread(
        target=follow, args=(f"ws://127.0.0.1:{port}/v1/stream", seen, stop), daemon=True
    )
    stream.start()
    flows = _Flows(kafka.bootstrap)
    live = Live(console=console, refresh_per_second=4, transient=True) if console.is_terminal else None
    said_s, first = 0.0, 0.0
    try:
        if live:
            live.start()
        while seconds is None or time.monotonic() - started_s < seconds:
            time.sleep(0.1)
            supervisor.look_after()
            if not kafka.is_running():
                notes.append("the broker died; starting it again on its data")
                kafka.restart()
            if seen.first_arbitrage_s and not first:
                first = seen.first_arbitrage_s
                console.print(f"first arbitrage on the socket {first:.1f} s after the start")
            if live:
                live.update(picture(seen, flows.now, notes, console.height))
            elif time.monotonic() - said_s >= PLAIN_S:
                said_s = time.monotonic()
                while notes:
                    console.print(notes.popleft(), soft_wrap=True)
                console.print(plain(seen, flows.now), soft_wrap=True, highlight=False)
    finally:
        stop.set()
        flows.stop.set()
        if live:
            live.stop()


class _Flows:
    """Asks the broker for lags and rates every other second, off the main thread."""

    def __init__(self, bootstrap: str) -> None:
        self.now, self.stop = Flow({}, {}), threading.Event()
        self._bootstrap = bootstrap
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        before: dict[str, int] = {}
        asked_s = time.monotonic()
        while not self.stop.wait(FLOW_S):
            try:
                lag, ends = (
                    cluster.lag(self._bootstrap, STAGES.values()),
                    cluster.ends(self._bootstrap, FLOWING),
                )
            except SharplineError:  # the broker is away; the main thread says so and starts it again
                continue
            now_s = time.monotonic()
            rates = {t: (end - before[t]) / (now_s - asked_s) for t, end in ends.items() if t in before}
            self.now, before, asked_s = Flow(lag, rates), ends, now_s
