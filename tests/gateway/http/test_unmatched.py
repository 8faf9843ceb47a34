import httpx
import pytest
from starlette.testclient import TestClient

from gateway.app import create_app
from gateway.hub import Hub
from gateway.unmatched import Waiting
from pipeline.cluster import create_topics
from pipeline.records import UnmatchedState
from pipeline.replay.append import append
from pipeline.settings import Settings
from tests.gateway.running import Running
from tests.make_records import AT_MS, example


def ready() -> Hub:
    hub = Hub()
    hub.ready.set()
    return hub


def test_without_a_cluster_nothing_waits(gateway: Running) -> None:
    assert httpx.get(f"{gateway.http}/v1/unmatched").json() == {"games": []}


@pytest.mark.kafka
def test_what_waits_is_told_the_longest_first_with_what_it_may_be(fresh_kafka: str) -> None:
    create_topics(fresh_kafka, Settings(), [])
    states = [("new", AT_MS, UnmatchedState.WAITING), ("old", AT_MS - 1, UnmatchedState.WAITING)]
    states += [("solved", AT_MS - 2, UnmatchedState.SOLVED), ("over", AT_MS - 3, UnmatchedState.GIVEN_UP)]
    for source_id, since_ms, state in states:
        append(fresh_kafka, example("sources.unmatched", source_id=source_id, since_ms=since_ms, state=state))

    with TestClient(create_app(ready(), waiting=Waiting(fresh_kafka))) as client:
        games = client.get("/v1/unmatched").json()["games"]

    assert [one["source_id"] for one in games] == ["old", "new"]
    assert games[0]["candidates"][0]["team"] == "kc"
    assert games[0]["waiting"] == 12


def test_a_cluster_that_is_away_is_told_as_such() -> None:
    with TestClient(create_app(ready(), waiting=Waiting("127.0.0.1:9"))) as client:
        answer = client.get("/v1/unmatched")

    assert answer.status_code == 503
    assert answer.headers["retry-after"] == "5"
