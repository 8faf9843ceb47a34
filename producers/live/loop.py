"""One loop for all polled sources: what is due is asked, so much at once, and what fails fails alone."""

import asyncio
import logging
import random
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import msgspec

from pipeline.errors import PayloadChanged, Refused
from pipeline.telemetry import say
from producers.live.budget import Budget
from producers.live.call import Answer, Call, Config, Failure, Health, Source, Why
from producers.live.control import Controls
from producers.live.fetch import Fetcher, Secret, Validators
from producers.live.gate import SourceGate
from producers.live.intake import Intake
from producers.live.known import Known
from producers.live.turns import UNASKED, Key, Turn, due_at_ms, key, standbys
from producers.publish import Log

#: Of one source, at once.
MOST_AT_ONCE = 5
#: Of the pace: polls of many processes shall not fall together.
JITTER = 0.1
#: The longest that the loop sleeps: then it looks whether a source was stopped, or a game has begun.
LOOK_S = 0.25
#: A source that will not have our key is asked this much later.
WRONG_KEY_S = 300.0
#: What a parser with an error of its own raises: its other answers, and other sources, go on.
_BUGS = (LookupError, TypeError, ValueError, ArithmeticError, AttributeError)

logger = logging.getLogger(__name__)


class Polled(NamedTuple):
    """A source with all that it takes to ask it."""

    source: Source
    config: Config
    secret: Secret
    gate: SourceGate
    intake: Intake
    budget: Budget | None = None


class Loop:
    """Asks sources until it is told to stop.

    ``games`` is what their intakes tell of what they append.
    """

    def __init__(
        self,
        polled: Sequence[Polled],
        log: Log,
        games: Known,
        health: Health,
        controls: Controls,
        fetcher: Fetcher,
        now_ms: Callable[[], int],
        rng: random.Random,
    ) -> None:
        self._polled = {one.source.NAME: one for one in polled}
        self._log, self._games, self._health, self._controls = log, games, health, controls
        self._fetcher, self._now_ms, self._rng = fetcher, now_ms, rng
        self._turns: dict[Key, Turn] = {}
        self._validators: dict[Key, Validators] = {}
        self._needless: frozenset[Key] = frozenset()
        self._worth: dict[str, Mapping[Key, int]] = {}
        self._busy: Counter[str] = Counter()
        self._off: set[str] = set()
        self._running: set[asyncio.Task[None]] = set()
        self._ended = asyncio.Event()

    async def run(self, stop: asyncio.Event) -> None:
        """Ask what is due until ``stop`` is set. Raises what the log raises."""
        stopped = asyncio.ensure_future(stop.wait())
        try:
            async with asyncio.TaskGroup() as tasks:
                while not stop.is_set():
                    self._log.rest(0)
                    self._obey()
                    self._ended.clear()
                    next_s = self._start_what_is_due(tasks)
                    ended = asyncio.ensure_future(self._ended.wait())
                    await asyncio.wait((stopped, ended), timeout=next_s, return_when=asyncio.FIRST_COMPLETED)
                    ended.cancel()
                for task in self._running:
                    task.cancel()
        except BaseExceptionGroup as group:
            raise group.exceptions[0] from None
        finally:
            stopped.cancel()

    def _obey(self) -> None:
        """Stop and start sources as was said meanwhile."""
        for control in self._controls.news():
            source = control.source
            if source not in self._polled or control.off == (source in self._off):
                continue
            if control.off:
                self._off.add(source)
            else:
                self._off.discard(source)
                self._polled[source].intake.tell_in_full()
                self._turns = {place: turn for place, turn in self._turns.items() if place[0] != source}
            say(logger, "source stopped" if control.off else "source started", source=source)
            self._health.switched(source, control.off, self._now_ms())

    def _start_what_is_due(self, tasks: asyncio.TaskGroup) -> float:
        """Start the calls whose turn it is; in how many seconds to look again."""
        now_ms = self._now_ms()
        calls = self._calls(now_ms)
        self._needless = standbys(calls.values(), self._turns, now_ms)
        due = sorted(
            (self._due_at_ms(call), place)
            for place, call in calls.items()
            # What is needless and costs credits is not asked at all.
            if not self._turns.get(place, UNASKED).started_at_ms
            and not (place in self._needless and call.cost)
        )
        for at_ms, place in due:
            if at_ms > now_ms:
                return min(LOOK_S, (at_ms - now_ms) / 1000)
            call = calls[place]
            if self._busy[call.source] < MOST_AT_ONCE:
                self._busy[call.source] += 1
                self._turns[place] = self._turns.get(place, UNASKED)._replace(started_at_ms=now_ms)
                task = tasks.create_task(self._poll(call))
                self._running.add(task)
                task.add_done_callback(self._running.discard)
        return LOOK_S

    def _calls(self, now_ms: int) -> dict[Key, Call]:
        """Everything that is to be asked now and then; what is kept of anything else is let go."""
        calls: dict[Key, Call] = {}
        for name, polled in self._polled.items():
            if name not in self._off:
                games = tuple(self._games.games(name, now_ms))
                asked = polled.source.calls(polled.config, now_ms, games)
                calls |= {key(call): call for call in asked}
                if polled.budget is not None:
                    ended = {place: turn.ended_at_ms for place, turn in self._turns.items()}
                    self._worth[name] = polled.budget.due_at_ms(asked, games, ended, now_ms)
        if gone := [place for place in self._turns if place not in calls]:
            for place in gone:
                if not self._turns[place].started_at_ms:
                    del self._turns[place]
                    self._validators.pop(place, None)
            for polled in self._polled.values():
                polled.intake.forget(calls.values(), now_ms)
        return calls

    def _due_at_ms(self, call: Call) -> int:
        place = key(call)
        at_ms = due_at_ms(call, self._turns.get(place, UNASKED), is_standby=place in self._needless)
        return max(at_ms, self._worth.get(call.source, {}).get(place, 0))

    async def _poll(self, call: Call) -> None:
        """Ask once, take in what comes, and say how it went."""
        place, polled = key(call), self._polled[call.source]
        known = self._validators.get(place, Validators())
        try:
            outcome = await self._fetcher.fetch(call, polled.secret, known, polled.gate)
        finally:
            self._busy[call.source] -= 1
            self._ended.set()
        records = 0
        if call.source in self._off:  # it was stopped meanwhile: nobody wants to hear it
            self._turns.pop(place, None)
            return
        if isinstance(outcome, Answer):
            outcome, records = self._taken(polled, outcome)
        before = self._turns.get(place, UNASKED)
        if isinstance(outcome, Failure):
            wait_s = max(outcome.wait_s, WRONG_KEY_S if outcome.why is Why.UNAUTHORIZED else 0.0)
            turn = Turn(failures=before.failures + 1, not_before_ms=self._now_ms() + int(wait_s * 1000))
            if not before.failures:
                text, why = outcome.text, outcome.why
                say(logger, "poll failed", logging.WARNING, source=call.source, why=why, reason=text)
        else:
            turn = Turn()
            if before.failures:
                say(logger, "poll succeeds again", source=call.source, call=call.name)
        jitter = self._rng.uniform(1.0 - JITTER, 1.0 + JITTER)
        self._turns[place] = turn = turn._replace(ended_at_ms=self._now_ms(), jitter=jitter)
        again_s = self._again_s(call.source, turn.ended_at_ms)
        self._health.polled(outcome._replace(call=call._replace(every_s=again_s)), records)

    def _again_s(self, source: str, now_ms: int) -> float:
        """In how many seconds a source is asked next, whatever for: what came may have changed its pace."""
        due = [
            self._due_at_ms(call)
            for place, call in self._calls(now_ms).items()
            if call.source == source and not (place in self._needless and call.cost)
        ]
        return max(0, min(due, default=now_ms) - now_ms) / 1000

    def _taken(self, polled: Polled, answer: Answer) -> tuple[Answer | Failure, int]:
        """The answer and how many records it was, or the failure where it cannot be read."""
        call, at_ms = answer.call, answer.received_at_ms
        if self._health.is_overdue(call.source, at_ms):
            polled.intake.tell_in_full()
        try:
            records = polled.intake.take(answer)
        except (PayloadChanged, Refused) as error:
            return Failure(call, Why.UNREADABLE, f"{call.name}: {polled.secret.out_of(str(error))}", at_ms), 0
        except (*_BUGS, msgspec.MsgspecError) as error:
            logger.exception("a parser failed")
            text = f"{call.name}: its parser failed ({type(error).__name__}); the log has the trace"
            return Failure(call, Why.UNREADABLE, text, at_ms), 0
        if answer.body is not None:
            self._validators[key(call)] = Validators.of(answer.headers)
        return answer, records
