"""Claims on a real broker: who was first holds, for everybody, also after a restart."""

import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from pipeline import codec
from pipeline.cluster import create_topics
from pipeline.errors import TopicsUnfit
from pipeline.records import SourceAlias
from pipeline.replay.current import current
from pipeline.settings import Settings
from producers.live.claims import KafkaClaims
from producers.live.who import Who
from producers.publish import KafkaLog
from tests.producers.live.test_who import AT, BREWERS, CARDINALS, EVENT, MINUTE_MS

pytestmark = pytest.mark.kafka
#: Longer than any of these tests takes where a machine is slow.
GIVE_UP_S = 60.0


def started(kafka: str) -> Who:
    return Who(KafkaLog(kafka), KafkaClaims(kafka))


def show(who: Who, source: str, source_id: str, starts_at_ms: int = AT, home: str = CARDINALS) -> None:
    who.send(who.of(source).give(source_id, "mlb", starts_at_ms, home, BREWERS, AT))


def given(kafka: str) -> dict[str, str]:
    return {key: event.event_id for key, event in current(kafka, "sources.events").items()}


def test_a_cluster_without_topics_is_told_of(fresh_kafka: str) -> None:
    with pytest.raises(TopicsUnfit, match=r"sources\.events"):
        KafkaClaims(fresh_kafka)


def test_claims_of_processes_side_by_side_hold_for_all_and_after_a_restart(fresh_kafka: str) -> None:
    create_topics(fresh_kafka, Settings(), [])
    # Each source shows the games of a doubleheader in another order: the races are for who is the first.
    shown = {
        "espn": [("e1", 0), ("e2", 330)],
        "the-odds-api": [("o2", 330), ("o1", 0)],
        "football-data-org": [("f1", 1), ("f2", 331)],
    }
    instances = {source: started(fresh_kafka) for source in shown}

    def day(source: str) -> None:
        for number in range(20):
            for source_id, minutes in shown[source]:
                at = AT + number * 48 * 60 * MINUTE_MS + minutes * MINUTE_MS
                show(instances[source], source, f"{source_id}-{number}", at)

    with ThreadPoolExecutor() as threads:
        list(threads.map(day, shown))
    for _ in shown:  # what waits for one's own other game, or for somebody else's
        for who in instances.values():
            who.look()

    found = given(fresh_kafka)
    assert len(found) == 120
    for number in range(20):
        for game in "12":
            met = {found[f"{s}|{s[0] if s != 'the-odds-api' else 'o'}{game}-{number}"] for s in shown}
            assert len(met) == 1
        both = {event_id for key, event_id in found.items() if key.endswith(f"-{number}")}
        assert len(both) == 2
    again = started(fresh_kafka)
    for key, event_id in found.items():
        source, source_id = key.split("|")
        assert again.of(source).known(source_id) == event_id


def test_an_alias_that_is_said_elsewhere_is_heard(fresh_kafka: str) -> None:
    create_topics(fresh_kafka, Settings(), [])
    who, log = started(fresh_kafka), KafkaLog(fresh_kafka)
    show(who, "espn", "401", home="Cards")
    who.close()
    assert current(fresh_kafka, "sources.unmatched")["espn|401"].home == "Cards"

    log.send(
        SourceAlias(
            league="mlb", source="", name="Cards", team="stl", source_id="", event_id="",
            received_at_ms=AT, origin="said by a person",
        )
    )  # fmt: skip
    log.close()
    give_up_s = time.monotonic() + GIVE_UP_S
    while not given(fresh_kafka) and time.monotonic() < give_up_s:
        who.rest(0.1)
    who.close()

    assert given(fresh_kafka) == {"espn|401": EVENT}
    assert current(fresh_kafka, "sources.unmatched")["espn|401"].event_id == EVENT


def test_a_claim_is_kept_under_the_sources_own_id(fresh_kafka: str) -> None:
    create_topics(fresh_kafka, Settings(), [])
    show(started(fresh_kafka), "espn", "401")

    (event,) = current(fresh_kafka, "sources.events").values()

    assert codec.encode("sources.events", event)[0] == b"espn|401"
    assert event.basis == "new"
