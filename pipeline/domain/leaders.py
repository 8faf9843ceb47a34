"""Which trading desk moves first, by how many seconds, and which desks share a line.

Nobody sees a desk move: it is looked at now and then, so that a move came somewhere between two looks. Of two
moves whose looks overlap nobody can say which was first, and the half-way between looks is as good as their
distance. Whatever is said here of an order holds only where the looks are finer than the lag they show.

A move of one desk answers one of another where it goes in the same direction on the same line and each is the
nearest to the other. Where the two have nothing to do with each other their nearest moves lie to both sides
alike; where the one leads, most lie to one side. Among many moves the nearest is often not the answer, and
the median of such lags falls short: so the follower's are taken back by it and paired anew, until the lag
that is taken back is the lag that is found.

References
----------
Hoffmann, Rosenbaum and Yoshida (2013), Estimation of the lead-lag parameter from non-synchronous data,
Bernoulli 19(2), who find the lag by which one process has to be taken back to go best with the other, each
seen at times of its own. Here it is the median of paired moves, because books' prices are steps, some of them
wrong by far.
"""

from collections.abc import Iterator, Sequence
from enum import StrEnum
from itertools import combinations
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

#: In log-odds: a smaller change of a price is no move yet, and several of them may come to one.
LEAST_MOVE = 0.02
#: In log-odds, either way: beyond it one tick of a price is a move by itself.
FARTHEST_LEVEL = 2.0
#: Moves further apart are no answer to each other.
HORIZON_S = 600.0
#: Fewer pairs of moves say nothing of two desks, nor do those of fewer events: one event's hang together.
LEAST_PAIRS = 30
LEAST_EVENTS = 8
#: Of the moves of each of two desks that share a line: those which the other shows with the same probability.
SAME_SHARE = 0.95
SAME_PROBABILITY = 0.005
#: Of the pairs whose order is known: those in which a leader has to be the first.
MOSTLY = 0.65
#: A lag is looked for in all pairs, and in the quarter that was looked at most finely; each further part that
#: was tried would find more leads where there are none.
PARTS = (1.0, 0.25)
#: Where a true lag lies about the one seen, in times between looks: five quantiles of the difference of two
#: moments that may each be anywhere between theirs.
WITHIN_LOOKS = np.array([-0.553, -0.225, 0.0, 0.225, 0.553])
#: A lag that changes by less has been found: 7 s among moves of two minutes in two rounds, 60 s in five.
SETTLED_S = 0.1
ROUNDS = 20
DRAWS = 1_000
#: Many pairs of desks are asked at once: what lies between leaves one in a hundred out.
BOUNDS = (0.005, 0.995)


class Verdict(StrEnum):
    """What can be said of two desks."""

    LEADS = "leads"
    SAME_LINE = "same_line"
    CANNOT_TELL = "cannot_tell"
    """Most of their moves came between the same looks: they would have to be looked at more often."""
    NO_ORDER = "no_order"
    """The looks would do, and now the one is first, now the other."""


class Changes(NamedTuple):
    """What desks were seen to change, one row each, in any order.

    ``event``, ``market`` and ``desk`` are numbers from 0; a market is one line of one event at one source.
    The change came after ``begin_ms`` and not after ``end_ms``; where these are equal the row is no change
    but a first look, also the first after the desk had stopped. ``level`` is the log-odds that the desk gives
    since then, ``moved`` how far they are from those of its last move: 0 where that is no move, or none that
    counts. ``early`` is before the start.
    """

    event: Ints
    market: Ints
    desk: Ints
    begin_ms: Ints
    end_ms: Ints
    level: Floats
    moved: Floats
    early: Flags


class LeadLag(NamedTuple):
    """Two desks. Of ``leads`` the lag is the follower's, of all others 0, and their names are in order.

    ``low_s`` and ``high_s`` hold the lag in 99 of 100 cases. ``share``: of the follower's moves those that
    came after one of the leader for sure; of one line, those of either that the other showed too. ``moves``
    are the pairs counted, ``tied`` those of them whose order cannot be told, ``looks_s`` the median time
    between looks at them. ``agreed``: of the leader's ``closed`` moves before the start after which the
    follower's price changed until its last, those that went the same way.
    """

    verdict: Verdict
    leader: str
    follower: str
    lag_s: float
    low_s: float
    high_s: float
    share: float
    moves: int
    tied: int
    looks_s: float
    agreed: int
    closed: int


class _Path(NamedTuple):
    """The changes of one desk, by market and time. ``mid_ms2`` is twice the half-way between looks."""

    event: Ints
    market: Ints
    mid_ms2: Ints
    width_ms: Ints
    end_ms: Ints
    level: Floats
    moved: Floats
    early: Flags

    def only(self, rows: Flags) -> "_Path":
        return self.taken(np.flatnonzero(rows))

    def taken(self, places: Ints) -> "_Path":
        return _Path(
            self.event[places],
            self.market[places],
            self.mid_ms2[places],
            self.width_ms[places],
            self.end_ms[places],
            self.level[places],
            self.moved[places],
            self.early[places],
        )


class _Pairs(NamedTuple):
    """Moves that answer each other: by how much the second desk's is later, and how well that is known."""

    event: Ints
    lag_s: Floats
    looks_s: Floats
    widths_s: tuple[Floats, Floats]


class _Lag(NamedTuple):
    """A lag that the looks allow to tell, from those of the pairs that were looked at at least as finely."""

    pairs: _Pairs
    lag_s: float
    low_s: float
    high_s: float
    looks_s: float


def lead_lags(changes: Changes, desks: Sequence[str], seed: int) -> list[LeadLag]:
    """What the moves of each two desks say of them, where there are enough; by name.

    Parameters
    ----------
    changes : Changes
        Of any number of markets of one sport.
    desks : sequence of str
        The name of each desk, by its number.
    seed : int
        Of the bootstrap, which draws events.

    Raises
    ------
    ValueError
        If a change ends before it begins.

    Examples
    --------
    Forty events, in each of which one desk moves a minute after the first look and the other 7 s later:

    >>> first = [[event, event, desk, 0, 0, 0.0, 0.0, True] for event in range(40) for desk in (0, 1)]
    >>> moved = [[event, event, desk, at - 1_000, at, 0.1, 0.1, True]
    ...          for event in range(40) for desk, at in ((0, 60_000), (1, 67_000))]
    >>> changes = Changes(*[np.array(column) for column in zip(*first, *moved)])
    >>> [(found.leader, found.follower, found.lag_s) for found in lead_lags(changes, ["a", "b"], seed=1)]
    [('a', 'b', 7.0)]
    """
    if np.any(changes.end_ms < changes.begin_ms):
        raise ValueError("a change ends before it begins")
    if not len(changes.market):
        return []
    paths = dict(_paths(changes, desks))
    return [
        found
        for one, other in combinations(sorted(paths), 2)
        if (found := _compared((one, other), (paths[one], paths[other]), seed)) is not None
    ]


def _paths(changes: Changes, desks: Sequence[str]) -> Iterator[tuple[str, _Path]]:
    order = np.lexsort((changes.level, changes.begin_ms, changes.end_ms, changes.market))
    since_ms = int(changes.begin_ms.min())
    begin_ms, end_ms = changes.begin_ms - since_ms, changes.end_ms - since_ms
    whole = _Path(
        changes.event,
        changes.market,
        begin_ms + end_ms,
        end_ms - begin_ms,
        end_ms,
        changes.level,
        changes.moved,
        changes.early,
    )
    desk = changes.desk[order]
    for number, name in enumerate(desks):
        if np.any(mine := desk == number):
            yield name, whole.taken(order[mine])


def _compared(names: tuple[str, str], paths: tuple[_Path, _Path], seed: int) -> LeadLag | None:
    """Of two desks, on the markets that both quote. None where too few of their moves answer each other."""
    shared = np.intersect1d(paths[0].market, paths[1].market)
    one, other = (path.only(np.isin(path.market, shared)) for path in paths)
    moves = one.only(one.moved != 0.0), other.only(other.moved != 0.0)
    if min(len(moves[0].market), len(moves[1].market)) < LEAST_PAIRS:
        return None
    pairs = _answers(*moves)
    count = len(pairs.lag_s)
    if not _enough(pairs.event):
        return None
    tied = np.abs(pairs.lag_s) < pairs.looks_s
    plain = LeadLag(
        verdict=Verdict.CANNOT_TELL if 2 * int(tied.sum()) > count else Verdict.NO_ORDER,
        leader=names[0],
        follower=names[1],
        lag_s=0.0,
        low_s=0.0,
        high_s=0.0,
        share=0.0,
        moves=count,
        tied=int(tied.sum()),
        looks_s=float(np.median(pairs.looks_s)),
        agreed=0,
        closed=0,
    )
    together = min(_together(moves[0], other), _together(moves[1], one))
    if together >= SAME_SHARE:
        return plain._replace(verdict=Verdict.SAME_LINE, share=together)
    lag = _lag(moves, pairs, seed)
    if lag is None:
        return plain
    pairs = lag.pairs
    first, sign = (0, 1.0) if lag.lag_s > 0.0 else (1, -1.0)
    last = 1 - first
    counted = pairs.looks_s <= lag.looks_s
    surely = counted & (sign * pairs.lag_s >= pairs.looks_s) & (pairs.widths_s[last] <= lag.looks_s)
    own = int(np.sum(moves[last].width_ms <= 1000.0 * lag.looks_s))
    agreed, closed = _agreement(moves[first], (one, other)[last])
    return plain._replace(
        verdict=Verdict.LEADS,
        leader=names[first],
        follower=names[last],
        lag_s=abs(lag.lag_s),
        low_s=min(sign * lag.low_s, sign * lag.high_s),
        high_s=max(sign * lag.low_s, sign * lag.high_s),
        share=int(surely.sum()) / own if own else 0.0,
        moves=int(counted.sum()),
        tied=int((counted & (np.abs(pairs.lag_s) < pairs.looks_s)).sum()),
        looks_s=float(np.median(pairs.looks_s[counted])),
        agreed=agreed,
        closed=closed,
    )


def _enough(events: Ints) -> bool:
    return len(events) >= LEAST_PAIRS and len(np.unique(events)) >= LEAST_EVENTS


def _answers(one: _Path, other: _Path, back_s: float = 0.0) -> _Pairs:
    """Moves in one direction on one line that are the nearest to each other, the other's taken back."""
    horizon_ms2, back_ms2 = int(2000 * HORIZON_S), round(2000 * back_s)
    # All markets and both directions on one axis, so far apart that nothing is near across them.
    span = int(max(one.mid_ms2.max(), other.mid_ms2.max())) + 2 * horizon_ms2 + 1
    ours, theirs = ((path.market * 2 + (path.moved > 0.0)) * span + path.mid_ms2 for path in (one, other))
    theirs = theirs - back_ms2
    by_ours, by_theirs = np.argsort(ours, kind="stable"), np.argsort(theirs, kind="stable")
    ours, theirs = ours[by_ours], theirs[by_theirs]
    answer = _nearest(ours, theirs)
    mutual = _nearest(theirs, ours)[answer] == np.arange(len(ours))
    near = mutual & (np.abs(theirs[answer] - ours) <= horizon_ms2)
    mine, its = by_ours[near], by_theirs[answer[near]]
    widths_s = one.width_ms[mine] / 1000.0, other.width_ms[its] / 1000.0
    return _Pairs(
        one.event[mine],
        (other.mid_ms2[its] - one.mid_ms2[mine]) / 2000.0,
        (widths_s[0] + widths_s[1]) / 2.0,
        widths_s,
    )


def _nearest(these: Ints, among: Ints) -> Ints:
    """The place of the nearest for each of these; both are in order, of two alike the earlier."""
    after = np.searchsorted(among, these)
    before = np.maximum(after - 1, 0)
    after = np.minimum(after, len(among) - 1)
    return np.where(np.abs(these - among[before]) <= np.abs(among[after] - these), before, after)


def _lag(moves: tuple[_Path, _Path], pairs: _Pairs, seed: int) -> _Lag | None:
    """The lag that most pairs speak for and that is no shorter than the time between the looks at them.

    Pairs are chosen by how finely they were looked at, never by the lag that they show.
    """
    for part in PARTS:
        looks_s = float(np.quantile(pairs.looks_s, part, method="higher"))
        counted = pairs.looks_s <= looks_s
        if not _enough(pairs.event[counted]):
            return None
        lags_s = pairs.lag_s[counted]
        known = lags_s[np.abs(lags_s) >= pairs.looks_s[counted]]
        ahead = float(np.median(lags_s))
        if not len(known) or np.mean(known * ahead > 0.0) < MOSTLY:
            continue
        low_s, high_s = _bounds(lags_s, pairs.event[counted], seed)
        if low_s <= 0.0 <= high_s:
            continue
        settled = _settled(moves, ahead, looks_s)
        counted = settled.looks_s <= looks_s
        if not _enough(settled.event[counted]):
            continue
        lags_s, events = _spread(settled, counted)
        lag_s = float(np.median(lags_s))
        low_s, high_s = _bounds(lags_s, events, seed)
        sure = low_s > 0.0 if ahead > 0.0 else high_s < 0.0
        if sure and looks_s <= abs(lag_s) <= HORIZON_S:
            return _Lag(settled, lag_s, low_s, high_s, looks_s)
    return None


def _settled(moves: tuple[_Path, _Path], back_s: float, looks_s: float) -> _Pairs:
    """The pairs when the second desk's moves are taken back by the median lag of these very pairs."""
    for _ in range(ROUNDS):
        pairs = _answers(*moves, back_s)
        lags_s = pairs.lag_s[pairs.looks_s <= looks_s]
        lag_s = float(np.median(lags_s)) if len(lags_s) else back_s
        if abs(lag_s - back_s) < SETTLED_S or abs(lag_s) > HORIZON_S:
            break
        back_s = lag_s
    return pairs


def _spread(pairs: _Pairs, counted: Flags) -> tuple[Floats, Ints]:
    """What each lag may have been: of polls at even times only multiples of that time are seen."""
    lags_s = pairs.lag_s[counted, None] + pairs.looks_s[counted, None] * WITHIN_LOOKS
    return lags_s.ravel(), np.repeat(pairs.event[counted], len(WITHIN_LOOKS))


def _bounds(values: Floats, events: Ints, seed: int) -> tuple[float, float]:
    """The percentile interval of the median, by a bootstrap that draws events."""
    order = np.argsort(values, kind="stable")
    values = values[order]
    _, place = np.unique(events, return_inverse=True)
    place = place[order]
    count = int(place.max()) + 1
    chance = np.random.Generator(np.random.PCG64(seed))
    medians = np.empty(DRAWS)
    for draw in range(DRAWS):
        drawn = np.bincount(chance.integers(count, size=count), minlength=count)
        reached = np.cumsum(drawn[place])
        medians[draw] = values[np.searchsorted(reached, (reached[-1] + 1) // 2)]
    low, high = np.quantile(medians, BOUNDS)
    return float(low), float(high)


def _together(moves: _Path, other: _Path) -> float:
    """Of a desk's moves those with which the other changed, for all looks tell, to the same probability."""
    changes = other.only(other.width_ms > 0)
    if not len(changes.market):
        return 0.0
    span = int(max(moves.mid_ms2.max(), changes.mid_ms2.max())) * 2 + 1
    ours = moves.market * span + moves.mid_ms2
    theirs = changes.market * span + changes.mid_ms2
    by_theirs = np.argsort(theirs, kind="stable")
    its = by_theirs[_nearest(ours, theirs[by_theirs])]
    same_market = changes.market[its] == moves.market
    apart_ms2 = np.abs(changes.mid_ms2[its] - moves.mid_ms2)
    unordered = apart_ms2 < moves.width_ms + changes.width_ms[its]
    alike = np.abs(_probability(changes.level[its]) - _probability(moves.level)) <= SAME_PROBABILITY
    return float(np.mean(same_market & unordered & alike))


def _agreement(moves: _Path, follower: _Path) -> tuple[int, int]:
    """How many of a leader's early moves the follower's close went along with, and how many it could have."""
    moves, follower = moves.only(moves.early), follower.only(follower.early)
    if not len(moves.market) or not len(follower.market):
        return 0, 0
    span = int(max(moves.end_ms.max(), follower.end_ms.max())) + 1
    seen = follower.market * span + follower.end_ms
    then = np.searchsorted(seen, moves.market * span + moves.end_ms, side="right") - 1
    close = np.searchsorted(seen, (moves.market + 1) * span) - 1
    known = (then >= 0) & (follower.market[then] == moves.market)
    went = np.where(known, follower.level[close] - follower.level[then], 0.0)
    closed = np.abs(went) >= LEAST_MOVE
    return int(np.sum(closed & (went * moves.moved > 0.0))), int(np.sum(closed))


def _probability(level: Floats) -> Floats:
    return 1.0 / (1.0 + np.exp(-level))
