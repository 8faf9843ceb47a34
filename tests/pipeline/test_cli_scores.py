"""``sharpline scores`` over archives and over a broker."""

import json
import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from confluent_kafka import Producer
from msgspec.structs import replace

from pipeline.cli import main
from pipeline.cluster import create_topics
from pipeline.codec import encode
from pipeline.records import GameScore, OpinionScore
from pipeline.replay.archive import ArchiveWriter
from pipeline.settings import Settings
from tests.make_records import example
from tests.pipeline.stages.bets import make

NHL = ("nhl:2025-10-14:bos-nyr", "nhl:2025-10-15:bos-nyr", "nhl:2025-10-16:bos-nyr")
NFL = make.NFL


def scored(event_id: str, home: float, goals: tuple[int, int]) -> GameScore:
    """A game of which the same was said in two periods; the closing line gave home a half."""
    said = make.probabilities
    found = make.scores(
        make.close(make.fair("h2h", 0.5, 0.5)),
        make.state(period=1),
        said(1, home, 1.0 - home),
        make.state(period=2),
        said(2, home, 1.0 - home),
        make.final(*goals, period=3),
        event_id=event_id,
    )
    return replace(found[-1], event_id=event_id)


OPINIONS = (
    OpinionScore(model="nfl-blend", moments=2, log_loss=0.4, brier=0.2),
    OpinionScore(model="drives", moments=2, log_loss=0.5, brier=0.3),
)
GAMES = [scored(NHL[0], 0.8, (2, 1)), scored(NHL[1], 0.6, (1, 2)), scored(NFL, 0.7, (27, 20))]


def archived(folder: Path, games: Iterable[GameScore]) -> Path:
    with ArchiveWriter(folder, 4) as writer:
        for game in games:
            writer.append("games.scores", game)
    return folder


@pytest.fixture
def answers(tmp_path: Path) -> Path:
    return archived(tmp_path / "answers", GAMES)


def scores(*arguments: object, **environment: str) -> Result:
    return CliRunner().invoke(main, ["scores", *map(str, arguments)], env=environment)


def rows(*arguments: object) -> list[dict[str, Any]]:
    result = scores(*arguments, "--json")
    assert result.exit_code == 0, result.output
    return [json.loads(line) for line in result.output.splitlines()]


def test_each_league_has_a_row_and_all_of_them_one(answers: Path) -> None:
    nfl, nhl, every = rows(answers)

    assert [row["league"] for row in (nfl, nhl, every)] == ["nfl", "nhl", "all"]
    assert [(row["games"], row["moments"]) for row in (nfl, nhl, every)] == [(1, 2), (2, 4), (3, 6)]
    assert nhl["log_loss"]["mean"] == pytest.approx(-(math.log(0.8) + math.log(0.4)) / 2.0)
    assert nhl["log_loss"]["low"] == pytest.approx(-math.log(0.8))
    assert nhl["log_loss"]["high"] == pytest.approx(-math.log(0.4))
    assert nhl["brier"] == pytest.approx((2 * 0.04 + 2 * 0.36) / 2.0)
    assert nhl["skill"]["mean"] == pytest.approx(1.0 + (math.log(0.8) + math.log(0.4)) / 2.0 / math.log(2.0))
    assert nhl["skill"]["low"] <= nhl["skill"]["mean"] <= nhl["skill"]["high"]


def test_one_league_alone_has_no_row_of_all(answers: Path) -> None:
    assert [row["league"] for row in rows(answers, "--league", "nhl")] == ["nhl"]


def test_phases_are_rows_in_the_order_of_play(answers: Path) -> None:
    found = rows(answers, "--by", "phase")

    assert [(row["league"], row["part"]) for row in found] == [
        ("nfl", "q1"),
        ("nfl", "q2"),
        ("nhl", "p1"),
        ("nhl", "p2"),
    ]
    assert [row["moments"] for row in found] == [1, 1, 2, 2]


def test_buckets_say_what_came_of_what_was_said(answers: Path) -> None:
    found = rows(answers, "--by", "bucket", "--league", "nhl")

    assert [(row["part"], row["games"], row["said"], row["came"]["mean"]) for row in found] == [
        ("60-70 %", 1, pytest.approx(0.6), 0.0),
        ("80-90 %", 1, pytest.approx(0.8), 1.0),
    ]


def test_sides_are_held_against_chance(answers: Path) -> None:
    favourite, home = rows(answers, "--by", "side", "--league", "nhl")

    assert (favourite["part"], home["part"]) == ("favourite", "home")
    # Two moments a game, each one draw: variances 4 p (1 - p).
    assert home["deviations"] == pytest.approx((2.0 - 2.8) / math.sqrt(4 * 0.16 + 4 * 0.24))


def test_models_that_spoke_at_the_same_moments_are_beside_each_other(tmp_path: Path) -> None:
    game = replace(GAMES[2], opinions=OPINIONS)

    found = rows(archived(tmp_path / "answers", [game, GAMES[0]]), "--by", "model")

    assert [(row["league"], row["part"], row["moments"]) for row in found] == [
        ("nfl", "drives", 2),
        ("nfl", "nfl-blend", 2),
        ("nhl", "brownian-margin", 2),
    ]


def test_a_score_that_was_revised_counts_as_it_stands(tmp_path: Path) -> None:
    first, last = GAMES[0], scored(NHL[0], 0.8, (1, 2))
    [row] = rows(archived(tmp_path / "answers", [first, replace(last, revision=first.revision + 1)]))

    assert row["games"] == 1
    assert row["log_loss"]["mean"] == pytest.approx(-math.log(0.2))


def test_a_game_without_a_close_has_no_skill(tmp_path: Path) -> None:
    bare = replace(GAMES[0], closing_log_loss=0.0)
    [row] = rows(archived(tmp_path / "answers", [bare]))
    assert row["skill"] is None

    [both] = rows(archived(tmp_path / "both", [bare, GAMES[1]]))
    assert both["skill"]["mean"] == pytest.approx(GAMES[1].skill)


def test_games_of_an_earlier_version_are_told_to_be_left_out(tmp_path: Path) -> None:
    old = replace(GAMES[0], phases=(), sides=(), opinions=())
    folder = archived(tmp_path / "answers", [old, GAMES[1]])

    result = scores(folder, "--by", "phase")

    assert "left out: 1 games that an earlier version scored in all only" in result.output
    assert [row["games"] for row in rows(folder)] == [2]


def test_the_table_has_an_interval_where_there_are_games_to_draw(answers: Path) -> None:
    head, nfl, nhl, _ = scores(answers).output.splitlines()

    assert head.split() == ["league", "games", "moments", "log", "loss", "by", "time", "Brier", "skill"]
    assert nfl.split()[:4] == ["nfl", "1", "2", "0.3567"]
    assert "(" not in nfl
    assert "(0.2231 to 0.9163)" in nhl


def test_an_archive_of_inputs_and_one_without_such_a_game_are_refused_in_one_sentence(
    tmp_path: Path, answers: Path
) -> None:
    with ArchiveWriter(tmp_path / "inputs", 4) as writer:
        writer.append("clock.ticks", example("clock.ticks"))

    inputs, nobody = scores(tmp_path / "inputs"), scores(answers, "--league", "epl")

    assert (inputs.exit_code, nobody.exit_code) == (2, 2)
    assert "does not hold games.scores; make it with `sharpline replay" in inputs.output
    assert "games.scores has no settled game of epl yet" in nobody.output


def test_without_an_archive_a_broker_is_asked_for() -> None:
    result = scores(SHARPLINE_KAFKA="")

    assert result.exit_code == 2
    assert "no Kafka named" in result.output


@pytest.mark.kafka
def test_a_cluster_says_the_same_as_an_archive_of_it(fresh_kafka: str, answers: Path) -> None:
    create_topics(fresh_kafka, Settings(), [])
    producer = Producer({"bootstrap.servers": fresh_kafka, "partitioner": "murmur2_random"})
    for game in GAMES:
        key, value = encode("games.scores", game)
        producer.produce("games.scores", key=key, value=value)
    assert producer.flush(60) == 0

    result = scores("--kafka", fresh_kafka, "--by", "phase")

    assert result.exit_code == 0, result.output
    assert result.output == scores(answers, "--by", "phase").output
