"""Whose turn it is: when each call is due again, by its pace, how it went, and who else tells the same."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import NamedTuple

from pipeline import data
from producers.live.call import Call

#: A call that another source makes needless is asked so much more rarely.
STANDBY_FACTOR = 4.0
#: A pace at most so many times slower while a call fails: short outages are to be short.
SLOWEST_FACTOR = 4
#: A call that is on its way for longer is not counted on.
HANGS_MS = 10_000

Key = tuple[str, str, tuple[tuple[str, str], ...]]


class Turn(NamedTuple):
    """How a call fared. Times are Unix ms, 0 for never or not now."""

    started_at_ms: int = 0
    ended_at_ms: int = 0
    failures: int = 0
    """In a row, up to now."""
    not_before_ms: int = 0
    """The source asked to be left alone until then."""
    jitter: float = 1.0
    """Of the pace until the next time."""


UNASKED = Turn()


def key(call: Call) -> Key:
    """What a call asks for, whatever its pace and price are by now."""
    return call.source, call.url, call.params


def due_at_ms(call: Call, turn: Turn, *, is_standby: bool) -> int:
    """When a call is due; 0 for at once."""
    if not turn.ended_at_ms:
        return turn.not_before_ms
    slower = min(2 ** max(0, turn.failures - 1), SLOWEST_FACTOR)
    interval_s = call.every_s * turn.jitter * (STANDBY_FACTOR if is_standby else slower)
    return max(turn.not_before_ms, turn.ended_at_ms + int(interval_s * 1000))


def standbys(calls: Iterable[Call], turns: Mapping[Key, Turn], now_ms: int) -> frozenset[Key]:
    """The calls that a more trusted source makes needless, as long as that is well.

    Of the sources that tell the same kind of thing of a league, the most trusted one that is well leads;
    where none is, the most trusted one, and all the others are asked at their full pace too.
    """
    telling: dict[tuple[str, str], dict[str, list[Call]]] = defaultdict(lambda: defaultdict(list))
    for call in calls:
        if call.kind:
            telling[call.league, call.kind][call.source].append(call)
    needless = []
    for by_source in telling.values():
        for source in sorted(by_source, key=lambda source: (-data.sources()[source].trust, source)):
            if any(is_well(turns.get(key(call), UNASKED), now_ms) for call in by_source[source]):
                others = (calls for other, calls in by_source.items() if other != source)
                needless += [key(call) for calls in others for call in calls]
                break
    return frozenset(needless)


def is_well(turn: Turn, now_ms: int) -> bool:
    """Whether a call can be counted on: its last try succeeded, or it was not tried yet, and it hangs not."""
    hangs = turn.started_at_ms and now_ms - turn.started_at_ms > HANGS_MS
    return not turn.failures and not hangs
