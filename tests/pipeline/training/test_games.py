"""Moments for training: as the fold sees them, and nothing of them from the future."""

from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from pipeline.models import boosted, judged
from pipeline.models.features import SHEETS
from pipeline.records import GameEvent, GameProbabilities, OddsSnapshot
from pipeline.replay.run import inputs
from pipeline.settings import Rules
from pipeline.stages import STAGES
from pipeline.stages.fold import Input, Row, first_row, fold
from pipeline.stages.games import GAMES, moment
from pipeline.topics import topic_of
from pipeline.training.games import Moments, read
from tests.pipeline.training.football import archived, game

SPORT = "american-football"
NAMES = [feature.name for feature in SHEETS[SPORT].features]
#: After so many plays two games of the same beginning go on differently: in their second half.
PARTED = 70


def moments(folder: Path, *games: list[OddsSnapshot | GameEvent]) -> Moments:
    return read(archived(folder, chain(*games)), SPORT).moments


def leaking(one: Moments, other: Moments, shared: int) -> list[str]:
    """The features that differ at one of the first moments, which two games have in common."""
    differs = (one.values[:shared] != other.values[:shared]).any(axis=0)
    return [name for name, differing in zip(NAMES, differs, strict=True) if differing]


@pytest.fixture(scope="module")
def parted(tmp_path_factory: pytest.TempPathFactory) -> tuple[Moments, Moments, int]:
    """A game, the same with another end, and how many moments they share."""
    folder = tmp_path_factory.mktemp("parted")
    one = moments(folder / "one", list(game(0)))
    other = moments(folder / "other", list(game(0, other_after=PARTED, other=9)))
    length = min(len(one.label), len(other.label))
    same = (one.values[:length] == other.values[:length]).all(axis=1)
    return one, other, int(np.argmin(same))


def test_no_feature_knows_what_comes_after_it(parted: tuple[Moments, Moments, int]) -> None:
    one, other, shared = parted

    assert 40 < shared < PARTED
    assert leaking(one, other, shared) == []


@pytest.mark.parametrize("name", NAMES)
def test_a_feature_that_is_fed_from_the_future_is_found(
    parted: tuple[Moments, Moments, int], name: str
) -> None:
    one, other, shared = parted
    place = NAMES.index(name)
    fed = one.values.copy()
    # Each moment is given what the feature will be half an hour of play later.
    fed[:-45, place] = one.values[45:, place]

    assert leaking(one._replace(values=fed), other, shared) == [name]


def test_a_moment_is_what_the_fold_publishes_for_the_same_record(tmp_path: Path) -> None:
    folder = archived(tmp_path / "archive", game(0))
    found = read(folder, SPORT).moments
    published = _published(folder)
    sheet = SHEETS[SPORT]

    for place, source_event_id in enumerate(found.source_event_ids):
        said = published[source_event_id]
        closed = next(one for one in said.opinions if one.model == "brownian-margin")
        drives = next(one for one in said.opinions if one.model == sheet.anchor_name)
        assert np.log(closed.game[:2]) == pytest.approx(found.closed[place], abs=1e-12)
        odds = np.log(drives.game[0]) - np.log(drives.game[1])
        assert odds == pytest.approx(found.anchor[place, 0] - found.anchor[place, 1], abs=1e-9)


def test_only_snaps_with_a_down_in_regulation_are_learnt_from(tmp_path: Path) -> None:
    found = moments(tmp_path / "archive", list(game(0)))
    down = np.abs(found.values[:, NAMES.index("down")])

    assert len(found.label) > 60
    assert down.min() == 1.0
    assert set(found.period.tolist()) == {1, 2, 3, 4}


def test_a_game_without_an_end_teaches_nothing(tmp_path: Path) -> None:
    found = moments(tmp_path / "archive", list(game(0)), list(game(1))[:-1])

    assert len(found.games) == 1
    assert set(found.label.tolist()) in ({0}, {1})


def _published(folder: Path) -> dict[str, GameProbabilities]:
    """What the games fold says after each record, the markets fold's closing line in between."""
    rules = Rules()
    rows: dict[str, Row[Any]] = {}
    said: dict[str, GameProbabilities] = {}
    for message in inputs(folder):
        queue = [Input(message.topic, 0, message.offset, message.record)]
        while queue:
            source = queue.pop(0)
            for stage in (GAMES, STAGES["markets"]):
                if source.topic not in stage.sources:
                    continue
                row = rows.get(stage.name) or first_row(stage, message.key, {})
                rows[stage.name], answers = fold(stage, rules, row, source)
                for answer in answers:
                    if isinstance(answer.record, GameProbabilities):
                        said[answer.record.source_event_id] = answer.record
                    queue.append(Input(answer.topic, 0, source.offset, answer.record))
    last = moment(rows["games"].state)
    assert judged(last, boosted.in_use().by_league["nfl"]).outlook.game[:2] in ((1.0, 0.0), (0.0, 1.0))
    assert topic_of(GameProbabilities).name == "games.probabilities"
    return said
