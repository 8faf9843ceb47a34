"""Plays of a game as ESPN's summaries list them: in the order of the game, each with the score after it.

Basketball, hockey and baseball have ``plays``, American football has them by drive. A play has no state of
the field, and of baseball no inning's half that is surely known: scoreboards have these.
"""

from collections.abc import Iterator

import msgspec
from msgspec import Struct

from pipeline.records import GameEvent, GameStatus, TimeBasis
from producers.live.call import Refuse
from producers.sources.espn_situations import PlayType
from producers.sources.times import moment_ms

#: What a type of play has in its name, and the kind of record it makes; the first that fits.
_KINDS = (
    ("turnover", "turnover"),
    ("traveling", "turnover"),
    ("interception", "turnover"),
    ("challenge", "review"),
    ("review", "review"),
    ("timeout", "timeout"),
    ("two-minute warning", "timeout"),
    ("end period", "period_end"),
    ("end of half", "period_end"),
    ("penalty", "penalty"),
)


class Number(Struct, gc=False):
    """A period."""

    number: int


class Clock(Struct, gc=False, rename="camel"):
    """A clock as it is shown."""

    display_value: str = ""


class Play(Struct, gc=False, rename="camel"):
    """A play."""

    id: str
    period: Number
    home_score: int
    away_score: int
    type: PlayType | None = None
    text: str = ""
    clock: Clock | None = None
    scoring_play: bool = False
    wallclock: str = ""


class Drive(Struct, gc=False):
    """A drive of American football."""

    plays: list[msgspec.Raw] = []


class Drives(Struct, gc=False):
    """All drives; the one under way can be among the previous ones too."""

    previous: list[Drive] = []
    current: Drive | None = None


_PLAY = msgspec.json.Decoder(Play)


def plays(
    listed: list[msgspec.Raw], drives: Drives | None, game_id: str, event_id: str, source: str,
    received_at_ms: int, refuse: Refuse,
) -> Iterator[GameEvent]:  # fmt: skip
    """A record for each play, without the game's standing now."""
    if drives is not None:
        listed = [play for drive in [*drives.previous, drives.current] if drive for play in drive.plays]
    seen = set()
    for raw in listed:
        try:
            play = _PLAY.decode(raw)
            happened_at_ms = moment_ms(play.wallclock) if play.wallclock else 0
            clock_s = seconds(play.clock.display_value) if play.clock else -1.0
        except (msgspec.ValidationError, ValueError) as error:
            refuse(f"a play has another shape: {error}", f"{event_id}, id {game_id}")
            continue
        if play.id in seen:
            continue
        seen.add(play.id)
        yield GameEvent(
            event_id=event_id,
            source=source,
            source_event_id=f"{game_id}/{play.id}",
            kind="score" if play.scoring_play else kind_of(play.type),
            received_at_ms=received_at_ms,
            happened_at_ms=happened_at_ms,
            happened_at_basis=TimeBasis.STATED,
            sequence=received_at_ms * 1000 + min(len(seen), 998),
            status=GameStatus.LIVE,
            period=play.period.number,
            clock_s=clock_s,
            home_score=play.home_score,
            away_score=play.away_score,
            text=play.text[:200],
        )


def kind_of(type_of_play: PlayType | None) -> str:
    """The kind of record that a type of play makes."""
    words = type_of_play.text.lower() if type_of_play else ""
    return next((kind for part, kind in _KINDS if part in words), "play")


def seconds(shown: str) -> float:
    """Seconds of a clock that counts down, as in 12:00 or 54.0; -1 where none is shown. Raises ValueError."""
    if not shown:
        return -1.0
    minutes, _, rest = shown.rpartition(":")
    return 60.0 * int(minutes or "0") + float(rest)
