"""Processors killed at random moments, also while they start and recover; some stopped, others added."""

import signal

from pipeline.local.supervisor import Service
from tests.chaos.fleet import send, stage_of
from tests.chaos.ground import Ground, Struck

#: How often a worker that was killed is killed again while it starts, how often in a row at most, and how
#: long after its start at most. Its supervisor's back-off grows with each.
AGAIN, AGAIN_IN_A_ROW, AGAIN_WITHIN_S = 0.3, 2, 3.0
#: How often, instead of a kill, a worker is added or asked to stop.
CHANGE = 0.15
#: Between a recovery and the next blow.
GAP_S = (0.2, 3.0)
MOST_WORKERS = 3

KILL, KILL_STARTING, ADD, STOP = "kill -9", "kill -9 while starting", "worker added", "SIGTERM"


def kills(ground: Ground, count: int) -> None:
    """So many kills, one after another, each at a random moment after the pipeline went on."""
    left = count
    while left > 0:
        ground.rest(ground.random.uniform(*GAP_S))
        if ground.random.random() < CHANGE:
            _change(ground)
        else:
            left -= _kills_of_one(ground, left)


def _kills_of_one(ground: Ground, most: int) -> int:
    """Kill a worker, and perhaps again while it starts; how often it was killed."""
    victim = _victim(ground)
    struck = _kill(ground, KILL, victim, None)
    killed = 1
    while killed < min(most, 1 + AGAIN_IN_A_ROW) and ground.random.random() < AGAIN:
        before = victim.process
        ground.until(f"{victim.name} is started again", lambda: victim.process is not before)  # noqa: B023
        ground.rest(ground.random.uniform(0.0, AGAIN_WITHIN_S))
        if victim not in ground.fleet.running():
            break  # it ended by itself, and is counted there
        struck = _kill(ground, KILL_STARTING, victim, struck)
        killed += 1
    struck.await_going_on()
    return killed


def _kill(ground: Ground, kind: str, victim: Service, before: Struck | None) -> Struck:
    stages = [stage_of(victim)]
    return ground.strike(kind, victim.name, lambda: send(victim, signal.SIGKILL), stages, victim, before)


def _victim(ground: Ground) -> Service:
    """One that has lived for long, where there is one: its supervisor starts it again at once. Else one of
    those that died least often, which waits least."""
    ground.until("a worker runs", lambda: bool(ground.fleet.running()))
    if steady := ground.fleet.steady():
        return ground.random.choice(steady)
    there = ground.fleet.running()
    fewest = min(worker.deaths for worker in there)
    return ground.random.choice([worker for worker in there if worker.deaths == fewest])


def _change(ground: Ground) -> None:
    """Add a worker to a stage, or stop one of several."""
    fleet, stage = ground.fleet, ground.random.choice(ground.stages)
    there = fleet.workers(stage)
    if len(there) > 1 and (len(there) == MOST_WORKERS or ground.random.random() < 0.5):
        leaver = ground.random.choice(there)
        ground.until(f"{leaver.name} is ready", lambda: fleet.is_ready(leaver))
        ground.strike(STOP, leaver.name, lambda: fleet.remove(leaver), [stage]).await_change(fleet.has_left)
    else:
        taken = {worker.name for worker in there}
        name = next(f"w{n}" for n in range(MOST_WORKERS) if f"{stage}-w{n}" not in taken)
        struck = ground.strike(ADD, f"{stage}-{name}", lambda: fleet.add(stage, name), [stage])
        struck.await_change(lambda: fleet.is_ready(fleet.workers(stage)[-1]))
