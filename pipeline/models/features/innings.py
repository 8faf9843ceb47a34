"""Baseball: the half-inning under way is a Markov chain of outs and runners, and whole ones follow it.

Runs come in bunches, and most half-innings have none: the margin still to come is wider than that of Poisson
goals, and three runners with nobody out are worth two runs, of which a share of the game knows nothing.

Constants are of the 270 games until 17 April 2019, 21,135 plays: how plate appearances end, and how far
runners go. Nobody is caught, and nobody steals. How strong the sides are tilts every distribution of runs
alike.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

#: How a plate appearance ends: walk or hit by the pitch, single or error, double, triple, home run; else out.
WALK, SINGLE, DOUBLE, TRIPLE, HOMER = 0.104, 0.140, 0.046, 0.003, 0.034
#: Of outs with fewer than two before them: with a runner on first two are out; a runner on third scores, on
#: second takes third.
TWO_OUT, FLY, ADVANCE = 0.172, 0.35, 0.28
#: On a single from second to home, from first to third; on a double from first to home.
SECOND_SCORES, FIRST_TO_THIRD, FIRST_SCORES = 0.58, 0.30, 0.40
#: Steals, wild pitches and the like that take a runner from first to second, by plate appearance.
STEAL = 0.07
#: No half-inning has more runs than this, no game ends with a margin of half of that many points.
MOST_RUNS, POINTS = 20, 128
#: Rates of runs that say who wins as often as Poisson goals do lie so much further apart.
WIDER = 1.4
#: Today's rates are unknown, for nobody said who pitches: as if the expected ones came from so many runs.
KNOWN_RUNS = 25.0
#: In runs a half-inning: no side is better or worse.
WORST, BEST = 0.1, 1.5
#: No nearer to sure.
SURE = 1e-9
#: Where a half-inning begins: nobody on; a runner put on second.
NOBODY, SECOND = 0, 2
#: Appearances after which a half-inning is over.
LONGEST = 60

Floats = NDArray[np.float64]


class Half(NamedTuple):
    """The half-inning under way. ``bases``: 1 for first, 2 for second, 4 for third; ``last``: the bottom one.

    ``put``: an extra one begins with a runner on second.
    """

    inning: int
    last: bool
    outs: int
    bases: int
    innings: int
    put: bool


class Side(NamedTuple):
    """Expected runs over the whole of regulation, and those so far."""

    rate: float
    runs: int


def appearance(outs: int, bases: int) -> list[tuple[float, int, int, int]]:
    """How a plate appearance ends: chance, outs and bases after it, runs on it."""
    first, second, third = bases & 1, bases >> 1 & 1, bases >> 2 & 1
    on = first + second + third
    ends = [(HOMER, outs, 0, on + 1), (TRIPLE, outs, 4, on)]
    # A walk moves only those who have to make room.
    full = bases == 7
    walked = 7 if full else bases | (1 if not first else 2 if not second else 4)
    ends.append((WALK, outs, walked, int(full)))
    ends += [
        (DOUBLE * (FIRST_SCORES if first else 1.0), outs, 2, on),
        (DOUBLE * (1.0 - FIRST_SCORES) * first, outs, 2 | 4, on - first),
    ]
    for scores, chance in ((1, SECOND_SCORES if second else 1.0), (0, (1.0 - SECOND_SCORES) * second)):
        left = 1 | (4 if second and not scores else 0)
        runs = third + second * scores
        free = first and not left & 4
        ends.append((SINGLE * chance * (FIRST_TO_THIRD if free else 0.0), outs, left | 4, runs))
        stays = left | (2 if first else 0)
        ends.append((SINGLE * chance * (1.0 - FIRST_TO_THIRD if free else 1.0), outs, stays, runs))
    out = 1.0 - WALK - SINGLE - DOUBLE - TRIPLE - HOMER
    if outs == 2:
        return [*ends, (out, 3, 0, 0)]
    two = out * TWO_OUT * first
    # Of two outs the batter is one and the runner from first the other; the rest move up.
    scores = third and outs == 0
    ends.append((two, outs + 2, (second << 2) if outs == 0 else 0, int(scores)))
    one = out - two
    fly, advance = FLY * third, ADVANCE * second
    for flies, by_fly in ((1, fly), (0, 1.0 - fly)):
        for moves, by_advance in ((1, advance), (0, 1.0 - advance)):
            kept = bases & ~4 if flies else bases
            if moves and not kept & 4:
                kept = kept & ~2 | 4
            ends.append((one * by_fly * by_advance, outs + 1, kept, flies))
    return ends


def runs_to_come() -> Floats:
    """Chances of 0, 1, 2, … runs until the half-inning is over, a row for each of 24 states."""
    chances = np.zeros((25, MOST_RUNS + 1))
    chances[24, 0] = 1.0
    moves = [
        (8 * outs + bases, chance, 24 if after == 3 else 8 * after + left, runs)
        for outs in range(3)
        for bases in range(8)
        for stolen, share in (((bases & ~1 | 2), STEAL), (bases, 1.0 - STEAL))
        for chance, after, left, runs in (
            (share * chance, after, left, runs)
            for chance, after, left, runs in appearance(outs, stolen if bases & 3 == 1 else bases)
        )
    ]
    for _ in range(LONGEST):
        before, chances = chances, np.zeros_like(chances)
        chances[24, 0] = 1.0
        for state, chance, after, runs in moves:
            chances[state, runs:] += chance * before[after, : MOST_RUNS + 1 - runs]
    rows: Floats = chances[:24] / chances[:24].sum(axis=1, keepdims=True)
    return rows


RUNS = runs_to_come()
EXPECTED = RUNS @ np.arange(MOST_RUNS + 1.0)
_COUNT = np.arange(MOST_RUNS + 1.0)
#: A tilt of t makes n runs exp(t n) times as likely; this is what a half-inning from nothing then has.
_TILTS = np.linspace(-2.0, 1.0, 301)
_MEANS = np.array([np.exp(t * _COUNT) * RUNS[0] @ _COUNT / (np.exp(t * _COUNT) @ RUNS[0]) for t in _TILTS])


def today(side: Side, innings_batted: float, innings: int) -> float:
    """Expected runs a half-inning from what was expected before the game and what came of it."""
    so_far = side.rate * innings_batted / innings
    rate = side.rate / innings * (KNOWN_RUNS + side.runs) / (KNOWN_RUNS + so_far)
    return min(max(rate, WORST), BEST)


def rates(home: float, away: float) -> tuple[float, float]:
    """Expected runs of each side from those of Poisson goals that win as often."""
    mean, half = (home + away) / 2.0, WIDER * (home - away) / 2.0
    return mean + half, mean - half


def log_odds(half: Half, last: Side, first: Side) -> float:
    """Of a win of the side that bats last, over the one that bats first."""
    lead, over = last.runs - first.runs, half.outs == 3
    if lead and over and half.last and half.inning >= half.innings:
        return math.copysign(math.log(1.0 / SURE), lead)
    inning, bottom = half.inning, half.last
    if over:
        inning, bottom = inning + bottom, not bottom
    extra = inning > half.innings
    batted = half.inning - 1 + half.outs / 3.0
    rate_last = today(last, batted if half.last else half.inning - 1.0, half.innings)
    rate_first = today(first, float(half.inning) if half.last else batted, half.innings)
    start = SECOND if extra and half.put else NOBODY
    now = start if over else 8 * half.outs + half.bases
    lasts = _spectra(rate_last, (now if bottom else start, start, SECOND if half.put else NOBODY))
    firsts = _spectra(rate_first, (start if bottom else now, start, SECOND if half.put else NOBODY)).conj()
    after = max(0, half.innings - inning)
    whole = (lasts[1] * firsts[1]) ** after
    to_come = lasts[0] * whole * (1.0 if bottom else firsts[0])
    margin = np.fft.irfft(to_come, POINTS)
    level_goes_on = np.fft.irfft(lasts[2] * firsts[2], POINTS)
    ahead, behind, level = _ends(margin, lead)
    next_ahead, next_behind, _ = _ends(level_goes_on, 0)
    won = ahead + level * next_ahead / (next_ahead + next_behind)
    lost = behind + level * next_behind / (next_ahead + next_behind)
    return math.log(max(won, SURE)) - math.log(max(lost, SURE))


def _spectra(rate: float, states: tuple[int, ...]) -> NDArray[np.complex128]:
    """Of the runs to come from each state, tilted to the rate of a half-inning from nothing."""
    tilted = RUNS[list(states)] * np.exp(np.interp(rate, _MEANS, _TILTS) * _COUNT)
    return np.fft.rfft(tilted / tilted.sum(axis=1, keepdims=True), POINTS)


def _ends(margin: Floats, lead: int) -> tuple[float, float, float]:
    """Chances that the side which leads by ``lead`` is ahead, behind or level after a margin to come."""
    # The margin runs from 0 upwards, and from -1 downwards at the other end.
    half = POINTS // 2
    if abs(lead) >= half:
        return float(lead > 0), float(lead < 0), 0.0
    ordered = np.concatenate([margin[half:], margin[:half]]).clip(0.0)
    level = half - lead
    return float(ordered[level + 1 :].sum()), float(ordered[:level].sum()), float(ordered[level])
