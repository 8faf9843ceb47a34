"""A parser that was wrong, its answers as they were received, and the parser that is right."""

import time
from collections.abc import Callable
from typing import Any

import pytest
from click.testing import CliRunner
from msgspec.structs import replace

from pipeline import cluster
from pipeline.records import GameEvent, OddsSnapshot, Record
from pipeline.settings import Settings
from producers import reparse
from producers.identity import Identities
from producers.live.call import Answer, Call, Config, Parsed, Refuse, Source
from producers.live.claims import KafkaClaims
from producers.live.intake import Intake
from producers.live.who import Who
from producers.publish import KafkaLog
from producers.sources import espn, the_odds_api
from tests.producers.sources import espn_payloads, payloads
from tests.producers.test_publish import logged

pytestmark = pytest.mark.kafka

ODDS = Call(
    the_odds_api.NAME,
    "odds nfl",
    "https://localhost/v4/sports/americanfootball_nfl/odds",
    (("regions", "us"), ("markets", "h2h"), ("oddsFormat", "decimal")),
    "nfl",
    kind="odds",
)
SCORES = Call(espn.NAME, "scoreboard nfl", "https://localhost/nfl/scoreboard", league="nfl", kind="scores")


class Wrong:
    """A source whose parser leaves out or changes some of its records."""

    KEY = ""

    def __init__(self, source: Source, spoil: Callable[[Record], Record | None]) -> None:
        self.NAME, self._source, self._spoil = source.NAME, source, spoil

    def calls(self, config: Config, now_ms: int, games: Any) -> list[Call]:
        return []

    def parse(
        self, call: Call, body: bytes, received_at_ms: int, identities: Identities, refuse: Refuse
    ) -> Parsed:
        parsed = self._source.parse(call, body, received_at_ms, identities, refuse)
        spoilt = [self._spoil(record) for record in parsed.records]
        return parsed._replace(records=[record for record in spoilt if record is not None])


def without_beta(record: Record) -> Record | None:
    if isinstance(record, OddsSnapshot):
        return replace(record, lines=tuple([line for line in record.lines if line.book != "beta"]))
    return record


def with_a_wrong_score(record: Record) -> Record | None:
    return replace(record, home_score=record.home_score + 50) if isinstance(record, GameEvent) else record


def offer(beta: float) -> bytes:
    sides = "Kansas City Chiefs", "Philadelphia Eagles"
    books = [
        payloads.book(
            name, payloads.market("h2h", payloads.outcome(sides[0], price), payloads.outcome(sides[1], 1.9))
        )
        for name, price in (("alpha", 1.95), ("beta", beta))
    ]
    return payloads.body(payloads.event(*books))


def score(home: str) -> bytes:
    sides = [
        espn_payloads.side("home", "Kansas City Chiefs", home),
        espn_payloads.side("away", "Philadelphia Eagles", "17"),
    ]
    return espn_payloads.board(espn_payloads.game(competitors=sides))


@pytest.fixture
def begun_ms(fresh_kafka: str) -> int:
    """When the first answers were received, one each ten seconds; only the last of odds was parsed right."""
    cluster.create_topics(fresh_kafka, Settings(partitions=4), ())
    log = KafkaLog(fresh_kafka)
    who = Who(log, KafkaClaims(fresh_kafka))
    begun_ms = int(time.time()) * 1000 - 600_000
    wrong = {
        ODDS: Intake(Wrong(the_odds_api, without_beta), who.of(the_odds_api.NAME), who),
        SCORES: Intake(Wrong(espn, with_a_wrong_score), who.of(espn.NAME), who),
    }
    right = {
        ODDS: Intake(the_odds_api, who.of(the_odds_api.NAME), who),
        SCORES: Intake(espn, who.of(espn.NAME), who),
    }
    bodies = {ODDS: [offer(2.0), offer(2.1), offer(2.2)], SCORES: [score("21"), score("24"), score("24")]}
    for number in range(3):
        for call in (ODDS, SCORES):
            at_ms = begun_ms + number * 10_000
            answer = Answer(call, 200, {}, bodies[call][number], at_ms, at_ms)
            (right if call is ODDS and number == 2 else wrong)[call].take(answer)
    log.close()
    return begun_ms


def run(bootstrap: str, *options: str) -> list[str]:
    done = CliRunner().invoke(reparse.main, ["--kafka", bootstrap, *options], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.output.splitlines()


def of(bootstrap: str, topic: str) -> list[Any]:
    found = [record for _, each in sorted(logged(bootstrap, [topic]).items()) for record in each]
    return sorted(found, key=lambda record: record.received_at_ms)


def test_what_a_wrong_parser_left_out_appears_once_and_what_was_right_is_left_alone(
    fresh_kafka: str, begun_ms: int
) -> None:
    odds, plays = of(fresh_kafka, "odds.snapshots"), of(fresh_kafka, "games.events")
    claims = of(fresh_kafka, "sources.events")

    rehearsed = run(fresh_kafka, "--dry-run")
    assert rehearsed == [
        "nothing was appended",
        "read again 6 answers (3 of espn, 3 of the-odds-api)",
        "games.events: 0 as they should be, 0 missing, 2 different",
        "odds.snapshots: 1 as they should be, 0 missing, 2 different",
        "games that were given an event: 0",
    ]
    assert of(fresh_kafka, "odds.snapshots") == odds

    assert run(fresh_kafka) == rehearsed[1:]
    new_odds = [record for record in of(fresh_kafka, "odds.snapshots") if record not in odds]
    assert [
        (one.received_at_ms - begun_ms, one.kind, [(line.book, line.prices[0]) for line in one.lines])
        for one in new_odds
    ] == [
        (0, "full", [("alpha", 1.95), ("beta", 2.0)]),
        (10_000, "full", [("alpha", 1.95), ("beta", 2.1)]),
    ]
    new_plays = [record for record in of(fresh_kafka, "games.events") if record not in plays]
    assert [(one.home_score, one.supersedes != "") for one in new_plays] == [(21, True), (24, True)]
    newest = max(plays, key=lambda play: play.sequence)
    assert new_plays[-1].sequence > newest.sequence, "the folds believe it"
    assert of(fresh_kafka, "sources.events") == claims

    after = run(fresh_kafka)
    assert "games.events: 2 as they should be, 0 missing, 0 different" in after
    assert "odds.snapshots: 3 as they should be, 0 missing, 0 different" in after


def test_only_the_source_and_the_time_that_were_named_are_parsed_again(
    fresh_kafka: str, begun_ms: int
) -> None:
    said = run(fresh_kafka, "--source", "espn", "--to", str(begun_ms + 10_000))

    assert said[0] == "read again 1 answers (1 of espn)"
    assert "odds.snapshots: 0 as they should be, 0 missing, 0 different" in said


def test_a_source_that_nobody_knows_is_refused() -> None:
    done = CliRunner().invoke(reparse.main, ["--source", "nobody"])

    assert done.exit_code == 2
    assert "there are espn, football-data-org, the-odds-api" in done.output
