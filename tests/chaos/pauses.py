"""Processors that stand still for shorter and for longer than their session, and wake up."""

import signal

from pipeline.local.supervisor import Service
from processors.worker import SESSION_S
from tests.chaos.fleet import send, stage_of
from tests.chaos.ground import Ground
from tests.processors.log import now_ms

#: Shorter than the lease, and longer than the session.
SHORT_S, LONG_S = (1.0, 12.0), (SESSION_S + 1.0, SESSION_S + 6.0)
GAP_S = (0.5, 3.0)

SHORT = "SIGSTOP for less than the session, from SIGCONT"
LONG = "SIGSTOP for longer, from SIGCONT"
TAKEN_OVER = "SIGSTOP for longer, taken over by another worker, from SIGSTOP"


def pauses(ground: Ground, count: int) -> None:
    """So many pauses beyond the session, and as many short ones."""
    kinds = [LONG, SHORT] * count
    ground.random.shuffle(kinds)
    for kind in kinds:
        ground.rest(ground.random.uniform(*GAP_S))
        victim = ground.random.choice(ground.fleet.running())
        if kind == SHORT:
            _pause(ground, victim, SHORT, ground.random.uniform(*SHORT_S))
        else:
            _pause(ground, victim, LONG, ground.random.uniform(*LONG_S))


def _pause(ground: Ground, victim: Service, kind: str, seconds: float) -> None:
    stages = [stage_of(victim)]
    stopped_ms = now_ms()
    busy = ground.journal.busy(stages[0], stopped_ms)
    send(victim, signal.SIGSTOP)
    ground.rest(seconds)
    taken_over_ms = ground.journal.went_on_ms(busy, stopped_ms)
    if kind == LONG and taken_over_ms is not None and len(ground.fleet.workers(stages[0])) > 1:
        ground.note(TAKEN_OVER, victim.name, stopped_ms, (taken_over_ms - stopped_ms) / 1000)
    struck = ground.strike(kind, victim.name, lambda: send(victim, signal.SIGCONT), stages)
    struck.busy |= busy
    struck.await_going_on()
