"""How sources fare: what polls come to, as a record for each, and when a source breaks its own rhythm.

A source is asked at a pace that changes with its games, so it is judged by when its next success was to be
expected, and not by a bound for all. Whoever asks it says until when that is (``due_by_ms``); `clock` finds
that the moment has passed, also where nobody is left to say so.
"""

from collections.abc import Callable, Mapping
from typing import NamedTuple

from msgspec.structs import replace

from pipeline import data, telemetry
from pipeline.records import SourceHealth
from producers.live.call import Answer, Call, Failure

UP, SLOW, DOWN, OFF = "up", "slow", "down", "off"
STATES = (UP, SLOW, DOWN, OFF)
#: Beyond its interval a source may be late by half of that, and by this at least: an answer takes its time.
#: Quotes grow stale after two intervals, or 30 s; so it is known first that their source is down.
PATIENCE_MS = 10_000
#: Until the clock has read that a source succeeded.
ON_ITS_WAY_MS = 2_000
#: Who answers later than this is slow.
SLOW_S = 5.0
#: Of a source that data/sources.csv does not name.
UNKNOWN_INTERVAL_S = 60.0
MOST_TEXT = 200
#: A call that failed and was not made again for so long is made no more.
FORGOTTEN_MS = 3_600_000
#: What is left of a quota, as The Odds API says it.
QUOTA_LEFT = "x-requests-remaining"

_Key = tuple[str, tuple[tuple[str, str], ...]]


class Fared(NamedTuple):
    """What polls of a source came to. ``failing``: calls whose last try failed, and when (Unix ms)."""

    health: SourceHealth
    failing: Mapping[_Key, int] = {}


def patience_ms(interval_ms: int) -> int:
    """By how much a success may be late before its source is down."""
    return max(PATIENCE_MS, interval_ms // 2)


def usual_limit_ms(source: str) -> int:
    """How long a source may be silent when nothing is known but its usual interval."""
    known = data.sources().get(source)
    interval_ms = int((known.interval_s if known else UNKNOWN_INTERVAL_S) * 1000)
    return interval_ms + patience_ms(interval_ms)


def unheard(source: str, at_ms: int) -> Fared:
    """A source that is about to be asked for the first time, or again after it was off."""
    return Fared(
        SourceHealth(
            source=source,
            received_at_ms=at_ms,
            ok=False,
            error="",
            last_success_at_ms=0,
            quota_left=-1,
            state=SLOW,
            since_ms=at_ms,
            due_by_ms=at_ms + usual_limit_ms(source),
        )
    )


def polled(fared: Fared, outcome: Answer | Failure) -> Fared:
    """A poll has come to an end; its source is asked again after the call's ``every_s``."""
    before, call, at_ms = fared.health, outcome.call, outcome.received_at_ms
    failure = outcome if isinstance(outcome, Failure) else None
    failing = {key: since for key, since in fared.failing.items() if at_ms - since < FORGOTTEN_MS}
    failing.pop(_key(call), None)
    if isinstance(outcome, Answer):
        next_ms = int(call.every_s * 1000)
        due_by_ms = at_ms + max(usual_limit_ms(before.source), next_ms + patience_ms(next_ms))
        answer_s = (outcome.received_at_ms - outcome.asked_at_ms) / 1000
        quota_left = _quota_left(outcome.headers, before.quota_left)
    else:
        failing[_key(call)] = at_ms
        # Only a success puts it off.
        due_by_ms, answer_s, quota_left = before.due_by_ms, before.answer_s, before.quota_left
    late = at_ms > due_by_ms
    slow = answer_s > SLOW_S or failing
    state = DOWN if late else SLOW if slow else UP
    errors = dict(before.errors)
    if failure is not None:
        errors[failure.why] = errors.get(failure.why, 0) + 1
    return Fared(
        SourceHealth(
            source=before.source,
            received_at_ms=at_ms,
            ok=failure is None,
            error=f"{failure.why}: {failure.text}"[:MOST_TEXT] if failure else "",
            last_success_at_ms=before.last_success_at_ms if failure else at_ms,
            quota_left=quota_left,
            state=state,
            since_ms=before.since_ms if state == before.state else at_ms,
            due_by_ms=due_by_ms,
            answer_s=max(0.0, answer_s),
            failures=before.failures + 1 if failure else 0,
            polls=before.polls + 1,
            errors=dict(sorted(errors.items())),
        ),
        failing,
    )


class Pulse:
    """Hears of every poll, and publishes how the source fares after it: the `Health` of the loop."""

    def __init__(self, publish: Callable[[SourceHealth], None]) -> None:
        self._publish = publish
        self._fared: dict[str, Fared] = {}

    def polled(self, outcome: Answer | Failure, records: int) -> None:
        """A call has come to an end, and so many records were made of it."""
        call = outcome.call
        fared = self._fared.get(call.source) or unheard(call.source, outcome.received_at_ms)
        fared = self._fared[call.source] = polled(fared, outcome)
        source = data.known_source(call.source)
        said = outcome.why if isinstance(outcome, Failure) else "ok"
        telemetry.SOURCE_POLLS.labels(source, said).inc()
        telemetry.SOURCE_RECORDS.labels(source).inc(records)
        if isinstance(outcome, Answer):
            telemetry.SOURCE_ANSWER_SECONDS.labels(source).observe(fared.health.answer_s)
        self._tell(fared.health)

    def is_overdue(self, source: str, at_ms: int) -> bool:
        """Whether a success comes so late that the source is, or is about to be, called down."""
        fared = self._fared.get(source)
        return fared is not None and at_ms > fared.health.due_by_ms - ON_ITS_WAY_MS

    def switched(self, source: str, off: bool, at_ms: int) -> None:
        """A source was stopped by hand, or may be asked again."""
        fared = unheard(source, at_ms)
        if (before := self._fared.get(source)) is not None:
            was = before.health
            fared = Fared(
                replace(
                    fared.health,
                    ok=was.ok,
                    last_success_at_ms=was.last_success_at_ms,
                    quota_left=was.quota_left,
                    polls=was.polls,
                    errors=was.errors,
                )
            )
        if off:
            fared = Fared(replace(fared.health, state=OFF))
        self._fared[source] = fared
        self._tell(fared.health)

    def _tell(self, health: SourceHealth) -> None:
        source = data.known_source(health.source)
        for state in STATES:
            telemetry.SOURCE_STATE.labels(source, state).set(state == health.state)
        telemetry.SOURCE_SUCCESS_SECONDS.labels(source).set(health.last_success_at_ms / 1000)
        if health.quota_left >= 0:
            telemetry.SOURCE_QUOTA_LEFT.labels(source).set(health.quota_left)
        self._publish(health)


def _key(call: Call) -> _Key:
    return call.url, call.params


def _quota_left(headers: Mapping[str, str], before: int) -> int:
    said = headers.get(QUOTA_LEFT, "").strip()
    return int(said) if said.isascii() and said.isdigit() and len(said) < 15 else before
