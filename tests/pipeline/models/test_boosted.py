"""The blend of closed form and boosted trees: mirrored, summing to 1, exact at the ends, refused if unfit."""

import math
import shutil
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given

from pipeline.domain import diffusion
from pipeline.errors import UsageError
from pipeline.models import Context, boosted, judged
from pipeline.models.boosted import SHIPPED, VOICES, in_use, load, load_all
from pipeline.models.brownian import MODEL as CLOSED
from pipeline.models.margins import MOST_MEAN, MOST_SPREAD
from pipeline.models.position import whole_game
from pipeline.records import GameStatus
from tests.pipeline.models.make import moment, moments, snap, swapped

MODEL = load(SHIPPED / "american-football")
HOME = SHIPPED / "american-football"


def answer(seen: Any, model: Any = MODEL) -> Any:
    return judged(seen, model)


@given(moments())
def test_the_blend_sums_to_one_and_rules_nothing_out_before_the_end(seen: Any) -> None:
    found = answer(seen).outlook

    for chances in (found.game, found.regulation):
        assert math.fsum(chances) == pytest.approx(1.0, abs=1e-12)
        assert all(0.0 < chance < 1.0 for chance in chances)
    assert all(math.isfinite(value) for value in found.parameters.values())


@given(moments())
def test_swapping_the_teams_mirrors_the_blend_and_every_opinion(seen: Any) -> None:
    plain, other = answer(seen), answer(swapped(seen))

    assert plain.outlook.model == other.outlook.model == MODEL.manifest.model
    pairs = zip((plain.outlook, *plain.opinions), (other.outlook, *other.opinions), strict=True)
    for one, image in pairs:
        assert (one.game[1], one.game[0], *one.game[2:]) == pytest.approx(image.game, abs=1e-9)
    assert plain.outlook.parameters["margin_mean"] == pytest.approx(
        -other.outlook.parameters["margin_mean"], abs=1e-6
    )


@given(moments())
def test_the_parameters_price_the_winner_as_the_blend_does(seen: Any) -> None:
    found, said = answer(seen).outlook, boosted.word(MODEL, seen)
    assert said is not None
    assert said.ending is not None
    mean, sd = found.parameters["margin_mean"], found.parameters["margin_sd"]
    home, away = whole_game(seen.league, diffusion.outcomes(0, mean, sd))[:2]

    z = diffusion.STANDARD.inv_cdf(min(max(said.blend[0], 1e-6), 1.0 - 1e-6))
    most = MOST_MEAN * sd / (1.0 + z * z)
    assert abs(mean - said.ending.margin[0]) >= most - 1e-9 or home / (home + away) == pytest.approx(
        said.blend[0], abs=2e-6
    )
    assert abs(mean - said.ending.margin[0]) <= most + 1e-9
    assert abs(math.log(sd / said.ending.margin[1])) <= MOST_SPREAD + 1e-9
    decided = sum(found.game[:2])
    assert found.game[0] / decided == pytest.approx(said.blend[0], abs=2e-3)


@pytest.mark.parametrize("lead", [0, 3, 7, -4])
def test_near_even_the_parameters_have_the_very_odds_of_the_blend(lead: int) -> None:
    seen = moment(period=3, clock_s=500.0, score=(10 + lead, 10), situation=snap(), margin=0.0)
    found, said = answer(seen).outlook, boosted.word(MODEL, seen)
    ended = diffusion.outcomes(0, found.parameters["margin_mean"], found.parameters["margin_sd"])
    home, away = whole_game(seen.league, ended)[:2]

    assert said is not None
    assert home / (home + away) == pytest.approx(said.blend[0], abs=1e-9)


def test_a_game_that_is_all_but_decided_keeps_its_margin() -> None:
    seen = moment(period=4, clock_s=280.0, score=(31, 7), situation=snap(), margin=0.0)

    assert answer(seen).outlook.parameters["margin_mean"] == pytest.approx(22.5, abs=1.0)


def test_every_voice_has_an_opinion() -> None:
    found = answer(moment(situation=snap()))

    assert [one.model for one in found.opinions] == [CLOSED, "drives", "lightgbm", "xgboost"]


@pytest.mark.parametrize(
    "seen",
    [
        pytest.param(moment(status=GameStatus.SCHEDULED, period=0, situation=snap()), id="before the start"),
        pytest.param(moment(period=5, situation=snap()), id="overtime"),
        pytest.param(moment(clock_s=-1.0, situation=snap()), id="no clock"),
        pytest.param(moment(context=Context()), id="nobody said whose ball it is"),
        pytest.param(moment(score=(90, 0), situation=snap()), id="a feature out of its range"),
        pytest.param(moment(period=4, clock_s=0.0, context=Context(situation=snap())), id="time is up"),
    ],
)
def test_where_the_model_may_not_speak_the_closed_form_does_alone(seen: Any) -> None:
    assert answer(seen) == (seen.closed, ())


@pytest.mark.parametrize(("score", "ended"), [((20, 17), (1.0, 0.0)), ((10, 17), (0.0, 1.0))])
def test_a_game_that_is_over_is_exact(score: tuple[int, int], ended: tuple[float, float]) -> None:
    seen = moment(status=GameStatus.FINAL, period=4, clock_s=0.0, score=score, situation=snap())

    assert answer(seen).outlook.game[:2] == ended


def test_a_snap_after_time_is_up_is_still_played() -> None:
    seen = moment(period=4, clock_s=0.0, score=(20, 22), situation=snap("home", 1, 10, 20))

    assert 0.05 < answer(seen).outlook.game[0] < 0.95


def test_leagues_that_the_model_was_not_trained_on_keep_their_closed_form() -> None:
    assert MODEL.manifest.leagues == ("nfl",)
    assert set(in_use().by_league) >= {"nfl"}
    assert "sim-nfl" not in in_use().by_league


def test_what_is_shipped_is_small_and_has_a_card() -> None:
    for home in [manifest.parent for manifest in SHIPPED.glob("*/manifest.json")]:
        assert sum(path.stat().st_size for path in home.iterdir()) <= 400_000
        assert "Known weak spots" in (home / "CARD.md").read_text()


def test_the_weights_of_the_voices_sum_to_one() -> None:
    weights = MODEL.manifest.weights

    assert set(weights) == set(VOICES)
    assert math.fsum(weights.values()) == pytest.approx(1.0, abs=1e-5)
    assert min(weights.values()) >= 0.0


@pytest.mark.parametrize("name", ["lightgbm.txt", "xgboost.json"])
def test_a_file_that_is_not_the_one_of_its_manifest_is_refused(tmp_path: Path, name: str) -> None:
    shutil.copytree(HOME, tmp_path / "model")
    path = tmp_path / "model" / name
    path.write_bytes(path.read_bytes() + b" ")

    with pytest.raises(UsageError, match=r"is not the file that manifest\.json names: train the model again"):
        load(tmp_path / "model")


def test_a_model_of_other_features_is_refused(tmp_path: Path) -> None:
    shutil.copytree(HOME, tmp_path / "model")
    manifest = msgspec.json.decode((tmp_path / "model" / "manifest.json").read_bytes())
    manifest["features"][0]["high"] = 1.0
    (tmp_path / "model" / "manifest.json").write_bytes(msgspec.json.encode(manifest))

    with pytest.raises(UsageError, match="was trained on other features"):
        load(tmp_path / "model")


def test_a_folder_without_its_files_and_one_that_is_not_there_are_refused(tmp_path: Path) -> None:
    shutil.copytree(HOME, tmp_path / "models" / "american-football")
    (tmp_path / "models" / "american-football" / "xgboost.json").unlink()

    with pytest.raises(UsageError, match="cannot be read"):
        load_all(tmp_path / "models")
    with pytest.raises(UsageError, match="no folder of models"):
        load_all(tmp_path / "none")


def test_the_digest_changes_with_a_manifest(tmp_path: Path) -> None:
    home = tmp_path / "american-football"
    shutil.copytree(HOME, home)
    before = load_all(tmp_path).digest
    manifest = msgspec.json.decode((home / "manifest.json").read_bytes()) | {"slope": 0.5}
    (home / "manifest.json").write_bytes(msgspec.json.encode(manifest))

    assert before == in_use().digest or len(in_use().by_league) > 1
    assert load_all(tmp_path).digest != before


def test_how_features_lay_in_training_is_told_and_moves_no_digest(tmp_path: Path) -> None:
    shutil.copytree(HOME, tmp_path / "american-football")
    path = tmp_path / "american-football" / "manifest.json"
    manifest = msgspec.json.decode(path.read_bytes())
    before = load_all(tmp_path)
    lead = {"name": "lead", "edges": [0.0], "shares": [0.25, 0.75]}
    path.write_bytes(msgspec.json.encode(manifest | {"histograms": [lead]}))

    after = load_all(tmp_path)

    assert after.by_league["nfl"].manifest.histograms[0].edges == (0.0,)
    assert (after.digest, after.content) == (before.digest, before.content)
    assert after.by_league["nfl"].digest == before.by_league["nfl"].digest


def test_what_a_model_reads_names_what_is_out_of_range() -> None:
    looked = boosted.look(MODEL.sheet, moment(score=(90, 0), situation=snap()))

    assert looked is not None
    assert looked.strange == ("lead",)
    assert boosted.look(MODEL.sheet, moment(period=5, situation=snap())) is None


@pytest.mark.parametrize("league", ["nfl", "nba", "mlb"])
def test_every_shipped_model_says_how_its_features_lay_in_training(league: str) -> None:
    model = in_use().by_league[league]
    found = {one.name: one for one in model.manifest.histograms}

    assert list(found) == [feature.name for feature in model.sheet.features]
    for feature in model.sheet.features:
        one = found[feature.name]
        assert len(one.shares) == len(one.edges) + 1 >= 2
        assert math.fsum(one.shares) == pytest.approx(1.0, abs=1e-5)
        assert feature.low <= one.edges[0] <= one.edges[-1] <= feature.high
        assert list(one.edges) == sorted(set(one.edges))
        assert min(one.shares) > 0.0
