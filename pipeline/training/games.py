"""Moments of finished games, as the games fold saw them: what a boosted model learns from.

The archive goes through the folds themselves, so that training sees what live sees: the closing line by the
markets fold, the state of play and all that is remembered of it by the games fold.
"""

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from pipeline import ids
from pipeline.models.features import SHEETS, Sheet, strange, vector
from pipeline.records import GameEvent, GameStatus
from pipeline.replay.run import Digest, inputs
from pipeline.settings import Rules
from pipeline.stages import STAGES
from pipeline.stages.fold import Input, Row, first_row, fold
from pipeline.stages.games import GAMES, Game, listened, moment
from pipeline.stages.games.reports import speaker

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


class Moments(NamedTuple):
    """Moments of games, by day, event and time. ``game`` is the place of each one's game in ``games``.

    ``label``: 0 home won, 1 away, 2 neither. ``closed`` and ``anchor`` are log odds up to a constant, columns
    as labels.
    """

    games: tuple[str, ...]
    days: tuple[str, ...]
    game: Ints
    source_event_ids: tuple[str, ...]
    period: Ints
    values: Floats
    closed: Floats
    anchor: Floats
    label: Ints

    def where(self, chosen: Any) -> "Moments":
        """Those for which a mask over the moments is true; the games stay as they are."""
        places = np.flatnonzero(chosen)
        return self._replace(
            game=self.game[places],
            source_event_ids=tuple(self.source_event_ids[place] for place in places),
            period=self.period[places],
            values=self.values[places],
            closed=self.closed[places],
            anchor=self.anchor[places],
            label=self.label[places],
        )


class Archive(NamedTuple):
    """Moments, the digest of the records that they come from, and how many were out of a feature's range."""

    moments: Moments
    digest: str
    strange: int


@dataclass
class _Followed:
    """A game while the archive is read; its folds' rows until it has begun."""

    games: Row[Game]
    markets: Row[Any]
    game: Game
    seen: list[tuple[str, int, tuple[float, ...], tuple[float, ...], tuple[float, ...]]] = field(
        default_factory=list
    )


def read(folder: Path, sport: str, told: Callable[[int], None] = lambda _: None) -> Archive:
    """The moments of a sport's games that ended with a winner, or a draw where its model has one.

    Raises UsageError where the folder is no archive or damaged, or no model is known of the sport.
    """
    sheet, rules, digest = SHEETS[sport], Rules(), Digest()
    followed: dict[str, _Followed] = {}
    count = out_of_range = 0
    for message in inputs(folder):
        digest.add(message)
        count += 1
        told(count)
        record = message.record
        if ids.league_of(record.event_id).sport != sport:
            continue
        one = followed.get(record.event_id) or _followed(record.event_id)
        followed[record.event_id] = one
        source = Input(message.topic, message.partition, message.offset, record)
        if one.game.started_at_ms == 0:
            _take(rules, one, source)
        elif isinstance(record, GameEvent):
            one.game = listened(one.game, record)
        if isinstance(record, GameEvent):
            out_of_range += _look(sheet, one, record)
    return Archive(_gathered(sheet, followed), digest.hexdigest(), out_of_range)


def _followed(event_id: str) -> _Followed:
    games = first_row(GAMES, event_id, {})
    return _Followed(games, first_row(STAGES["markets"], event_id, {}), games.state)


def _take(rules: Rules, one: _Followed, source: Input) -> None:
    """Both folds take a record, and what each answers goes to the other, until the game has begun."""
    queue = [source]
    while queue:
        cause = queue.pop(0)
        if cause.topic in GAMES.sources:
            one.games, answers = fold(GAMES, rules, one.games, cause)
        elif cause.topic in STAGES["markets"].sources:
            one.markets, answers = fold(STAGES["markets"], rules, one.markets, cause)
        else:
            continue
        queue += [Input(said.topic, 0, source.offset, said.record) for said in answers if said.record]
    one.game = one.games.state


def _look(sheet: Sheet, one: _Followed, event: GameEvent) -> int:
    """Keep the moment after a record if a model learns from it; 1 where a feature is out of its range."""
    spoken = speaker(one.game.reports)
    if spoken is None or spoken.source_event_id != event.source_event_id:
        return 0
    seen = moment(one.game)
    if not (sheet.taught(seen) and sheet.serves(seen)):
        return 0
    view = sheet.view(seen)
    values = vector(sheet, view)
    if strange(sheet, values):
        return 1
    anchor = sheet.anchor(view)
    closed = tuple(float(np.log(max(chance, 1e-12))) for chance in seen.closed.game[: len(anchor)])
    one.seen.append((event.source_event_id, seen.position.period, values, closed, anchor))
    return 0


def _gathered(sheet: Sheet, followed: dict[str, _Followed]) -> Moments:
    days = {event_id: str(ids.parse(event_id).day) for event_id in followed}
    kept: dict[str, list[Any]] = defaultdict(list)
    games = []
    for event_id in sorted(followed, key=lambda event_id: (days[event_id], event_id)):
        one = followed[event_id]
        label, spoken = _label(one.game), speaker(one.game.reports)
        outcomes = len(one.seen[0][4]) if one.seen else 0
        if spoken is None or spoken.status is not GameStatus.FINAL or label >= outcomes:
            continue
        games.append(event_id)
        for source_event_id, period, values, closed, anchor in one.seen:
            kept["game"].append(len(games) - 1)
            kept["id"].append(source_event_id)
            kept["period"].append(period)
            kept["values"].append(values)
            kept["closed"].append(closed)
            kept["anchor"].append(anchor)
            kept["label"].append(label)
    width = len(sheet.features)
    return Moments(
        games=tuple(games),
        days=tuple(days[event_id] for event_id in games),
        game=np.array(kept["game"], dtype=np.int64),
        source_event_ids=tuple(kept["id"]),
        period=np.array(kept["period"], dtype=np.int64),
        values=np.array(kept["values"], dtype=float).reshape(-1, width),
        closed=np.array(kept["closed"], dtype=float),
        anchor=np.array(kept["anchor"], dtype=float),
        label=np.array(kept["label"], dtype=np.int64),
    )


def _label(game: Game) -> int:
    spoken = speaker(game.reports)
    lead = spoken.position.lead if spoken else 0
    return 0 if lead > 0 else 1 if lead < 0 else 2
