"""Moves of the fair price, line and price together, in log-odds, over the last minutes.

What its lines say together is where a kind of market is: a desk that goes to another line changes it by that
desk's share. A few such levels are remembered, so many to a window, each on the line that the market stood
at; the level now is held against each of them, and the widest difference is the move. It is told where it is
more than the market does in a window anyway.
"""

from collections.abc import Iterable, Iterator, Mapping
from math import exp, fsum, sqrt

from msgspec.structs import replace

from pipeline.settings import Rules
from pipeline.stages.markets.fair import desk_of, devigged, heights
from pipeline.stages.markets.market import Worked, offered_on
from pipeline.stages.markets.offers import Moment
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
#: Of the desks of the fullest line: with fewer, most have left a line or are yet to come to it.
FULL = 0.75
#: With fewer than this a line says nothing of the level; and no more lines than so many do.
SOME = 0.25
LINES = 3
#: Further from even than another by no more than this, the line that a market stood at is still its line.
LEAN = 0.05
#: The noise is a mean over the past that fades with this many windows.
MEMORY = 6.0


Levels = dict[float, Probabilities]


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
    priced = {line: lines[line] for line in sorted(lines) if lines[line].probabilities}
    line = _main_line(ladder.path, priced, worked)
    pool = _pool(priced, line)
    levels = _levels(now, key, pool, {line, *[point.line for point in ladder.path]})
    path = _path_with(now, before, key, ladder.path, levels, line)
    drifts = _drifts_with(now, key, ladder.drifts, path, levels, line, pool, worked)
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


def _main_line(path: tuple[Point, ...], priced: Mapping[float, Market], worked: Iterable[float]) -> float:
    """Of the lines that most desks show the one nearest to even; but where the market stood, if that will do.

    It will while it is not much further from even, and not left by many desks: one that comes and goes moves
    no market to and fro. Without any price it stays.
    """
    if not priced:
        return path[-1].line if path else min(worked, key=_from_zero, default=0.0)
    if len(priced) == 1:
        return next(iter(priced))
    most = max([market.desks for market in priced.values()])
    full = {line: max(each.probabilities) for line, each in priced.items() if each.desks >= FULL * most}
    nearest = min(full, key=lambda line: (full[line], *_from_zero(line)))
    stood = path[-1].line if path else nearest
    return stood if stood in full and full[stood] <= full[nearest] + LEAN else nearest


def _from_zero(line: float) -> tuple[float, float]:
    return abs(line), line


def _pool(priced: Mapping[float, Market], line: float) -> dict[float, Market]:
    """The lines that say where the market is: the main one, and those near to even with some of the desks."""
    if len(priced) < 2:
        return dict(priced)
    least = SOME * max([market.desks for market in priced.values()])
    others = [other for other, each in priced.items() if other != line and each.desks >= least]
    others.sort(key=lambda other: (max(priced[other].probabilities), *_from_zero(other)))
    return {each: priced[each] for each in sorted([line, *others[: LINES - 1]])}


def _levels(now: Moment, key: LadderKey, pool: Mapping[float, Market], wanted: set[float]) -> Levels:
    """What all lines together say of each that is wanted: the mean of their log-odds, weighed by desks."""
    if len(pool) == 1:
        ((line, market),) = pool.items()
        levels = {to: at_line(now, key, line, market.probabilities, to) for to in sorted(wanted)}
        return {to: level for to, level in levels.items() if level}
    found: Levels = {}
    for to in sorted(wanted):
        said = [
            (each.desks, there)
            for line, each in pool.items()
            if (there := at_line(now, key, line, each.probabilities, to))
        ]
        total = sum([desks for desks, _ in said])
        by_outcome = zip(
            *[[desks * height for height in heights(there)] for desks, there in said], strict=True
        )
        if level := tuple([1.0 / (1.0 + exp(-fsum(of) / total)) for of in by_outcome]):
            found[to] = level
    return found


def _path_with(
    now: Moment,
    before: Mapping[str, SourceBoard],
    key: LadderKey,
    path: tuple[Point, ...],
    levels: Levels,
    line: float,
) -> tuple[Point, ...]:
    """The points of a window that ends now, one before it among them: the price that it opened with.

    A price that is no more is remembered for a window: it may come back elsewhere.
    """
    rules, now_ms = now.rules, now.now_ms
    opened_at_ms = now_ms - rules.move_window_ms
    while len(path) > 1 and path[1].at_ms <= opened_at_ms:
        path = path[1:]
    if line not in levels:
        if not path or not path[-1].probabilities:
            return path if path and path[-1].at_ms > opened_at_ms else ()
        return (*path[:-1], _left(now, before, key, path[-1]), Point(now_ms, line, (), path[-1].variance))
    if path and not path[-1].probabilities:
        path = path[:-1]
    if not path:
        return (Point(now_ms, line, levels[line], rules.move_noise_log_odds**2),)
    last = path[-1]
    gone = _differences(last, levels)
    if line != last.line or not gone or max(map(abs, gone)) >= STEP * rules.move_log_odds:
        last = _left(now, before, key, last)
        if now_ms >= last.at_ms + rules.move_window_ms // POINTS:
            variance = _variance(rules, last, gone, now_ms)
            return (*path[:-1], last, Point(now_ms, line, levels[line], variance))
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


def _differences(point: Point, levels: Levels) -> list[float]:
    """How far each outcome is from where it was at a point; empty where nothing is said of its line now."""
    level = levels.get(point.line)
    if level is None:
        return []
    return [new - old for old, new in zip(heights(point.probabilities), heights(level), strict=True)]


def _variance(rules: Rules, last: Point, gone: list[float], now_ms: int) -> float:
    """What the market's log-odds vary by in a window, with its step from the last point in.

    An exponential mean of squared steps, each scaled to a window. A step counts for no more than what would
    be a significant move: a single surprise is no noise yet, and what comes again and again soon is.
    """
    if not gone:
        return last.variance
    taken_ms = max(1, now_ms - last.at_ms)
    squared = fsum([difference * difference for difference in gone]) / len(gone)
    usual = max(last.variance, rules.move_noise_log_odds**2)
    squared = min(squared, rules.move_deviations**2 * usual)
    kept = _kept(rules, taken_ms)
    return last.variance * kept + (1.0 - kept) * squared * rules.move_window_ms / taken_ms


def _kept(rules: Rules, taken_ms: int) -> float:
    return exp(-taken_ms / (MEMORY * rules.move_window_ms))


def _drifts_with(
    now: Moment,
    key: LadderKey,
    before: tuple[Drift, ...],
    path: tuple[Point, ...],
    levels: Levels,
    line: float,
    pool: Iterable[float],
    worked: Mapping[float, Worked],
) -> tuple[Drift, ...]:
    """The significant moves of a kind of market: one for each outcome, seen within the last window.

    One that stands is replaced when it has gone markedly further, or turned.
    """
    rules = now.rules
    standing = dict(_standing(now, before))
    # One point is the price as it is, or so near to it that nothing has left it.
    if line in levels and (len(path) > 1 or path[0].left_ms):
        # From the newest back: of beginnings that are equally far, the last one is where it began.
        past = [(point, gone) for point in reversed(path) if (gone := _differences(point, levels))]
        for outcome in range(len(levels[line])):
            moved, start = 0.0, None
            for point, gone in past:
                if abs(gone[outcome]) > abs(moved) + ROUNDING:
                    moved, start = gone[outcome], point
            if start is None or abs(moved) < rules.move_log_odds:
                continue
            old = standing.get(outcome)
            further = rules.move_log_odds / 2.0
            if old is not None and moved * old.log_odds > 0.0 and abs(moved) <= abs(old.log_odds) + further:
                continue
            noise = _noise(now, start)
            if abs(moved) >= rules.move_deviations * noise:
                books, desks = _movers(now, key, start, outcome, moved, pool, worked)
                polled = max([point.waited_ms for point in path[path.index(start) :]]) > rules.steam_window_ms
                standing[outcome] = Drift(
                    outcome=outcome,
                    from_line=start.line,
                    line=line,
                    from_probability=start.probabilities[outcome],
                    to_probability=levels[line][outcome],
                    log_odds=moved,
                    noise=noise,
                    since_ms=start.left_ms,
                    at_ms=now.now_ms,
                    books=books if line == start.line else 0,
                    desks=desks,
                    cause=cause(now, start.left_ms, now.now_ms, polled=polled),
                )
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


def _movers(
    now: Moment,
    key: LadderKey,
    start: Point,
    outcome: int,
    moved: float,
    pool: Iterable[float],
    worked: Mapping[float, Worked],
) -> tuple[int, int]:
    """How many books, and how many independent desks, have changed since and are now on the move's side."""
    sign = 1.0 if moved > 0.0 else -1.0
    books, desks, same = set(), set(), votes(now)
    for line in pool:
        for _, book, quote in offered_on(now, key, line, worked):
            if quote.changed_at_ms > start.left_ms and (fair := devigged(now.rules.devig, quote.prices)):
                there = at_line(now, key, line, fair, start.line)
                if there and sign * (there[outcome] - start.probabilities[outcome]) > ROUNDING:
                    books.add(book)
                    desks.add(same.get(desk := desk_of(book), desk))
    return len(books), len(desks)
