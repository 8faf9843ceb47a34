"""Moves of the fair price, in log-odds, over the last minutes.

Of each market's fair price a few points are remembered, so many to a window; the price now is held against
each of them, and the widest difference is the move.
"""

from pipeline.settings import Rules
from pipeline.stages.markets.fair import devigged, heights
from pipeline.stages.markets.offers import Moment, Offer
from pipeline.stages.markets.state import Drift, Point, Probabilities

POINTS = 12
"""In a window, at most; a price that did not move adds none."""
#: A book whose price alone is the consensus differs from it by the rounding of a logarithm: that is no move.
ROUNDING = 1e-9
#: Of `Rules.move_log_odds`: a smaller step is not worth a point.
STEP = 0.25


def path_with(
    rules: Rules, path: tuple[Point, ...], before: Probabilities, fair: Probabilities, now_ms: int
) -> tuple[Point, ...]:
    """The points of a window that ends now, one before it among them: the price that it opened with.

    ``before`` is the last fair price; where there is none any more, its last point outlives it by a window.
    """
    opened_at_ms = now_ms - rules.move_window_ms
    while len(path) > 1 and path[1].at_ms <= opened_at_ms:
        path = path[1:]
    if not fair and before:
        return (*path, Point(now_ms, before))
    if not fair:
        return path if path and path[-1].at_ms > opened_at_ms else ()
    if path:
        last = path[-1]
        if now_ms < last.at_ms + rules.move_window_ms // POINTS or last.probabilities == fair:
            return path
        steps = zip(heights(last.probabilities), heights(fair), strict=True)
        if max([abs(new - old) for old, new in steps]) < STEP * rules.move_log_odds:
            return path
    return (*path, Point(now_ms, fair))


def drifts(
    now: Moment,
    before: tuple[Drift, ...],
    path: tuple[Point, ...],
    fair: Probabilities,
    offered: list[Offer],
) -> tuple[Drift, ...]:
    """The significant moves of a market: one for each outcome, seen within the last window.

    One that stands is replaced when it has gone markedly further, or turned.
    """
    rules = now.rules
    standing = {drift.outcome: drift for drift in before if now.now_ms < drift.at_ms + rules.move_window_ms}
    if fair and path:
        past = zip(*[heights(point.probabilities) for point in path], strict=True)
        for outcome, (height, was) in enumerate(zip(heights(fair), past, strict=True)):
            low, high = min(was), max(was)
            farthest = low if height - low >= high - height else high
            moved = height - farthest
            size = abs(moved)
            if size < rules.move_log_odds:
                continue
            start = path[was.index(farthest)]
            old = standing.get(outcome)
            further = rules.move_log_odds / 2.0
            if old is None or moved * old.log_odds < 0.0 or size > abs(old.log_odds) + further:
                standing[outcome] = _drift(now, start, outcome, fair[outcome], moved, offered)
    return tuple([standing[outcome] for outcome in sorted(standing)])


def _drift(now: Moment, start: Point, outcome: int, fair: float, moved: float, offered: list[Offer]) -> Drift:
    since_ms = max(start.at_ms, now.now_ms - now.rules.move_window_ms)
    before = start.probabilities[outcome]
    sign = 1.0 if moved > 0.0 else -1.0
    books = {
        book
        for _, book, quote in offered
        if quote.changed_at_ms >= since_ms and sign * (devigged(quote.prices)[outcome] - before) > ROUNDING
    }
    return Drift(
        outcome=outcome,
        from_probability=before,
        to_probability=fair,
        log_odds=moved,
        since_ms=since_ms,
        at_ms=now.now_ms,
        books=len(books),
        after_event=now.game is not None and since_ms <= now.game.last_key_event_at_ms <= now.now_ms,
    )
