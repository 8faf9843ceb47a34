"""Which call is worth its credits next: where most lines are likely to have changed, within what a month has.

A line of odds changes now and then, at a rate that depends on how its game stands. If a call that costs c was
made x ago, and its lines change at the rates r, some sum(1 - exp(-r x)) of them differ by now. Of all ways to
space calls so that they cost what may be spent, the one that finds most waits until

    sum(1 - exp(-r x) (1 + r x)) = bar * c,

with one bar, the changed lines that the last credit has to find, for all calls: from then on a call finds
less for its time than it would elsewhere. The bar is set so that the days to come, as far as the games are
known, cost their share of what is left of the month.

References
----------
Cho and Garcia-Molina (2003), Effective page refresh policies for web crawlers, ACM TODS 28(4).
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from producers.live.call import Call, Game
from producers.live.turns import Key, key

Floats = NDArray[np.float64]

HOUR_MS = 3_600_000
#: A game is taken to be over so long after its start, if nobody says so.
LASTS_MS = 9 * HOUR_MS // 2
#: What is planned ahead, by steps of half an hour.
AHEAD_MS, STEP_MS = 7 * 24 * HOUR_MS, HOUR_MS // 2
#: A league's games are known for a day or more; what comes after them is taken to be like them.
KNOWN_MS = 24 * HOUR_MS
#: Hours to the start up to which each phase lasts, the first one in play.
PHASES = ("in play", "within the hour", "within 3 h", "within 6 h", "within a day", "within 3 days", "later")
STARTS_H = np.array([0.0, 1.0, 3.0, 6.0, 24.0, 72.0])
#: Of an interval, or of a bar.
_HALVINGS = 20


class Rates(NamedTuple):
    """How lines change, as learnt from recorded polls (``make bench ARGS=planner``)."""

    per_hour: tuple[float, ...] = (10.6, 0.92, 0.61, 0.44, 0.29, 0.11, 0.07)
    """Of a line, by phase."""
    fastest_s: float = 60.0
    """Between two calls in play; a call's own pace is that of now."""
    lines: int = 25
    """Of a game of which nothing is known yet."""
    of_moves: float = 0.5
    """Exponent of how much more or less than expected the game's lines moved in the last hour."""


class Planned(NamedTuple):
    """When a call is worth its credits, and why."""

    call: Call
    due_at_ms: int
    lines: float
    """That are likely to have changed by then."""
    reason: str


def plan(
    calls: Iterable[Call],
    games: Sequence[Game],
    asked_at_ms: Mapping[Key, int],
    bar: float,
    now_ms: int,
    rates: Rates = Rates(),  # noqa: B008 (frozen)
) -> list[Planned]:
    """Each call that costs something with the time at which it clears the bar, the most urgent first.

    Calls of which no game is known are due at their own pace.
    """
    found = []
    for call in calls:
        place, about = key(call), covered(call, games, now_ms)
        last_ms = asked_at_ms.get(place, 0)
        if not call.cost:
            continue
        if not about:
            due_ms = last_ms + int(call.every_s * 1000)
            found.append(Planned(call, max(due_ms, now_ms), 0.0, "no game of it is known"))
            continue
        soonest_ms = max(now_ms, last_ms + int(call.every_s * 1000))
        due_ms = _due_at_ms(about, last_ms, soonest_ms, bar * call.cost, rates)
        changes = _changes(about, last_ms, due_ms, rates)
        lines = float(np.sum(_lines(about, rates) * -np.expm1(-changes)))
        found.append(Planned(call, due_ms, lines, _reason(about, lines, call, bar, due_ms)))
    return sorted(found, key=lambda one: (one.due_at_ms, -one.lines / one.call.cost, key(one.call)))


def bar(
    calls: Sequence[Call],
    games: Sequence[Game],
    credits_left: int,
    month_ends_at_ms: int,
    now_ms: int,
    rates: Rates = Rates(),  # noqa: B008 (frozen)
) -> float:
    """Changed lines that a credit has to find, so that the days to come cost their share of what is left."""
    ahead_ms = min(AHEAD_MS, month_ends_at_ms - now_ms)
    if ahead_ms <= 0 or credits_left <= 0:
        return float("inf")
    allowed = credits_left * ahead_ms / (month_ends_at_ms - now_ms)
    outlooks = [
        _outlook(call, about, now_ms, ahead_ms, rates)
        for call in calls
        if call.cost and (about := covered(call, games, now_ms))
    ]

    def cost(bar: float) -> float:
        return math.fsum(_cost(outlook, bar, rates) for outlook in outlooks)

    low, high = 0.0, 1.0
    if cost(low) <= allowed:
        return low
    while cost(high) > allowed:
        low, high = high, 2.0 * high
    for _ in range(_HALVINGS):
        middle = (low + high) / 2.0
        low, high = (middle, high) if cost(middle) > allowed else (low, middle)
    return high


def covered(call: Call, games: Iterable[Game], now_ms: int) -> list[Game]:
    """The games that a call tells of and that are not over: those that it names, else its league's."""
    named = set(call.covers)
    found = []
    for game in games:
        if game.is_over or not (game.event_id in named if named else game.league == call.league):
            continue
        if game.is_live:  # it may have begun before its time, and last longer than others
            started_at_ms = min(max(game.starts_at_ms, now_ms - LASTS_MS + HOUR_MS), now_ms)
            found.append(game._replace(starts_at_ms=started_at_ms))
        elif now_ms < game.starts_at_ms + LASTS_MS:
            found.append(game)
    return found


def _starts(games: Sequence[Game]) -> Floats:
    return np.array([game.starts_at_ms for game in games], dtype=float)


def _lines(games: Sequence[Game], rates: Rates) -> Floats:
    return np.array([game.lines or rates.lines for game in games], dtype=float)


def _phases(starts_at_ms: Floats, at_ms: float) -> NDArray[np.intp]:
    return np.searchsorted(STARTS_H, (starts_at_ms - at_ms) / HOUR_MS, side="left")


def _liveliness(games: Sequence[Game], at_ms: int, rates: Rates) -> Floats:
    """By how much more than those of others in its phase the lines of each game are likely to change."""
    usual = _lines(games, rates) * -np.expm1(-np.array(rates.per_hour)[_phases(_starts(games), at_ms)])
    moves = np.array([game.moves_per_hour for game in games])
    # Few lines say little: one that moved where five are usual is chance.
    by_moves = np.where(moves > 0.0, ((moves + 5.0) / (usual + 5.0)) ** rates.of_moves, 1.0)
    liveliness: Floats = np.clip(by_moves, 0.5, 2.0)
    return liveliness


def _changes(games: Sequence[Game], from_ms: int, to_ms: int, rates: Rates) -> Floats:
    """How often a line of each game is expected to have changed between two times."""
    # The phases of a game lie side by side: in each it spends what overlaps with the time asked for.
    ends = np.concatenate([[-LASTS_MS / HOUR_MS], STARTS_H, [1e9]]) * HOUR_MS
    first, last = _starts(games)[:, None] - ends[None, 1:], _starts(games)[:, None] - ends[None, :-1]
    hours = np.clip(np.minimum(last, to_ms) - np.maximum(first, from_ms), 0.0, None) / HOUR_MS
    return (hours @ np.array(rates.per_hour)) * _liveliness(games, to_ms, rates)


def _found(lines: Floats, changes: Floats) -> float:
    """What is held against the bar: lines that differ by now, less those that the last moments would give."""
    return float(np.sum(lines * -(np.expm1(-changes) + changes * np.exp(-changes))))


def _due_at_ms(games: Sequence[Game], last_ms: int, soonest_ms: int, least: float, rates: Rates) -> int:
    """The first time from ``soonest_ms`` on at which what a call finds is enough for its time."""
    lines = _lines(games, rates)

    def is_enough(at_ms: int) -> bool:
        return _found(lines, _changes(games, last_ms, at_ms, rates)) >= least

    low, high = soonest_ms, soonest_ms + AHEAD_MS
    if is_enough(low):
        return low
    if not is_enough(high):
        return high
    while high - low > 1000:
        middle = (low + high) // 2
        low, high = (low, middle) if is_enough(middle) else (middle, high)
    return high


class _Outlook(NamedTuple):
    """What a call has to tell in the days to come: lines in each phase at each step."""

    call: Call
    lines: Floats
    step_hours: float
    """That a step stands for: beyond the games that are known it goes on as up to there."""


def _outlook(call: Call, games: Sequence[Game], now_ms: int, ahead_ms: int, rates: Rates) -> _Outlook:
    starts, lines = _starts(games), _lines(games, rates)
    known_ms = min(ahead_ms, max(KNOWN_MS, int(starts.max()) + LASTS_MS - now_ms))
    times = now_ms + np.arange(0.5, max(1.0, known_ms // STEP_MS)) * STEP_MS
    found = np.zeros((len(times), len(PHASES)))
    for step, at_ms in enumerate(times):
        on = starts + LASTS_MS > at_ms
        found[step] = np.bincount(_phases(starts[on], at_ms), lines[on], len(PHASES))
    return _Outlook(call, found, ahead_ms / HOUR_MS / len(times))


def _cost(outlook: _Outlook, bar: float, rates: Rates) -> float:
    """Credits that a call costs over its outlook if it is made whenever it clears a bar."""
    call, lines, step_hours = outlook
    low = np.full(len(lines), np.log(min(call.every_s, rates.fastest_s) / 3600.0))
    high = np.full(len(lines), np.log(AHEAD_MS / HOUR_MS))
    for _ in range(_HALVINGS):
        middle = (low + high) / 2.0
        changes = np.exp(middle)[:, None] * np.array(rates.per_hour)
        found = np.sum(lines * -(np.expm1(-changes) + changes * np.exp(-changes)), axis=1)
        short = found < bar * call.cost
        low, high = np.where(short, middle, low), np.where(short, high, middle)
    reachable = np.sum(lines, axis=1) > bar * call.cost
    return float(np.sum(np.where(reachable, call.cost * step_hours / np.exp(high), 0.0)))


def _reason(games: Sequence[Game], lines: float, call: Call, bar: float, due_ms: int) -> str:
    counts = np.bincount(_phases(_starts(games), due_ms), minlength=len(PHASES))
    by_phase = ", ".join(f"{count} {name}" for count, name in zip(counts, PHASES, strict=True) if count)
    return f"games: {by_phase}; {lines:.0f} changed lines for {call.cost} credits, bar {bar:.1f} a credit"
