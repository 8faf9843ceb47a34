"""Boosters, blend and walk in time order: the same bytes twice, and nothing from later games."""

from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from pipeline.cli import main
from pipeline.models.boosted import VOICES, load
from pipeline.models.features import SHEETS
from pipeline.training import boosting, games
from pipeline.training.boosting import Blend, blend, blocks, mixed, targets, walk
from pipeline.training.games import Moments
from tests.pipeline.training.football import archived, season

SPORT = "american-football"
GAMES = 40


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return archived(tmp_path_factory.mktemp("seasons") / "archive", season(GAMES))


@pytest.fixture(scope="module")
def moments(archive: Path) -> Moments:
    return games.read(archive, SPORT).moments


def trained(archive: Path, out: Path) -> dict[str, bytes]:
    arguments = ["train", SPORT, "--data", str(archive), "--out", str(out), "--quiet"]
    ran = CliRunner().invoke(main, arguments)
    assert ran.exit_code == 0, ran.output
    return {path.name: path.read_bytes() for path in sorted(out.iterdir())}


def test_training_twice_gives_the_same_bytes_and_a_model_that_loads(archive: Path, tmp_path: Path) -> None:
    first, second = trained(archive, tmp_path / "first"), trained(archive, tmp_path / "second")

    assert first == second
    assert list(first) == ["CARD.md", "lightgbm.txt", "manifest.json", "xgboost.json"]
    manifest = load(tmp_path / "first").manifest
    assert manifest.leagues == ("nfl",)
    assert manifest.learnt_from["games"] == GAMES
    assert len(manifest.histograms) == len(manifest.features)
    assert "split_gain=" in first["lightgbm.txt"].decode()  # trees that are more than a leaf


def test_the_manifest_says_how_each_feature_lay_in_training(moments: Moments) -> None:
    found = {one.name: one for one in boosting.histograms(SHEETS[SPORT], moments.values)}

    assert list(found) == [feature.name for feature in SHEETS[SPORT].features]
    assert found["possession"].edges == (1.0,)
    assert found["left_s"].shares == pytest.approx([0.1] * 10, abs=0.01)
    lead = moments.values[:, list(found).index("lead")]
    lowest = (lead < found["lead"].edges[0]).mean()
    assert found["lead"].shares[0] == pytest.approx(lowest, abs=1e-6)


def test_a_folder_that_is_there_is_not_written_over(archive: Path, tmp_path: Path) -> None:
    arguments = ["train", SPORT, "--data", str(archive), "--out", str(tmp_path), "--quiet"]

    ran = CliRunner().invoke(main, arguments)

    assert ran.exit_code == 2
    assert "is there already; name a new file" in ran.output


def test_evaluate_prints_every_voice_and_baseline_and_plots_them(archive: Path, tmp_path: Path) -> None:
    found = games.read(archive, SPORT).moments
    baseline, plot = tmp_path / "baseline.csv", tmp_path / "plot.svg"
    rows = [f"{one},coin,0.5" for one in found.source_event_ids]
    baseline.write_text("\n".join(["source_event_id,name,probability", *rows]))
    arguments = ["evaluate", SPORT, "--data", str(archive), "--baselines", str(baseline), "--plot", str(plot)]

    ran = CliRunner().invoke(main, [*arguments, "--quiet"])

    assert ran.exit_code == 0, ran.output
    shown = {line.split()[0]: line.split() for line in ran.output.splitlines() if line}
    assert {"blend", "closed", "drives", "lightgbm", "xgboost"} <= set(shown)
    assert shown["coin"][3] == "0.69315"
    assert plot.read_text().startswith("<svg")


def test_a_baseline_that_has_no_record_in_common_is_refused(archive: Path, tmp_path: Path) -> None:
    baseline = tmp_path / "baseline.csv"
    baseline.write_text("source_event_id,name,probability\nelsewhere,coin,0.5\n")

    ran = CliRunner().invoke(
        main, ["evaluate", SPORT, "--data", str(archive), "--baselines", str(baseline), "--quiet"]
    )

    assert ran.exit_code == 2
    assert "has no record that is scored" in ran.output


def test_no_block_is_answered_by_what_came_later(moments: Moments) -> None:
    block = blocks(moments)
    last = block == block.max()
    turned = moments._replace(label=np.where(last, 1 - moments.label, moments.label))

    plain, other = walk(SPORT, moments, 1), walk(SPORT, turned, 1)

    assert np.array_equal(plain.voices, other.voices)
    assert np.array_equal(plain.blend, other.blend)


def test_what_came_before_does_change_the_answers(moments: Moments) -> None:
    block = blocks(moments)
    turned = moments._replace(label=np.where(block == block.max() - 1, 1 - moments.label, moments.label))

    plain, other = walk(SPORT, moments, 1), walk(SPORT, turned, 1)

    assert not np.array_equal(plain.blend[block == block.max()], other.blend[block == block.max()])


def test_a_game_is_never_in_two_blocks_and_blocks_are_in_time_order(moments: Moments) -> None:
    block = blocks(moments)

    assert (np.diff(block) >= 0).all()
    assert block.max() == 9
    for game in range(len(moments.games)):
        assert len(set(block[moments.game == game].tolist())) == 1


def test_seasons_are_the_blocks_where_there_are_four() -> None:
    days = [f"20{20 + year}-{month}-10" for year in range(4) for month in (10, 11)]
    empty = np.zeros((8, 2))
    moments = Moments(
        games=tuple(days),
        days=tuple(days),
        game=np.arange(8),
        source_event_ids=tuple(days),
        period=np.ones(8, dtype=np.int64),
        values=empty,
        closed=empty,
        anchor=empty,
        label=np.zeros(8, dtype=np.int64),
    )

    assert blocks(moments).tolist() == [0, 0, 1, 1, 2, 2, 3, 3]


def test_a_moment_is_taught_by_the_odds_later_in_its_game_and_at_its_end_by_who_won(moments: Moments) -> None:
    taught, first = targets(moments, 5), moments.game == 0
    count = int(first.sum())
    odds = moments.anchor[:, 0] - moments.anchor[:, 1]

    assert taught[0] == pytest.approx(1.0 / (1.0 + np.exp(-odds[5])))
    assert (taught[count - 5 : count] == (moments.label[0] == 0)).all()
    assert (targets(moments, 0) == (moments.label == 0)).all()


def test_a_voice_that_knows_better_is_given_more_weight(moments: Moments) -> None:
    voices = np.repeat(moments.anchor[:, None, :], len(VOICES), axis=1)
    truth = np.eye(2)[moments.label] * 2.0 - 1.0
    voices[:, VOICES.index("lightgbm")] += 0.5 * truth

    by = blend(moments, voices)

    # A third is the prior's, which is worth many more games than there are.
    assert by.weights["lightgbm"] > 0.4
    assert sum(by.weights.values()) == pytest.approx(1.0)
    assert min(by.weights.values()) >= 0.0


def test_without_games_the_blend_is_its_prior() -> None:
    nothing = np.zeros((0, len(VOICES), 2))
    empty = Moments((), (), np.zeros(0, dtype=np.int64), (), *([np.zeros(0)] * 5))  # type: ignore[arg-type]

    by = blend(empty, nothing)

    assert by == Blend(dict.fromkeys(boosting.PRIOR, 1 / 3) | {"closed": 0.0}, 1.0)
    assert mixed(by, np.ones((1, len(VOICES), 2))).tolist() == [[1.0, 1.0]]
