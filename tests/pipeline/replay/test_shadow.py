"""What a candidate would publish otherwise, and what is kept for the test whether it is better."""

import json
from itertools import islice, pairwise
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from pipeline import codec
from pipeline.models import boosted, soccer
from pipeline.records import ClockTick, OddsSnapshot, Said, ShadowChange, ShadowDifference, SourceState, Terms
from pipeline.replay.archive import Message
from pipeline.replay.differences import difference
from pipeline.replay.shadow import Setup, Shadow, leagues_of
from pipeline.settings import Rules
from pipeline.topics import ANSWERS
from pipeline.training.paired import Verdict, compared
from producers.simulator import simulate
from tests.make_records import AT_MS, EVENT, example
from tests.pipeline.replay.shadows import (
    PARTITIONS,
    football_alone,
    messages,
    same_models,
    shadowed,
    short_season,
    wrong_models,
)

STARTS = 1_767_225_600_000
EVENING = list(islice(simulate(3, 4, STARTS), 400))
HOUR_MS = 3_600_000
Ending = tuple[Shadow, list[ShadowDifference]]


@pytest.fixture(scope="module")
def season() -> list[Any]:
    return short_season(12)


@pytest.fixture(scope="module")
def wrong(season: list[Any], tmp_path_factory: pytest.TempPathFactory) -> Ending:
    """A season with a model that takes the sides for each other."""
    return shadowed(season, wrong_models(tmp_path_factory.mktemp("wrong") / "models"))


@pytest.fixture(scope="module")
def eager() -> Ending:
    """An evening with a candidate that asks less of a value bet."""
    return shadowed(EVENING, rules=Rules(minimum_expected_value=0.005))


@pytest.mark.parametrize("records", [EVENING, short_season(1)], ids=["odds and games", "a boosted model"])
def test_a_candidate_that_is_no_other_differs_nowhere(records: list[Any], tmp_path: Path) -> None:
    both, differences = shadowed(records, same_models(tmp_path / "models"))

    assert both.tally.inputs == len(records)
    assert both.tally.answers > 0
    assert differences == []
    assert both.made_with[0] == both.made_with[1]


def test_another_models_probabilities_are_both_told_with_the_record_that_they_answer(wrong: Ending) -> None:
    _, differences = wrong
    said = [each for each in differences if each.topic == "games.probabilities" and each.chances]

    assert len(said) > 100
    for each in said:
        assert each.source_event_id
        assert each.cause.startswith(("games.events/", "odds.snapshots/"))
        assert each.baseline.made_with["models"] != each.candidate.made_with["models"]
        assert each.baseline.made_with["rules"] == each.candidate.made_with["rules"]
        for chances in each.chances:
            assert sum(chances.baseline) == pytest.approx(1.0)
            assert sum(chances.candidate) == pytest.approx(1.0)
            assert chances.baseline != chances.candidate


def test_a_model_that_is_wrong_is_found_worse(wrong: Ending) -> None:
    both, _ = wrong
    found = compared(both.games(), 0.02).forecasts[0]

    assert (found.games, found.league) == (12, "all")
    assert found.moments >= found.differing > 100
    assert found.log_loss[1] > found.log_loss[0]
    assert found.above.low > 0.0
    assert found.verdict is Verdict.WORSE
    assert not found.deploy


def test_a_model_that_is_less_wrong_than_what_is_in_use_is_to_be_deployed(
    season: list[Any], tmp_path: Path
) -> None:
    both = Shadow(Setup(Rules(), wrong_models(tmp_path / "wrong")), Setup(Rules()), PARTITIONS)
    for message in messages(season):
        list(both.take(message))
    found = compared(both.games(), 0.02).forecasts[0]

    assert found.verdict is Verdict.BETTER
    assert found.deploy
    assert not compared(both.games(), 0.99).forecasts[0].deploy


def test_a_lower_threshold_lets_value_bets_appear(eager: Ending) -> None:
    both, differences = eager
    appeared = [
        each for found in differences for each in found.opportunities if each.change is ShadowChange.APPEARS
    ]

    assert {found.topic for found in differences} <= {"bets.value", "bets.results"}
    assert both.opportunities["value", "appears"] == len({each.id for each in appeared}) > 10
    for each in appeared:
        assert each.baseline == Terms()
        assert 0.005 <= each.candidate.expected_value < 0.02
        assert len(each.candidate.legs) == 1
    assert ("value", "vanishes") not in both.opportunities


def test_a_higher_threshold_lets_value_bets_vanish() -> None:
    both, differences = shadowed(EVENING, rules=Rules(minimum_expected_value=0.05))
    gone = [
        each for found in differences for each in found.opportunities if each.change is ShadowChange.VANISHES
    ]

    assert both.opportunities["value", "vanishes"] > 0
    assert all(each.candidate == Terms() and each.baseline.legs for each in gone)


def test_an_arbitrage_is_told_with_both_its_stakes() -> None:
    both, differences = shadowed(EVENING, rules=Rules(arbitrage_total_minor=50_000))
    changed = [each for found in differences for each in found.opportunities if each.kind == "arbitrage"]

    assert both.opportunities["arbitrage", "changes"] > 0
    for each in changed:
        assert len(each.baseline.legs) >= 2
        assert each.candidate.stake_minor <= 50_000 < each.baseline.stake_minor


def test_every_difference_may_enter_its_topic(wrong: Ending, eager: Ending) -> None:
    for _, differences in (wrong, eager):
        for each in differences:
            key, value = codec.encode("shadow.differences", each)
            assert codec.decode("shadow.differences", key, value) == each


def test_differences_come_in_order_of_time(eager: Ending) -> None:
    _, differences = eager

    assert all(one.received_at_ms <= other.received_at_ms for one, other in pairwise(differences))


def test_the_same_inputs_give_the_same_differences(eager: Ending) -> None:
    assert shadowed(EVENING, rules=Rules(minimum_expected_value=0.005))[1] == eager[1]


def test_a_difference_is_told_once_and_so_is_its_end() -> None:
    one = example("bets.value")
    other = replace(one, bets=())
    key = ("bets.value", EVENT)
    differing: dict[tuple[str, str], tuple[str, str]] = {}

    def told(before: Any, after: Any) -> ShadowDifference | None:
        return difference((before, after), key, AT_MS, "clock.ticks", differing)

    first = told(one, other)
    assert first is not None
    assert [each.change for each in first.opportunities] == [ShadowChange.VANISHES] * len(one.bets)
    assert told(one, replace(other, revision=99)) is None, "its provenance is no news"
    ended = told(one, one)
    assert ended is not None
    assert ended.opportunities == ()
    assert ended.baseline.digest == ended.candidate.digest != ""
    assert told(one, one) is None


def test_an_answer_that_one_side_never_gave_has_no_digest() -> None:
    found = difference((None, example("odds.fair")), ("odds.fair", EVENT), AT_MS, "clock.ticks", {})

    assert found is not None
    assert found.baseline == Said(digest="", made_with={})
    assert [each.baseline for each in found.chances] == [()] * len(example("odds.fair").markets)


def test_suspects_are_no_opportunities() -> None:
    one = example("bets.arbitrage")
    open_one = replace(one, arbitrages=tuple(replace(each, suspect=()) for each in one.arbitrages))
    suspect = replace(
        one, arbitrages=tuple(replace(each, suspect=("beyond_belief",)) for each in one.arbitrages)
    )
    found = difference((suspect, open_one), ("bets.arbitrage", EVENT), AT_MS, "clock.ticks", {})

    assert found is not None
    assert {each.change for each in found.opportunities} == {ShadowChange.APPEARS}


def test_a_game_that_is_over_for_good_is_dropped_and_still_counts(season: list[Any], tmp_path: Path) -> None:
    game = [record for record in season if record.event_id == season[0].event_id]
    both = Shadow(Setup(Rules()), Setup(Rules(), wrong_models(tmp_path / "models")), PARTITIONS)
    taken = messages(game)
    for message in taken:
        list(both.take(message))
    before = both.games()
    assert both.followed == 1
    tick = ClockTick(received_at_ms=game[-1].received_at_ms + 80 * HOUR_MS)
    list(both.take(Message("clock.ticks", "clock", 0, 0, tick.received_at_ms, tick)))

    assert both.followed == 0
    after = both.games()
    assert [each.event_id for each in after] == [game[0].event_id]
    assert (after[0].candidate == before[0].candidate).all()
    late = taken[-1]._replace(record=replace(game[-1], received_at_ms=tick.received_at_ms + 1, sequence=999))
    assert list(both.take(late)) == [], "what comes after its end changes nothing"


def test_a_game_that_is_played_on_after_all_is_not_over(season: list[Any]) -> None:
    game = [record for record in season if record.event_id == season[0].event_id]
    both, _ = shadowed(game)
    assert both.finished == {game[0].event_id}

    final = game[-1]
    again = replace(
        game[-2], received_at_ms=final.received_at_ms + 1000, sequence=final.sequence + 1, kind="correction"
    )
    list(both.take(messages([*game, again])[-1]))

    assert both.finished == set()
    assert both.games() == []


def test_a_candidates_models_speak_nowhere_else(wrong: Ending) -> None:
    both, _ = wrong
    baseline, candidate = both.made_with

    assert baseline["models"] == boosted.in_use().digest != candidate["models"]


def test_games_that_a_model_may_have_learnt_from_are_counted(tmp_path: Path) -> None:
    models = same_models(tmp_path / "models")
    path = models / "american-football" / boosted.MANIFEST
    manifest = json.loads(path.read_text())
    manifest["learnt_from"]["until"] = "2025-09-15"
    path.write_text(json.dumps(manifest))

    both, _ = shadowed(short_season(3), models)

    assert (len(both.finished), both.learnt()) == (3, (0, 2))


def test_a_candidates_soccer_profile_speaks_beside_that_in_use(tmp_path: Path) -> None:
    models = same_models(tmp_path / "models")
    path = models / "soccer" / soccer.PROFILE
    fitted = json.loads(path.read_text())
    fitted["profile"]["rise"] += 0.2
    path.write_text(json.dumps(fitted))
    minute = example(
        "games.events",
        event_id="epl:2025-09-14:ars-che",
        source="wyscout",
        kind="clock",
        period=2,
        clock_s=1200.0,
        situation=None,
    )

    _, differences = shadowed([minute], models)

    said = [each for each in differences if each.topic == "games.probabilities"]
    assert [each.source_event_id for each in said] == [minute.source_event_id]
    assert [each.scope for each in said[0].chances] == ["game", "regulation"]


def test_a_folder_says_which_leagues_it_serves(tmp_path: Path) -> None:
    assert leagues_of(boosted.SHIPPED) >= {"nfl", "nba", "mlb", "epl"}
    assert leagues_of(football_alone(tmp_path / "models")) == {"nfl"}


def test_a_source_that_a_tick_calls_down_is_down_for_both() -> None:
    both, _ = shadowed(EVENING)
    last_ms = EVENING[-1].received_at_ms

    def answers_to(seconds: int, *sources: SourceState) -> int:
        before, at_ms = both.tally.answers, last_ms + 1000 * seconds
        tick = ClockTick(received_at_ms=at_ms, sources=sources)
        assert list(both.take(Message("clock.ticks", "clock", 0, seconds, at_ms, tick))) == []
        return both.tally.answers - before

    quiet = answers_to(1)
    down = SourceState(source="simulator", down_since_ms=last_ms + 1000, outages=1)
    events = {record.event_id for record in EVENING if isinstance(record, OddsSnapshot)}

    assert answers_to(2, down) >= quiet + len(events), "no price of theirs counts any more"
    assert answers_to(3, down) <= quiet


def test_differences_are_no_answers() -> None:
    assert "shadow.differences" not in ANSWERS
