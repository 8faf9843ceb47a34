import asyncio
import json
import random
from collections import deque
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from pipeline import cluster
from pipeline.errors import UsageError
from pipeline.records import OddsSnapshot, SnapshotKind, SourcePayload
from pipeline.replay.archive import read
from pipeline.settings import Settings
from pipeline.stages import STAGES
from producers.identity import Identities
from producers.live.call import Call, Config
from producers.live.command import Wanted
from producers.live.fetch import Fetcher, Secret, client
from producers.live.gate import SourceGate
from producers.live.intake import Intake
from producers.live.ledger import Account
from producers.live.past import into_archive, produce, walk
from producers.live.quota import KafkaQuota
from producers.live.run import now_ms
from producers.sources import the_odds_api
from producers.sources.the_odds_api_past import first
from tests.producers import faults
from tests.producers.live.made import Memory
from tests.producers.moments import at_ms
from tests.producers.sources.payloads import book, event, market, outcome, soccer

FROM, UNTIL = at_ms("2025-09-14T12:00:00Z"), at_ms("2025-09-14T12:20:00Z")
NFL, CUP = "americanfootball_nfl", "soccer_fifa_world_cup"


def answer(taken: str, next_timestamp: str | None, *events: Any) -> bytes:
    wrapped = {"timestamp": taken, "previous_timestamp": None, "next_timestamp": next_timestamp}
    return json.dumps({**wrapped, "data": list(events)}).encode()


def priced(price: float) -> Any:
    prices = market("h2h", outcome("Kansas City Chiefs", price), outcome("Philadelphia Eagles", 2.7))
    return event(book("fanduel", prices))


def walked(service: faults.Service, leagues: Sequence[str]) -> tuple[int, Memory]:
    config = Config(leagues=tuple(leagues), base_url=service.url)
    calls: list[Call] = [first(the_odds_api.NAME, league, FROM, config, "") for league in leagues]
    log = Memory()

    async def run() -> int:
        async with client() as http:
            fetcher = Fetcher(http, now_ms, random.Random(1))
            intake = Intake(the_odds_api, Identities(the_odds_api.NAME), log)
            gate = SourceGate(0, None, now_ms)
            return await walk(calls, UNTIL, fetcher, Secret("s3cret", "apiKey"), gate, intake)

    return asyncio.run(run()), log


def test_answers_follow_one_another_by_time_over_all_leagues_until_the_end() -> None:
    service = faults.Service()
    service.script[f"/v4/historical/sports/{NFL}/odds"] = deque(
        faults.body(shown)
        for shown in (
            answer("2025-09-14T11:55:00Z", "2025-09-14T12:04:00Z", priced(1.5)),
            answer("2025-09-14T12:04:00Z", "2025-09-14T12:15:00Z", priced(1.5)),
            answer("2025-09-14T12:15:00Z", "2025-09-14T12:25:00Z"),
        )
    )
    service.script[f"/v4/historical/sports/{CUP}/odds"] = deque(
        [faults.body(answer("2025-09-14T12:00:00Z", None, soccer(id="two")))]
    )
    with faults.served(service):
        count, log = walked(service, ["nfl", "world-cup"])

    odds = [record for record in log.records if isinstance(record, OddsSnapshot)]
    assert count == 4
    assert [(record.event_id[:3], record.kind, record.received_at_ms) for record in odds] == [
        ("nfl", SnapshotKind.FULL, at_ms("2025-09-14T11:55:00Z")),
        ("wor", SnapshotKind.FULL, at_ms("2025-09-14T12:00:00Z")),
        ("nfl", SnapshotKind.UNCHANGED, at_ms("2025-09-14T12:04:00Z")),
        ("nfl", SnapshotKind.GONE, at_ms("2025-09-14T12:15:00Z")),
    ]
    raw = [record for record in log.records if isinstance(record, SourcePayload)]
    assert [record.received_at_ms for record in raw] == [record.received_at_ms for record in odds]
    dates = [asked.query["date"] for asked in service.asked if NFL in asked.path]
    assert dates == ["2025-09-14T12:00:00Z", "2025-09-14T12:04:00Z", "2025-09-14T12:15:00Z"]


def test_a_call_that_fails_ends_it_without_the_key_and_keeps_what_came_before() -> None:
    service = faults.Service()
    service.script[f"/v4/historical/sports/{NFL}/odds"] = deque(
        [
            faults.body(answer("2025-09-14T11:55:00Z", "2025-09-14T12:04:00Z", priced(1.5))),
            faults.status(401, said={"message": "the key s3cret is not valid"}),
        ]
    )
    with faults.served(service), pytest.raises(UsageError) as raised:
        walked(service, ["nfl"])

    assert "archive" in str(raised.value)
    assert "s3cret" not in str(raised.value)


def test_leagues_have_to_be_named(tmp_path: Any) -> None:
    wanted = into_archive(Config(), FROM, UNTIL, Secret(), tmp_path / "past", "", Settings())

    with pytest.raises(UsageError, match="--sports"):
        asyncio.run(wanted)


def left(kafka: str) -> int:
    """Credits that the month still has."""
    quota = KafkaQuota(kafka, {the_odds_api.NAME: Account(500)}, now_ms())
    try:
        return quota.left(the_odds_api.NAME, now_ms())
    finally:
        quota.close()


@pytest.mark.kafka
def test_the_command_writes_an_archive_and_counts_its_credits(
    kafka: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    cluster.create_topics(kafka, Settings(), STAGES.values())
    service, folder = faults.Service(), tmp_path / "past"
    service.bodies[f"/the-odds-api/v4/historical/sports/{NFL}/odds"] = answer(
        "2025-09-14T11:55:00Z", None, priced(1.5)
    )
    monkeypatch.setenv(the_odds_api.KEY, "s3cret")
    wanted = Wanted("nfl", None, "h2h", None, None, None)
    before = left(kafka)
    with faults.served(service):
        log = produce(wanted._replace(base_url=service.url), FROM, UNTIL, str(folder), kafka, Settings())

    assert log.tally.records["odds.snapshots"] == 1
    assert before - left(kafka) == 10
    found = [message.record for message in read(folder, "odds.snapshots")]
    assert [record.received_at_ms for record in found if isinstance(record, OddsSnapshot)] == [
        at_ms("2025-09-14T11:55:00Z")
    ]
