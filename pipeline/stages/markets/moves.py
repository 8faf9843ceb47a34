"""Moves of the fair price, line and price together, in log-odds, over the last minutes.

Of each kind of market a few fair prices are remembered, so many to a window, each on the line that the market
stood at; the price now is held against each of them, and the widest difference is the move. It is told where
it is more than the market does in a window anyway.
"""

from collections.abc import Iterable, Iterator, Mapping
from math import exp, fsum, sqrt
from typing import NamedTuple

from msgspec.structs import replace

from pipeline.settings import Rules
from pipeline.stages.markets.fair import desk_of, devigged, heights
from pipeline.stages.markets.market import Worked
from pipeline.stages.markets.offers import Moment, offers
from pipeline.stages.markets.state import (
    Drift,
    Ladder,
    LadderKey,
    Market,
    Point,
    Probabilities,
    SourceBoard,
)
from pipeline.stages.markets.steam import at_line, cause, end_ms, votes, with_steam

POINTS = 12
"""In a window, at most; a price that did not move adds none."""
#: Two ways to one number differ by the rounding of a logarithm, or of a root: that is no move.
ROUNDING = 1e-9
#: Of `Rules.move_log_odds`: a smaller step is not worth a point.
STEP = 0.25
#: Of the desks of the fullest line: a line with fewer is one that most have left, or are yet to come to.
FULL = 0.75
#: Further from even than another by no more than this, the line that a market stood at is still its line.
LEAN = 0.05
#: The noise is a mean over the past that fades with this many windows.
MEMORY = 6.0


class Held(NamedTuple):
    """A point of the path held against the price now, on a line that both have a price for."""

    point: Point
    line: float
    then: Probabilities
    now: Probabilities


def ladder_with(
    now: Moment,
    before: Mapping[str, SourceBoard],
    key: LadderKey,
    ladder: Ladder,
    lines: Mapping[float, Market],
    worked: Mapping[float, Worked],
) -> Ladder:
    """How a kind of market moves, after a record; the very ladder where that is no news.

    Parameters
    ----------
    before
        The boards before the record: when desks were last looked at.
    lines
        Every market of this kind and scope as it is now, by its line.
    worked
        Those among them that were worked out anew, with what they were worked out from.
    """
    full = _full_lines(lines)
    line = _main_line(ladder.path, full, worked)
    path = _path_with(now, before, key, ladder.path, full, line)
    drifts = _drifts_with(now, key, ladder.drifts, path, full, line, worked)
    if path is not ladder.path or drifts is not ladder.drifts:
        ladder = replace(ladder, path=path, drifts=drifts)
    return with_steam(now, before, key, ladder, line, worked)


def next_end_ms(rules: Rules, ladder: Ladder) -> int:
    """When the next of what is listed ends, or a price that is no more is forgotten; 0 for none."""
    ends = [drift.at_ms + rules.move_window_ms for drift in ladder.drifts]
    ends += [end_ms(rules, rush) for rush in ladder.rushes]
    if ladder.path and not ladder.path[-1].probabilities:
        ends.append(ladder.path[-1].at_ms + rules.move_window_ms)
    return min(ends, default=0)


def is_idle(ladder: Ladder) -> bool:
    """Whether nothing of it is worth keeping: nobody offers anything, and what was is forgotten."""
    gone = all(stance.gone_ms for stance in ladder.stances.values())
    return gone and not (ladder.path or ladder.drifts or ladder.rushes)


def _full_lines(lines: Mapping[float, Market]) -> dict[float, Probabilities]:
    """The fair prices of the lines that most desks show: those that can speak for the market."""
    priced = {line: market for line, market in lines.items() if market.probabilities}
    most = max([market.desks for market in priced.values()], default=0)
    return {line: priced[line].probabilities for line in sorted(priced) if priced[line].desks >= FULL * most}


def _main_line(
    path: tuple[Point, ...], full: Mapping[float, Probabilities], worked: Iterable[float]
) -> float:
    """The full line nearest to even; but where the market stood, while that is nearly as good.

    Two conditions have to fail before it moves (its desks, or its price), and both by a margin: so one desk
    that comes and goes moves no market to and fro. Without any price it stays.
    """
    if not full:
        return path[-1].line if path else min(worked, key=lambda line: (abs(line), line), default=0.0)
    nearest = min(full, key=lambda line: (max(full[line]), abs(line), line))
    stood = path[-1].line if path else nearest
    return stood if stood in full and max(full[stood]) <= max(full[nearest]) + LEAN else nearest


def _path_with(
    now: Moment,
    before: Mapping[str, SourceBoard],
    key: LadderKey,
    path: tuple[Point, ...],
    full: Mapping[float, Probabilities],
    line: float,
) -> tuple[Point, ...]:
    """The points of a window that ends now, one before it among them: the price that it opened with.

    A price that is no more is remembered for a window: it may come back elsewhere.
    """
    rules, now_ms = now.rules, now.now_ms
    opened_at_ms = now_ms - rules.move_window_ms
    while len(path) > 1 and path[1].at_ms <= opened_at_ms:
        path = path[1:]
    if not full:
        if not path or not path[-1].probabilities:
            return path if path and path[-1].at_ms > opened_at_ms else ()
        return (*path[:-1], _left(now, before, key, path[-1]), Point(now_ms, line, (), path[-1].variance))
    if path and not path[-1].probabilities:
        path = path[:-1]
    if not path:
        return (Point(now_ms, line, full[line], rules.move_noise_log_odds**2),)
    last = path[-1]
    held = _held(now, key, last, full, line)
    if held is None or line != last.line or _widest(held) >= STEP * rules.move_log_odds:
        last = _left(now, before, key, last)
        if now_ms >= last.at_ms + rules.move_window_ms // POINTS:
            variance = _variance(rules, last, held, now_ms)
            return (*path[:-1], last, Point(now_ms, line, full[line], variance))
    elif last.left_ms:
        last = replace(last, left_ms=0, waited_ms=0)
    return path if last is path[-1] else (*path[:-1], last)


def _left(now: Moment, before: Mapping[str, SourceBoard], key: LadderKey, point: Point) -> Point:
    """A point whose price is seen to be no more: it was, at the look before."""
    if point.left_ms:
        return point
    looked_ms = 0
    for source, board in before.items():
        if now.boards[source].newest_at_ms != board.newest_at_ms:
            here = board.quotes.get((*key, point.line), {})
            looked_ms = max([looked_ms, *[quote.seen_at_ms for quote in here.values()]])
    if not looked_ms:  # no look but a tick or the game, or the first look of a source
        looked_ms = max([board.newest_at_ms for board in before.values()], default=0)
    # Another source may have shown the point since the one that speaks now was looked at.
    return replace(point, left_ms=max(looked_ms, point.at_ms), waited_ms=max(0, now.now_ms - looked_ms))


def _variance(rules: Rules, last: Point, held: Held | None, now_ms: int) -> float:
    """What the market's log-odds vary by in a window, with its step from the last point in.

    An exponential mean of squared steps, each scaled to a window. A step counts for no more than what would
    be a significant move: a single surprise is no noise yet, and what comes again and again soon is.
    """
    if held is None:
        return last.variance
    taken_ms = max(1, now_ms - last.at_ms)
    differences = _differences(held)
    squared = fsum([difference * difference for difference in differences]) / len(differences)
    usual = max(last.variance, rules.move_noise_log_odds**2)
    squared = min(squared, rules.move_deviations**2 * usual)
    kept = _kept(rules, taken_ms)
    return last.variance * kept + (1.0 - kept) * squared * rules.move_window_ms / taken_ms


def _kept(rules: Rules, taken_ms: int) -> float:
    return exp(-taken_ms / (MEMORY * rules.move_window_ms))


def _held(
    now: Moment, key: LadderKey, point: Point, full: Mapping[float, Probabilities], line: float
) -> Held | None:
    """The point against now: on its own line while that is a full one, else on the line of now."""
    if point.line in full:
        return Held(point, point.line, point.probabilities, full[point.line])
    then = at_line(now, key, point.line, point.probabilities, line)
    return Held(point, line, then, full[line]) if then else None


def _widest(held: Held) -> float:
    return max(map(abs, _differences(held)))


def _differences(held: Held) -> list[float]:
    return [new - old for old, new in zip(heights(held.then), heights(held.now), strict=True)]


def _drifts_with(
    now: Moment,
    key: LadderKey,
    before: tuple[Drift, ...],
    path: tuple[Point, ...],
    full: Mapping[float, Probabilities],
    line: float,
    worked: Mapping[float, Worked],
) -> tuple[Drift, ...]:
    """The significant moves of a kind of market: one for each outcome, seen within the last window.

    One that stands is replaced when it has gone markedly further, or turned.
    """
    rules = now.rules
    standing = dict(_standing(now, before))
    # One point is the price as it is, or so near to it that nothing has left it.
    if full and path and (len(path) > 1 or path[0].left_ms):
        held = [each for point in reversed(path) if (each := _held(now, key, point, full, line))]
        differences = [_differences(each) for each in held]
        for outcome in range(len(full[line])):
            # From the newest back: of beginnings that are equally far, the last one is where it began.
            moved, start = 0.0, None
            for each, difference in zip(held, differences, strict=True):
                if abs(difference[outcome]) > abs(moved) + ROUNDING:
                    moved, start = difference[outcome], each
            if start is None or abs(moved) < rules.move_log_odds:
                continue
            old = standing.get(outcome)
            further = rules.move_log_odds / 2.0
            if old is None or moved * old.log_odds < 0.0 or abs(moved) > abs(old.log_odds) + further:
                noise = _noise(now, start.point)
                if abs(moved) >= rules.move_deviations * noise:
                    drift = _drift(now, key, path, start, outcome, full[line], moved, noise, line, worked)
                    standing[outcome] = drift
    drifts = tuple([standing[outcome] for outcome in sorted(standing)])
    return before if drifts == before else drifts


def _standing(now: Moment, before: tuple[Drift, ...]) -> Iterator[tuple[int, Drift]]:
    """Those still listed; a key event that is told of late explains them, too."""
    for drift in before:
        if now.now_ms < drift.at_ms + now.rules.move_window_ms:
            if drift.cause != "event" and cause(now, drift.since_ms, drift.at_ms, polled=False):
                drift = replace(drift, cause="event")
            yield drift.outcome, drift


def _noise(now: Moment, start: Point) -> float:
    """The standard deviation that a move from a point is judged by: over a window, or as long as it took.

    Never over a shorter time, however fast it was: the widest of all differences of a window is looked for,
    and a price goes by leaps, so that in the second of a leap none is usual. What the market does in a
    window is known from before it began to move.
    """
    variance = start.variance * _kept(now.rules, max(0, start.left_ms - start.at_ms))
    return sqrt(variance * max(1.0, (now.now_ms - start.left_ms) / now.rules.move_window_ms))


def _drift(
    now: Moment,
    key: LadderKey,
    path: tuple[Point, ...],
    start: Held,
    outcome: int,
    fair: Probabilities,
    moved: float,
    noise: float,
    line: float,
    worked: Mapping[float, Worked],
) -> Drift:
    since_ms = start.point.left_ms
    books = _movers(now, key, start, outcome, moved, worked)
    same = votes(now)
    desks = {same.get(desk, desk) for desk in map(desk_of, books)}
    since_start = path[path.index(start.point) :]
    polled = max([point.waited_ms for point in since_start]) > now.rules.steam_window_ms
    return Drift(
        outcome=outcome,
        from_line=start.point.line,
        line=line,
        from_probability=start.point.probabilities[outcome],
        to_probability=fair[outcome],
        log_odds=moved,
        noise=noise,
        since_ms=since_ms,
        at_ms=now.now_ms,
        books=len(books) if line == start.point.line else 0,
        desks=len(desks),
        cause=cause(now, since_ms, now.now_ms, polled=polled),
    )


def _movers(
    now: Moment, key: LadderKey, start: Held, outcome: int, moved: float, worked: Mapping[float, Worked]
) -> set[str]:
    """The books whose price has changed since and is now on the move's side of where it began."""
    here = worked.get(start.line)
    offered = offers(now, (*key, start.line)) if here is None else here.offered
    sign = 1.0 if moved > 0.0 else -1.0
    found = set()
    for _, book, quote in offered:
        if quote.changed_at_ms > start.point.left_ms:
            fair = devigged(now.rules.devig, quote.prices)
            if fair and sign * (fair[outcome] - start.then[outcome]) > ROUNDING:
                found.add(book)
    return found
