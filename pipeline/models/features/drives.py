"""American football: the drive under way ends in one of four ways; from there margin and total are Brownian.

Near the end of a half the ball's place says more than any drift does: 6 points behind, 5 yards to go and 20
seconds left is an even game, of which a motion of the score alone knows nothing.

Constants are of the 2019 and 2020 seasons, 79,373 snaps with a down: the drive's ends by multinomial logit
(log loss 0.879 there and 0.879 on 2021 to 2023), what the margin does afterwards by least squares on final
margins, which say more of 536 games than who won them does, and the total by its continuous ranked
probability score.
"""

import math
from typing import NamedTuple

#: Points for the side with the ball: nothing, touchdown with its try, field goal, a score against it.
ENDS = (0.0, 7.0, 3.0, -6.0)
#: Of touchdown, field goal and a score against it, each against nothing. In the order of `_terms`.
LOGITS = (
    (3.304, 3.088, -2.159),
    (-0.751, -1.069, -0.243),
    (0.034, 0.055, 0.036),
    (-0.383, -2.264, -1.345),
    (-0.262, 0.234, -1.675),
    (-0.726, -0.062, -1.974),
    (-1.522, 1.453, -4.918),
    (-0.456, 0.215, -1.698),
    (-0.171, -0.427, 1.532),
    (-0.476, -0.347, 1.446),
    (-1.990, 0.238, 1.556),
    (-0.095, -0.681, 0.305),
    (-1.277, 1.796, -3.461),
    (0.312, -0.324, 2.204),
    (-0.518, -0.714, 0.494),
    (-0.063, 0.281, -0.359),
    (0.000, -0.072, -0.057),
    (-5.129, -2.544, -7.900),
    (-1.245, -8.151, -0.077),
    (0.963, 6.571, 0.116),
    (-0.642, -0.483, 0.524),
    (0.041, -0.771, 0.479),
    (0.841, -0.379, 0.362),
)
#: Of the margin over a game, around the line (seasons 1999 to 2018: 13.4).
MARGIN_SD = 13.4
#: The same of what comes after the drive, in the margin itself: its tails are thinner than those of who wins.
AFTER_SD, AFTER_LATE_SD = 12.2, 1.7
#: The favourite wins as often as with a line this much longer (1999 to 2018: who won says 11.75 points).
LINE = 1.08
#: How long a drive takes of what is left, at most.
DRIVE_S = 80.0
#: In points: of what is played late, of any last play.
LATE_SD, LAST_SD = 2.5, 0.55
LATE_S = 40.0
#: A lead shrinks by this share of itself in what is left of the game: who is behind hurries, who leads waits.
RETURN, RETURN_S = 0.15, 300.0
#: In points: the ball for the other side, 100 yards of field, and the ball after half-time: what a
#: drive from the own 25 is worth by the other constants, so that a kick-off favours nobody.
NEXT_BALL, FIELD, SECOND_HALF = 1.1, 1.5, 0.76
FADES_S = 60.0
#: The same around a total: over a game (with the drive 13.4, as from 1999 to 2018), and of its last minutes.
TOTAL_SD, TOTAL_LATE_SD, TOTAL_LATE_S = 12.9, 3.6, 350.0
#: What the end of the first half brings beside the usual pace, in points.
HALF_POINTS = 1.6
#: How long a drive under way takes of the time in which others score: to begin with, and for 100 yards more.
TAKES_S, TAKES_FIELD_S = 30.0, 220.0
#: Of the expected total, points that do not come at the pace of the clock: what a drive from the own 25
#: brings (2.2), the end of the half (1.6) and overtime (0.2). So the opening kick-off leaves the line as it
#: was, around which the totals of 1999 to 2018 lie.
OFF_PACE = 4.0
#: The logistic distribution that is nearest to the normal one: comebacks are likelier than that one has it.
LOGISTIC = 1.7


class Drive(NamedTuple):
    """The ball: ``side`` 1 where home has it, -1 away, 0 nobody knows; yards are those to the goal."""

    side: int
    down: int
    distance_yd: float
    yards: float
    timeouts: int


def ends(drive: Drive, lead: float, left_s: float, half_left_s: float) -> tuple[float, ...]:
    """Probabilities of `ENDS` for the drive under way.

    ``lead`` is that of the side with the ball; times are what is left of the game and of its half.
    """
    # Bounded, so that no state of play overflows what follows.
    terms = _terms(drive, lead, left_s, half_left_s)
    logits = [math.fsum(term * row[end] for term, row in zip(terms, LOGITS, strict=True)) for end in range(3)]
    weights = [1.0, *(math.exp(min(max(logit, -30.0), 30.0)) for logit in logits)]
    whole = math.fsum(weights)
    return tuple(weight / whole for weight in weights)


def _terms(drive: Drive, lead: float, left_s: float, half_left_s: float) -> tuple[float, ...]:
    tens, togo = drive.yards / 10.0, min(drive.distance_yd, 20.0) / 10.0
    second, third, fourth = (float(drive.down == down) for down in (2, 3, 4))
    soon, sooner = math.exp(-half_left_s / 120.0), math.exp(-half_left_s / 30.0)
    last_quarter = float(left_s <= 900.0)
    late = last_quarter * math.exp(-left_s / 150.0)
    ahead, behind, far_behind = float(lead > 0), float(lead < -3), float(lead < -8)
    return (
        1.0,
        tens,
        tens * tens,
        max(0.0, 1.0 - tens / 2.0),
        second,
        third,
        fourth,
        togo,
        togo * second,
        togo * third,
        togo * fourth,
        tens * fourth,
        sooner,
        soon,
        sooner * tens,
        soon * tens,
        soon * drive.timeouts,
        late * ahead,
        late * behind,
        late * far_behind,
        late * ahead * tens,
        last_quarter * behind,
        last_quarter * behind * fourth,
    )


def log_odds(
    drive: Drive, chances: tuple[float, ...], lead: float, line: float, half: int, left_s: float,
    half_left_s: float,
) -> float:  # fmt: skip
    """Of home's win; ``line``: its expected margin, ``half``: whose ball it is after half-time."""
    after_s = left_s * left_s / (left_s + DRIVE_S)
    half_after_s = half_left_s * half_left_s / (half_left_s + DRIVE_S)
    variance = MARGIN_SD**2 * after_s / 3600.0 + LATE_SD**2 * (1.0 - math.exp(-after_s / LATE_S)) + LAST_SD**2
    scale = LOGISTIC / math.sqrt(variance)
    fades = 1.0 - math.exp(-half_after_s / FADES_S)
    kept = 1.0 - RETURN * after_s / (after_s + RETURN_S)
    base = LINE * line * after_s / 3600.0 + SECOND_HALF * half
    home = away = 0.0
    for chance, points in zip(chances, ENDS, strict=True):
        worth = points + fades * _ball(points, drive.yards)
        z = scale * (lead * kept + drive.side * worth + base)
        home += chance * _logistic(z)
        away += chance * _logistic(-z)
    return math.log(home) - math.log(away)


def margin(
    drive: Drive, chances: tuple[float, ...], lead: float, line: float, half: int, left_s: float,
    half_left_s: float,
) -> tuple[float, float]:  # fmt: skip
    """Mean and standard deviation of home's final margin."""
    after_s = left_s * left_s / (left_s + DRIVE_S)
    half_after_s = half_left_s * half_left_s / (half_left_s + DRIVE_S)
    fades = 1.0 - math.exp(-half_after_s / FADES_S)
    kept = 1.0 - RETURN * after_s / (after_s + RETURN_S)
    worth = [points + fades * _ball(points, drive.yards) for points in ENDS]
    mean = math.fsum(chance * points for chance, points in zip(chances, worth, strict=True))
    spread = math.fsum(chance * (points - mean) ** 2 for chance, points in zip(chances, worth, strict=True))
    late = AFTER_LATE_SD**2 * (1.0 - math.exp(-after_s / LATE_S)) + LAST_SD**2
    expected = lead * kept + LINE * line * after_s / 3600.0 + SECOND_HALF * half + drive.side * mean
    return expected, math.sqrt(AFTER_SD**2 * after_s / 3600.0 + late + abs(drive.side) * spread)


def total(
    drive: Drive, chances: tuple[float, ...], scored: float, line: float, left_s: float, half_left_s: float
) -> tuple[float, float]:
    """Mean and standard deviation of the final total without overtime; ``line``: the expected one."""
    worth = [abs(points) for points in ENDS]
    mean = math.fsum(chance * points for chance, points in zip(chances, worth, strict=True))
    spread = math.fsum(chance * (points - mean) ** 2 for chance, points in zip(chances, worth, strict=True))
    takes_s = TAKES_S + TAKES_FIELD_S * drive.yards / 100.0
    other_half_s = left_s - half_left_s
    after_s = other_half_s + _after_s(half_left_s, takes_s)
    whole_s = 1800.0 + _after_s(1800.0, TAKES_S + TAKES_FIELD_S * 0.75)
    half = HALF_POINTS * (1.0 - math.exp(-half_left_s / FADES_S)) if other_half_s > 0.0 else 0.0
    late = TOTAL_LATE_SD**2 * (1.0 - math.exp(-after_s / TOTAL_LATE_S)) + LAST_SD**2
    expected = scored + mean + half + max(0.0, line - OFF_PACE) * after_s / whole_s
    return expected, math.sqrt(TOTAL_SD**2 * after_s / 3600.0 + late + spread)


def _after_s(left_s: float, takes_s: float) -> float:
    """What is left after a drive of that length, which does not take more than there is."""
    return left_s * left_s / (left_s + takes_s)


def _ball(points: float, yards: float) -> float:
    """What having the ball after a drive's end is worth to the side that had it in the drive."""
    if points:
        return NEXT_BALL if points < 0.0 else -NEXT_BALL
    return -NEXT_BALL - FIELD * (yards - 50.0) / 100.0


def _logistic(z: float) -> float:
    return 1.0 / (1.0 + math.exp(-min(max(z, -40.0), 40.0)))
