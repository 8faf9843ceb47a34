"""The other way round: what a source says of a game in which it has the sides as nobody else has them."""

from typing import Any, TypeVar

from msgspec.structs import replace

from pipeline.records import (
    AmericanFootball,
    Baseball,
    Basketball,
    Depth,
    GameEvent,
    Hockey,
    Line,
    OddsSnapshot,
    Situation,
    Soccer,
)

L = TypeVar("L", Line, Depth)
#: Markets whose outcomes are of neither side.
_SIDELESS = frozenset({"total", "btts"})
_OTHER = {"home": "away", "away": "home", "top": "bottom", "bottom": "top"}


def turned(record: OddsSnapshot | GameEvent) -> Any:
    """The record with home and away exchanged in all that it says: prices, lines, scores, situation."""
    if isinstance(record, OddsSnapshot):
        lines, depth = tuple(map(_line, record.lines)), tuple(map(_depth, record.depth))
        return replace(record, lines=lines, depth=depth)
    return replace(
        record,
        home_score=record.away_score,
        away_score=record.home_score,
        situation=_situation(record.situation),
    )


def _line(line: Line) -> Line:
    return _of_sides(line, prices=_turned(line.prices))


def _depth(depth: Depth) -> Depth:
    return _of_sides(
        depth,
        lay_prices=_turned(depth.lay_prices),
        back_sizes=_turned(depth.back_sizes),
        lay_sizes=_turned(depth.lay_sizes),
    )


def _of_sides(place: L, **turned_fields: Any) -> L:
    if place.market in _SIDELESS:
        return place
    return replace(place, line=-place.line if place.line else 0.0, **turned_fields)


def _turned(outcomes: tuple[Any, ...]) -> tuple[Any, ...]:
    home, away, *draw = outcomes
    return (away, home, *draw)


def _situation(situation: Situation | None) -> Situation | None:
    match situation:
        case AmericanFootball(possession=side, home_timeouts=home, away_timeouts=away):
            return replace(
                situation, possession=_OTHER.get(side, side), home_timeouts=away, away_timeouts=home
            )
        case Basketball(possession=side, home_fouls=home, away_fouls=away):
            return replace(situation, possession=_OTHER.get(side, side), home_fouls=away, away_fouls=home)
        case Baseball(half=half):
            return replace(situation, half=_OTHER.get(half, half))
        case Soccer(home_reds=home, away_reds=away):
            return replace(
                situation,
                home_reds=away,
                away_reds=home,
                home_penalties=situation.away_penalties,
                away_penalties=situation.home_penalties,
            )
        case Hockey(home_skaters=home, away_skaters=away):
            return replace(situation, home_skaters=away, away_skaters=home)
    return None
