"""On which day the NBA played which game: its play-by-play has the time of day and no date.

Games of a season are numbered by date, so its calendar is the number of each day's first game. Of 2015-16
the part that there is play-by-play of; the days are the league's own.
"""

from bisect import bisect_right
from datetime import date, timedelta

from pipeline.errors import Refused

#: The opening of the season whose games are 00215nnnnn.
OPENING, SEASON = date(2015, 10, 27), "00215"
#: The first game of each day from the opening on, 0 where none was played. Last, what the table ends before.
FIRST_GAMES = (
    1, 4, 18, 21, 33,
    39, 46, 53, 60, 70, 75, 85, 94, 99, 106,  # 1 to 10 November
    113, 124, 127, 138, 145, 152, 158, 165, 175, 178,
    189, 196, 202, 209, 215, 0, 227, 239, 246, 254,
    262, 268, 277, 283, 289, 299, 304, 313, 319, 329,  # 1 to 10 December
    333, 344, 353, 357, 367, 371, 383, 386, 398, 403,
    410, 419, 423, 0, 436, 441, 454, 458, 469, 474, 484,
    490, 495, 506, 511, 521, 525, 536, 540, 550, 557,  # 1 to 10 January
    566, 569, 577, 587, 593, 602, 610, 615, 625, 629,
    640, 645, 654, 664, 667, 676, 684, 692, 698, 707, 714,
    721, 730, 735, 746, 750,  # 1 to 5 February
)  # fmt: skip
#: Snowed off on 23 January, and played later under the number that they had.
PUT_OFF = {654: date(2016, 2, 18), 656: date(2016, 1, 24)}

_PLAYED = [(first, OPENING + timedelta(place)) for place, first in enumerate(FIRST_GAMES) if first]


def day_of(game_id: str) -> date:
    """The day of a game like 0021500001. Raises Refused where the table does not have it."""
    season, number = game_id[:5], int(game_id[5:]) if game_id[5:].isdecimal() else 0
    if len(game_id) != 10 or season != SEASON or not 1 <= number < FIRST_GAMES[-1]:
        raise Refused(
            "no day is known of this game: add its season to producers/sources/nba_calendar.py,"
            " or a column GAME_DATE to the file of games"
        )
    return PUT_OFF.get(number) or _PLAYED[bisect_right(_PLAYED, (number, date.max)) - 1][1]
