"""Simulated games and the books that quote them, from a seed: nothing else decides what happens.

The truth is known: each sport is a random process whose probabilities follow exactly at every step, and
prices are made from them with margins, opinions, lags and faults. `truth` says what is written of it.
"""

import heapq
from collections.abc import Iterator
from typing import TextIO

from pipeline.errors import UsageError
from pipeline.records import GameEvent, OddsSnapshot
from producers.simulator import truth as truth_file
from producers.simulator.events import Event
from producers.simulator.schedule import fixtures

MOST_EVENTS = 10_000

__all__ = ["simulate"]


def simulate(
    seed: int, events: int, starts_at_ms: int, truth: TextIO | None = None
) -> Iterator[GameEvent | OddsSnapshot]:
    """Everything that is seen of some simulated games, by the time of its receipt.

    Parameters
    ----------
    seed : int
        The same one gives the same records.
    events : int
        How many games, 1 to 10,000; about sixty overlap, the others follow in later rounds.
    starts_at_ms : int
        Unix ms of the first record. Some games start within a minute of it.
    truth : text file, optional
        Receives what only the simulator knows, see `producers.simulator.truth`.

    Raises
    ------
    UsageError
        If there are too few or too many events.
    """
    if not 1 <= events <= MOST_EVENTS:
        raise UsageError(f"{events} events cannot be simulated: ask for 1 to {MOST_EVENTS}")
    if truth is not None:
        truth_file.header(truth, seed, events, starts_at_ms)
    return _merged(seed, events, starts_at_ms, truth)


def _merged(
    seed: int, events: int, starts_at_ms: int, truth: TextIO | None
) -> Iterator[GameEvent | OddsSnapshot]:
    """The records of all events; an event is made when its first record is due."""
    coming = fixtures(seed, events, starts_at_ms)
    fixture = next(coming, None)
    waiting: list[tuple[int, int, GameEvent | OddsSnapshot, Iterator[GameEvent | OddsSnapshot]]] = []
    while waiting or fixture is not None:
        while fixture is not None and (not waiting or fixture.first_at_ms <= waiting[0][0]):
            records = Event(seed, fixture, truth).records()
            first = next(records)
            heapq.heappush(waiting, (first.received_at_ms, fixture.number, first, records))
            fixture = next(coming, None)
        _, index, record, records = waiting[0]
        yield record
        following = next(records, None)
        if following is None:
            heapq.heappop(waiting)
        else:
            heapq.heapreplace(waiting, (following.received_at_ms, index, following, records))
