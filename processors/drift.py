"""How far what the models read is from what they were trained on, and what of it they do not believe.

A sample of moments is looked at after their fold, so nothing that is published hangs on it. The moments of a
game are alike, so what counts is how many games were seen: what so many show by chance is taken off.
"""

from bisect import bisect_right
from collections.abc import Mapping, Sequence

from pipeline import ids, telemetry
from pipeline.domain.stability import chance_index, stability_index
from pipeline.models.boosted import Boosted, look
from pipeline.records import GameEvent, GameProbabilities
from pipeline.stages.fold import Answer, Input, Row
from pipeline.stages.games import Game, moment
from pipeline.stages.games.features import FEATURE_OUT_OF_RANGE

#: Of game events every so many is looked at; sources tell of a play in pairs, so an odd number.
EVERY = 25
#: The index is worked out anew after so many moments that were looked at.
SHOWN_EVERY = 20
#: Nothing is said of fewer games; and of the newest alone, one to two times the most.
FEWEST_GAMES, MOST_GAMES = 20, 100


class _Window:
    """What was seen of one sport: its games, and of each feature how many values fell into each bin."""

    def __init__(self, model: Boosted) -> None:
        self.games: set[str] = set()
        self.counts = [[0] * len(one.shares) for one in model.manifest.histograms]

    def add(self, event_id: str, model: Boosted, values: Sequence[float]) -> None:
        self.games.add(event_id)
        for one, counts, value in zip(model.manifest.histograms, self.counts, values, strict=True):
            counts[bisect_right(one.edges, value)] += 1


class Drift:
    """Counts of one worker, by sport, of the newest games alone: an old season does not hide a new one.

    ``models`` are those in use, by league.
    """

    def __init__(self, models: Mapping[str, Boosted]) -> None:
        self._models = models
        self._events = self._looked = 0
        self._windows: dict[str, tuple[_Window, _Window]] = {}
        for model in models.values():
            sport = model.manifest.sport
            self._windows[sport] = _Window(model), _Window(model)
            telemetry.FEATURE_GAMES.labels(sport)
            for feature in model.sheet.features:
                telemetry.FEATURES_OUT_OF_RANGE.labels(sport, feature.name)

    def folded(self, row: Row[Game], source: Input, answers: Sequence[Answer]) -> None:
        """A record of a game was folded into its row, with these answers."""
        model = self._models.get(ids.league_of(row.event_id).league)
        if model is None or row.closed or not isinstance(source.record, GameEvent):
            return
        doubts = [answer.record.doubts for answer in answers if isinstance(answer.record, GameProbabilities)]
        if any(FEATURE_OUT_OF_RANGE in found for found in doubts):
            self._count(model, row)
        self._events += 1
        if self._events % EVERY == 0:
            self._look(model, row)

    def _count(self, model: Boosted, row: Row[Game]) -> None:
        looked = look(model.sheet, moment(row.state))
        for name in looked.strange if looked else ():
            telemetry.FEATURES_OUT_OF_RANGE.labels(model.manifest.sport, name).inc()

    def _look(self, model: Boosted, row: Row[Game]) -> None:
        """Count a moment that is one of those that the model learnt from."""
        seen, sport = moment(row.state), model.manifest.sport
        looked = look(model.sheet, seen) if model.sheet.taught(seen) else None
        if looked is None or looked.strange or not model.manifest.histograms:
            return
        before, now = self._windows[sport]
        if len(now.games) >= MOST_GAMES and row.event_id not in now.games:
            before, now = self._windows[sport] = now, _Window(model)
        now.add(row.event_id, model, looked.values)
        games = before.games | now.games
        telemetry.FEATURE_GAMES.labels(sport).set(len(games))
        self._looked += 1
        if len(games) >= FEWEST_GAMES and self._looked % SHOWN_EVERY == 0:
            self._show(model, before, now, len(games))

    def _show(self, model: Boosted, before: _Window, now: _Window, games: int) -> None:
        manifest = model.manifest
        learnt_from = manifest.learnt_from["games"]
        for one, old, new in zip(manifest.histograms, before.counts, now.counts, strict=True):
            index = stability_index(one.shares, [a + b for a, b in zip(old, new, strict=True)])
            above = index - chance_index(len(one.shares), learnt_from, games)
            telemetry.FEATURE_DRIFT.labels(manifest.sport, one.name).set(max(0.0, above))
