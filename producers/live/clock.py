"""The clock of a live cluster: a tick each second to every partition, with the state of every source.

How a source fares is folded from what those who ask it say (``sources.health``) and from what a person says
(``sources.control``); that nobody says anything is found here. The fold is pure, and goes on from the last
tick: a clock that is killed loses no outage.
"""

from collections.abc import Mapping
from typing import NamedTuple

from pipeline.records import ClockTick, SourceControl, SourceHealth, SourceState
from producers.live.health import usual_limit_ms

TICK_MS = 1000


class Watched(NamedTuple):
    """A source as the clock has it. All times are Unix ms, 0 for never or not now.

    ``success_at_ms``: the last success, or the first word where there was none. ``due_by_ms``: without
    another by then it is down. The rest is as in `SourceState`.
    """

    success_at_ms: int = 0
    due_by_ms: int = 0
    down_since_ms: int = 0
    outages: int = 0
    off: bool = False
    full_from_ms: int = 0


UNKNOWN = Watched()


class Watch(NamedTuple):
    """Every source, and up to when ticks have told of them."""

    sources: Mapping[str, Watched] = {}
    ticked_ms: int = 0


def resumed(tick: ClockTick) -> Watch:
    """What a log's last tick said, which is where its next clock goes on."""
    sources = {
        state.source: Watched(
            down_since_ms=state.down_since_ms,
            outages=state.outages,
            off=state.off,
            full_from_ms=state.full_from_ms,
        )
        for state in tick.sources
    }
    return Watch(sources, tick.received_at_ms)


def heard(watch: Watch, health: SourceHealth) -> Watch:
    """Somebody who asks a source says how it fares.

    A success ends an outage. One that comes too late for a clock that did not run ends an outage that no
    tick told of, and it is counted all the same.
    """
    known, at_ms = watch.sources.get(health.source, UNKNOWN), health.received_at_ms
    due_by_ms = health.due_by_ms or at_ms + usual_limit_ms(health.source)
    if not health.ok:
        if known.due_by_ms:
            return watch
        return _with(watch, health.source, known._replace(success_at_ms=at_ms, due_by_ms=due_by_ms))
    if at_ms >= watch.ticked_ms and not known.off:
        if not known.down_since_ms and 0 < known.due_by_ms < at_ms - TICK_MS:
            known = _went_down(known)
        known = known._replace(down_since_ms=0)
    now = known._replace(success_at_ms=max(known.success_at_ms, at_ms), due_by_ms=due_by_ms)
    return _with(watch, health.source, now)


def told(watch: Watch, control: SourceControl) -> Watch:
    """A person switches a source off or on. Off is no outage; on again, it is given its usual time."""
    known, at_ms = watch.sources.get(control.source, UNKNOWN), control.received_at_ms
    if known.off == control.off:
        return watch
    now = known._replace(off=control.off, down_since_ms=0)
    if not control.off:
        due_by_ms = max(known.due_by_ms, at_ms + usual_limit_ms(control.source))
        now = now._replace(due_by_ms=due_by_ms, full_from_ms=max(known.full_from_ms, at_ms))
    return _with(watch, control.source, now)


def ticked(watch: Watch, now_ms: int) -> tuple[Watch, ClockTick]:
    """It is now this time: who has broken its own rhythm is down, and the tick that says all this."""
    sources = {
        source: _went_down(known)
        if not known.off and not known.down_since_ms and 0 < known.due_by_ms < now_ms
        else known
        for source, known in watch.sources.items()
    }
    states = [
        SourceState(
            source=source,
            down_since_ms=known.down_since_ms,
            outages=known.outages,
            off=known.off,
            full_from_ms=known.full_from_ms,
        )
        for source, known in sorted(sources.items())
    ]
    news = tuple([state for state in states if state != SourceState(source=state.source)])
    return Watch(sources, now_ms), ClockTick(received_at_ms=now_ms, sources=news)


def _went_down(known: Watched) -> Watched:
    """Down since its last success; what it showed until then does not count before it is shown whole."""
    since_ms = known.success_at_ms
    return known._replace(
        down_since_ms=since_ms,
        outages=known.outages + 1,
        full_from_ms=max(known.full_from_ms, since_ms),
    )


def _with(watch: Watch, source: str, known: Watched) -> Watch:
    return watch._replace(sources={**watch.sources, source: known})
