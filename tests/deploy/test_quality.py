"""Models whose honesty is known, through the fold, its counters and the very alert."""

import math
import random
import time
from collections.abc import Iterator
from datetime import date, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from msgspec.structs import replace
from prometheus_client import REGISTRY, CollectorRegistry, start_http_server

from pipeline import data
from pipeline.records import GameProbabilities, GameScore, GameState, GameStatus
from pipeline.settings import Rules
from pipeline.stages.bets import BETS
from pipeline.stages.fold import Input, first_row, fold
from pipeline.telemetry import Part
from pipeline.topics import topic_of
from processors import quality
from processors.tally import Tally
from producers.simulator.events import game
from tests.deploy.prometheus import running
from tests.deploy.test_dashboards import ASKED, SETTLED, complaint, values_of
from tests.deploy.test_rules import EACH_RULE, RULES, holds, until_found
from tests.make_records import AT_MS, example

GAMES, LEAGUE = 150, "sim-nhl"
Counts = dict[tuple[str, tuple[tuple[str, str], ...]], float]


class Model(NamedTuple):
    """Says the true log-odds that home wins, times ``slope``, plus ``shift``."""

    slope: float = 1.0
    shift: float = 0.0

    def chance(self, truth: float) -> float:
        """Of home, where that is the true chance."""
        truth = min(max(truth, 1e-6), 1.0 - 1e-6)
        said = self.slope * math.log(truth / (1.0 - truth)) + self.shift
        return 1.0 / (1.0 + math.exp(-said))


HONEST = Model()
#: A game of a league in which several models speak.
SEVERAL: GameScore = example("games.scores")


def published(seed: int, model: Model) -> Iterator[GameState | GameProbabilities]:
    """A simulated game of hockey as the games fold would tell it, its true chances bent by a model."""
    played = game(LEAGUE, random.Random(seed))
    for revision, step in enumerate(played.steps(), 1):
        if step.shown is None:
            continue
        shown, over = step.shown, step.shown.status == GameStatus.FINAL
        common: dict[str, Any] = {
            "received_at_ms": AT_MS + step.at_ms,
            "revision": revision,
            "status": shown.status,
            "home_score": shown.home,
            "away_score": shown.away,
            "finished_at_ms": AT_MS + step.at_ms if over else 0,
        }
        yield example(
            "games.states",
            **common,
            league=LEAGUE,
            period=shown.period,
            clock_s=shown.clock_s,
            situation=None,
        )
        home = model.chance(played.outlook(step.state).fair("h2h")[0])
        yield example("games.probabilities", **common, game=(home, 1.0 - home), opinions=())


def totals() -> Counts:
    """Every counter of the league, by name and labels."""
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in REGISTRY.collect()
        for sample in family.samples
        if sample.labels.get("league") == LEAGUE and sample.name.endswith("_total")
    }


def counted(model: Model) -> Counts:
    """By how much a worker's counters grow with all the games."""
    tally, before = Tally(BETS), totals()
    for seed in range(GAMES):
        row = first_row(BETS, f"{LEAGUE}:{date(2026, 1, 1) + timedelta(seed)}:qua-bri", {})
        for offset, record in enumerate(published(seed, model)):
            source = Input(topic_of(type(record)).name, 0, offset, record)
            row, answers = fold(BETS, Rules(), row, source)
            tally.folded(row, source, answers, 0.0)
    return {key: value - before.get(key, 0.0) for key, value in totals().items()}


def case(grown: Counts) -> dict[str, Any]:
    """A case for promtool in which the games settle a minute after the start."""
    series = [
        {
            "series": name + "{" + ",".join(f'{label}="{word}"' for label, word in labels) + "}",
            "values": f"0x12 {value}x24",
        }
        for (name, labels), value in grown.items()
    ]
    return {"interval": "5s", "input_series": series}


def deviations(grown: Counts, side: str) -> float:
    """By how many of chance's what came of a side is above what was said."""
    came, said, variance = (
        grown[f"sharpline_processors_side_{name}_total", (("league", LEAGUE), ("side", side))]
        for name in ("came", "said", "variance")
    )
    return (came - said) / math.sqrt(variance)


@pytest.mark.parametrize(
    ("model", "home", "favourite", "sides"),
    [  # as in docs/scores.md
        pytest.param(HONEST, -1.3, -0.4, set(), id="an honest model"),
        pytest.param(Model(slope=1.5), -1.7, -3.1, set(), id="too sure by half"),
        pytest.param(Model(slope=2.0), -2.0, -5.2, {"favourite"}, id="twice as sure"),
        pytest.param(Model(shift=0.6), -4.3, -2.5, {"home"}, id="for home"),
        pytest.param(Model(shift=1.2), -7.4, -6.3, {"home", "favourite"}, id="blindly for home"),
    ],
)
@pytest.mark.timeout(300)
def test_the_alert_knows_a_biased_model_from_an_honest_one(
    tmp_path: Path, model: Model, home: float, favourite: float, sides: set[str]
) -> None:
    for path in RULES:
        (tmp_path / path.name).write_text(path.read_text())
    grown = counted(model)
    asked = {
        "expr": 'sum by (side) (ALERTS{alertname="SharplineMiscalibrated"})',
        "eval_time": "2m",
        "exp_samples": [{"labels": f'{{side="{side}"}}', "value": 1} for side in sorted(sides)],
    }

    assert grown["sharpline_processors_scored_games_total", (("league", LEAGUE),)] == GAMES
    assert deviations(grown, "home") == pytest.approx(home, abs=0.05)
    assert deviations(grown, "favourite") == pytest.approx(favourite, abs=0.05)
    assert holds(tmp_path, [{**case(grown), "promql_expr_test": [asked]}])


def test_every_panel_of_quality_has_data_once_games_have_settled(tmp_path: Path) -> None:
    registry = CollectorRegistry()
    registry.register(Part("processors"))
    tally = Tally(BETS)
    for league in (LEAGUE, "nba"):
        row = first_row(
            BETS, f"{league}:2025-11-01:bos-nyk" if league == "nba" else f"{LEAGUE}:2026-01-01:qua-bri", {}
        )
        tally.folded(row, Input("games.states", 0, 0, example("games.states")), (), 0.0)
    server, _ = start_http_server(0, "127.0.0.1", registry)
    target = {"targets": [f"127.0.0.1:{server.server_port}"], "labels": {"job": "processors", "app": "bets"}}
    asked = [asked for asked in ASKED if asked.panel.startswith(SETTLED)]

    with running(tmp_path, [target], at_once=True) as prometheus:
        until_found(prometheus, f'sharpline_processors_scored_games_total{{league="{LEAGUE}"}}')
        counted(HONEST)
        quality.count(replace(SEVERAL, league="nba"))
        deadline = time.monotonic() + 60.0
        empty = dict.fromkeys(asked, "not asked yet")
        while empty and time.monotonic() < deadline:
            time.sleep(1.0)  # nothing new before the next scrape
            empty = {each: said for each in empty if (said := complaint(prometheus, each))}
        offered = values_of(prometheus, "label_values(sharpline_processors_scored_games_total, league)")
    server.shutdown()

    assert len(asked) > 10
    assert not empty, "\n".join(f"{each.panel}: {said}" for each, said in empty.items())
    assert {LEAGUE, "nba"} <= set(offered)


def test_what_is_of_a_week_or_a_day_reads_a_week_or_a_day() -> None:
    windows = {
        rule["record"]: rule["expr"] for rule in EACH_RULE if rule.get("record", "")[-2:] in ("7d", "1d")
    }

    assert len(windows) == 17
    for name, expr in windows.items():
        assert f"[{name[-2:]}]" in expr, name
        assert f"[{'1d' if name.endswith('7d') else '7d'}]" not in expr, name


def test_a_score_that_was_published_is_what_was_counted() -> None:
    """The sums of a worker are those of the records, so that counters and `sharpline scores` agree."""
    tally, before = Tally(BETS), totals()
    row, scores = first_row(BETS, f"{LEAGUE}:2026-01-01:qua-bri", {}), []
    for offset, record in enumerate(published(7, HONEST)):
        source = Input(topic_of(type(record)).name, 0, offset, record)
        row, answers = fold(BETS, Rules(), row, source)
        tally.folded(row, source, answers, 0.0)
        scores += [answer.record for answer in answers if isinstance(answer.record, GameScore)]
    [score] = scores
    grown = {key: value - before.get(key, 0.0) for key, value in totals().items()}

    def summed(name: str) -> float:
        return math.fsum(
            [value for (metric, _), value in grown.items() if metric == f"sharpline_processors_{name}_total"]
        )

    assert summed("scored_moments") == score.published > 20
    assert summed("scored_log_loss") == pytest.approx(score.published * score.log_loss)
    assert summed("scored_brier") == pytest.approx(score.published * score.brier)
    assert summed("bucket_moments") == score.published
    assert data.leagues()[LEAGUE].sport == "hockey"
