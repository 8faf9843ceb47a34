"""The ground that the monkey plays on: topics, workers under load, what was done to them, what came of it."""

import random
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from pipeline import cluster
from pipeline.local.supervisor import Service
from pipeline.replay.verify import Verdict
from pipeline.settings import Settings
from tests.chaos.evidence import keep
from tests.chaos.fleet import Fleet
from tests.chaos.journal import Journal, Place
from tests.chaos.judging import CHAIN, judged, stage_named
from tests.processors.log import now_ms

#: A pipeline that stood still for longer has failed, whatever is right about its answers.
PATIENCE_S = 90.0
#: Of the simulator, times real time: some 65 snapshots and 8 plays a second. Of the chain, records a second.
SPEED, RATE = 20.0, 150.0
#: Between two looks after the processes.
BEAT_S = 0.02

Say = Callable[[str], None]


class StoodStill(Exception):
    """What should have happened did not, in all the time that it was given."""


@dataclass
class Blow:
    """One thing that was done, when (Unix ms), and how long the slowest partition then took to go on.

    ``delay_s`` is None where there was nothing to wait for, or the next blow fell before. ``held_s`` is how
    much of it the supervisor's back-off took.
    """

    kind: str
    on: str
    at_ms: int
    delay_s: float | None = None
    held_s: float = 0.0


@dataclass
class Outcome:
    """Of one scenario: what was done, how workers ended by themselves, and the verdict on each stage."""

    name: str
    blows: list[Blow] = field(default_factory=list)
    exits: dict[tuple[str, int], int] = field(default_factory=dict)
    verdicts: dict[str, Verdict] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)
    """Whatever else was not as it must be, a sentence each."""

    @property
    def holds(self) -> bool:
        """Nothing lost, nothing different, and no fault."""
        return not self.faults and all(verdict.holds for verdict in self.verdicts.values())

    def take(self, other: "Outcome") -> None:
        """Add the outcome of another part of the same scenario."""
        self.blows += other.blows
        self.exits |= other.exits
        self.verdicts |= other.verdicts
        self.faults += other.faults


class Ground:
    """Stages on a broker, with workers and a load; made by `ground`."""

    def __init__(
        self,
        name: str,
        bootstrap: str,
        stages: Sequence[str],
        seed: int,
        folder: Path,
        say: Say,
        settings: Settings,
    ) -> None:
        self.bootstrap, self.stages, self.folder, self.say = bootstrap, stages, folder, say
        self.settings = settings
        cluster.create_topics(bootstrap, self.settings, map(stage_named, stages))
        #: A string seeds it alike in every process, whatever the hash seed.
        self.random = random.Random(f"{name}/{seed}")
        self.outcome = Outcome(name)
        self.fleet = Fleet(bootstrap, folder, lambda _: None)
        self.journal = Journal(bootstrap, stages, self.settings.partitions)
        self._seed = seed
        self._load: Service | None = None

    def start(self, workers: dict[str, int], speed: float = SPEED, rate: float = RATE) -> None:
        """Start workers of each stage and the load, and wait until all go on."""
        self.journal.start()
        for stage, count in workers.items():
            for number in range(count):
                self.fleet.add(stage, f"w{number}")
        self.load(speed, rate)
        self.until("every stage has rows", lambda: all(map(self.journal.last_ms, self.stages)))

    def load(self, speed: float = SPEED, rate: float = RATE) -> None:
        """Start the simulator, so much faster than life, or for the chain so many records a second."""
        if CHAIN.name in self.stages:
            command = ["-m", "tests.chaos.load", str(self._seed), str(rate)]
        else:
            command = ["-m", "producers", "simulator", "--seed", str(self._seed), "--events", "5000"]
            command += ["--speed", str(speed)]
        self._load = self.fleet.beside("load", command)

    def rest(self, seconds: float) -> None:
        """Let time pass; what dies meanwhile is started again."""
        until_s = time.monotonic() + seconds
        while time.monotonic() < until_s:
            self.fleet.look_after()
            time.sleep(BEAT_S)

    def until(self, what: str, holds: Callable[[], bool], patience_s: float = PATIENCE_S) -> None:
        """Let time pass until something holds. Raises StoodStill."""
        until_s = time.monotonic() + patience_s
        while not holds():
            if time.monotonic() > until_s:
                raise StoodStill(f"not within {patience_s:.0f} s: {what}")
            self.rest(BEAT_S)

    def strike(
        self,
        kind: str,
        on: str,
        act: Callable[[], object],
        stages: Iterable[str],
        victim: Service | None = None,
        before: "Struck | None" = None,
    ) -> "Struck":
        """Do something to the stages, and note when; ``victim`` is the worker that dies of it.

        ``before`` is a blow after which they have not yet gone on.
        """
        at_ms = now_ms()
        busy = {place for stage in stages for place in self.journal.busy(stage, at_ms)}
        busy |= before.busy if before is not None else set()
        act()
        blow = Blow(kind, on, at_ms)
        self.outcome.blows.append(blow)
        return Struck(self, blow, busy, victim)

    def note(self, kind: str, on: str, at_ms: int, delay_s: float) -> None:
        """Note what followed from a blow besides."""
        self.outcome.blows.append(Blow(kind, on, at_ms, delay_s))
        self.say(f"{kind} {on}: {delay_s:.1f} s")

    def count(self, what: str, times: int = 1) -> None:
        """Note what was done where there is nothing to wait for."""
        self.outcome.blows += [Blow(what, "", now_ms()) for _ in range(times)]
        self.say(f"{what}, {times} times" if times > 1 else what)

    def drain(self) -> None:
        """End the load, and wait until everything is read and every worker has stopped."""
        if self._load is not None and (code := self.fleet.ended(self._load)):
            self.fault(f"the load ended with {code}: {self._load.last_words(3)}")
        stages = [stage_named(stage) for stage in self.stages]
        self.until("no lag", lambda: not any(cluster.lag(self.bootstrap, stages).values()))
        self.until("every worker is ready", self.fleet.are_ready)
        for worker in self.fleet.workers():
            self.fleet.remove(worker)
        self.until("every worker has stopped", self.fleet.has_left)
        if bad := [code for code in self.fleet.stopped if code != 0]:
            self.fault(f"workers that were asked to stop ended with {bad}")

    def judge(self) -> None:
        """Judge every stage; needs nothing but the broker."""
        for stage in self.stages:
            self.say(f"judging {stage}")
            verdict = self.outcome.verdicts[stage] = judged(self.bootstrap, stage)
            for place in verdict.lost[:3]:
                self.say(f"{stage} lost {place}")
            for difference in verdict.differences[:3]:
                self.say(f"{stage}: {difference}"[:2000])
            if not verdict.holds:
                self.say(f"evidence is kept in {keep(self.bootstrap, stage, verdict, self.folder)}")
            if unjudged := verdict.waiting + verdict.in_flight + verdict.unchecked.total():
                self.fault(f"{unjudged} records of {stage} could not be judged: {dict(verdict.unchecked)}")

    def fault(self, sentence: str) -> None:
        """Note what is not as it must be."""
        self.say(f"FAULT {sentence}")
        self.outcome.faults.append(sentence)


class Struck:
    """A blow that fell, until the pipeline goes on."""

    def __init__(self, ground: Ground, blow: Blow, busy: set[Place], victim: Service | None) -> None:
        self._ground, self.blow, self.busy, self._victim = ground, blow, busy, victim
        self._fell_s = time.monotonic()

    def goes_on(self) -> bool:
        """Whether every partition that was busy has applied a new input since."""
        at_ms = self._ground.journal.went_on_ms(self.busy, self.blow.at_ms)
        if at_ms is None:
            return False
        self.blow.delay_s = (at_ms - self.blow.at_ms) / 1000 if self.busy else None
        if self._victim is not None:
            self.blow.held_s = max(0.0, self._victim.started_at_s - self._fell_s)
        return True

    def await_going_on(self) -> None:
        """Wait until it does, and say how long it took."""
        said = f"{self.blow.kind} {self.blow.on}"
        self._ground.until(f"the next record of every partition after {said}", self.goes_on)
        after = "" if self.blow.delay_s is None else f": next record after {self.blow.delay_s:.1f} s"
        held = f", {self.blow.held_s:.1f} s of it back-off" if self.blow.held_s > BEAT_S * 5 else ""
        self._ground.say(said + after + held)

    def await_change(self, done: Callable[[], bool]) -> None:
        """Wait until partitions were given out anew and go on; what counts is the longest standstill."""
        said = f"{self.blow.kind} {self.blow.on}"
        self._ground.until(f"{said} is done", done)
        done_ms = now_ms()
        journal = self._ground.journal
        self._ground.until(
            f"the next record of every partition after {said}",
            lambda: journal.went_on_ms(self.busy, done_ms) is not None,
        )
        until_ms = journal.went_on_ms(self.busy, done_ms) or done_ms
        self.blow.delay_s = journal.standstill_ms(self.busy, self.blow.at_ms, until_ms) / 1000
        self._ground.say(f"{said}: stood still for {self.blow.delay_s:.1f} s")


@contextmanager
def ground(
    name: str,
    bootstrap: str,
    stages: Sequence[str],
    seed: int,
    folder: Path,
    say: Say,
    settings: Settings | None = None,
) -> Iterator[Ground]:
    """Topics on a broker and what runs on them; everything is ended, and the outcome is whole, afterwards."""
    made = Ground(name, bootstrap, stages, seed, folder, say, settings or Settings())
    try:
        yield made
    except StoodStill as error:
        made.fault(str(error))
    finally:
        made.outcome.exits = dict(made.fleet.exits)
        if made.outcome.exits:
            say(f"workers that ended by themselves, by stage and exit code: {made.outcome.exits}")
        made.fleet.end()
        if made.journal.is_alive():
            made.journal.stop()
