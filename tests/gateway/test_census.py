"""What /metrics says of games and open opportunities."""

import asyncio
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from prometheus_client import REGISTRY, generate_latest
from prometheus_client.parser import text_string_to_metric_families
from starlette.testclient import TestClient

from gateway.app import create_app
from gateway.census import GAUGES, Census, counted
from gateway.hub import Hub
from pipeline.records import GameStatus
from pipeline.topics import ANSWERS
from tests.conftest import ROOT
from tests.gateway.running import GONE, message
from tests.make_records import EVENT, example

OTHER = "nfl:2025-09-14:sf-sea"
VALUE, ARBITRAGE, STATES, CHANCES = "bets.value", "bets.arbitrage", "games.states", "games.probabilities"
OPEN, GAMES = "sharpline_gateway_open_opportunities", "sharpline_gateway_games"
KEPT_BACK = "sharpline_gateway_kept_back"
SUSPECT = example(ARBITRAGE).arbitrages[0]
SOUND = replace(SUSPECT, suspect=())
KINDS = ("value", "arbitrage", "middle", "low_hold", "suspect", "gated")


@pytest.fixture
def hub() -> Hub:
    return Hub()


@pytest.fixture
def client(hub: Hub) -> Iterator[TestClient]:
    with TestClient(create_app(hub)) as client:
        yield client


def series(text: str, name: str) -> dict[str, float]:
    """Every series of a metric by its labels."""
    return {
        " ".join(sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == name
    }


def scraped(client: TestClient, name: str) -> dict[str, float]:
    """The series of a metric that are not 0."""
    return {label: value for label, value in series(client.get("/metrics").text, name).items() if value}


def test_every_series_is_there_with_0_from_the_start() -> None:
    source = "import gateway.app, prometheus_client as p; print(p.generate_latest().decode())"
    text = subprocess.run(
        [sys.executable, "-c", source], cwd=ROOT, capture_output=True, text=True, check=True, timeout=60
    ).stdout

    assert series(text, OPEN) == dict.fromkeys(KINDS, 0.0)
    assert {"suspect stale_leg", "suspect other", "gated too_good", "gated other"} <= series(
        text, KEPT_BACK
    ).keys()
    assert set(series(text, KEPT_BACK).values()) == {0.0}
    assert series(text, GAMES) == dict.fromkeys(map(str, GameStatus), 0.0)
    assert series(text, "sharpline_gateway_messages_total") == dict.fromkeys(
        ["snapshot", "update", "error"], 0.0
    )
    for name in ("records_total", "append_to_send_seconds_count"):
        assert series(text, f"sharpline_gateway_{name}") == dict.fromkeys(ANSWERS, 0.0)


def test_what_stands_is_counted_by_kind_and_status(hub: Hub, client: TestClient) -> None:
    hub.publish(message(VALUE))
    sound = [replace(SOUND, kind=kind) for kind in ("arbitrage", "middle", "middle", "low_hold")]
    hub.publish(message(ARBITRAGE, 0, example(ARBITRAGE, arbitrages=(*sound, SUSPECT, SUSPECT))))
    hub.publish(message(STATES, 0, example(STATES, status="suspended")))
    hub.publish(message(CHANCES, 0, example(CHANCES, status="live")))
    hub.publish(message(CHANCES, 0, example(CHANCES, status="scheduled", event_id=OTHER)))

    assert scraped(client, OPEN) == {
        "value": 1,
        "arbitrage": 1,
        "middle": 2,
        "low_hold": 1,
        "suspect": 2,
        "gated": 1,
    }
    assert scraped(client, GAMES) == {"suspended": 1, "scheduled": 1}


def test_what_is_kept_back_counts_for_each_of_its_reasons(hub: Hub, client: TestClient) -> None:
    (bet,) = example(VALUE).gated
    gated = (bet, replace(bet, reasons=("stale", "too_good")), replace(bet, reasons=("of a later version",)))
    hub.publish(message(VALUE, 0, example(VALUE, gated=gated)))
    hub.publish(message(ARBITRAGE, 0, example(ARBITRAGE, arbitrages=(SOUND, SUSPECT))))

    assert scraped(client, KEPT_BACK) == {
        "gated too_good": 2,
        "gated stale": 1,
        "gated other": 1,
        "suspect ages_apart": 1,
    }
    hub.publish(message(VALUE, 1, example(VALUE, gated=(), revision=8)))
    assert scraped(client, KEPT_BACK) == {"suspect ages_apart": 1}


def test_what_has_changed_or_gone_is_counted_anew(hub: Hub, client: TestClient) -> None:
    for event in (EVENT, OTHER):
        hub.publish(message(VALUE, 0, example(VALUE, event_id=event)))
        hub.publish(message(STATES, 0, example(STATES, event_id=event)))
    both = {"value": 2, "gated": 2}
    assert (scraped(client, OPEN), scraped(client, GAMES)) == (both, {"live": 2})
    hub.publish(message(VALUE, 1, example(VALUE, bets=(), gated=(), revision=8)))
    hub.publish(message(STATES, 1, example(STATES, status="final", revision=8)))
    left = {"value": 1, "gated": 1}
    assert (scraped(client, OPEN), scraped(client, GAMES)) == (left, {"live": 1, "final": 1})
    for topic in (VALUE, STATES):
        for event in (EVENT, OTHER):
            hub.publish(message(topic, 2, GONE, event))
    assert (scraped(client, OPEN), scraped(client, GAMES)) == ({}, {})


def test_only_what_has_changed_is_looked_at_again(hub: Hub, client: TestClient) -> None:
    hub.publish(message(VALUE))
    hub.publish(message("odds.fair", 0, example("odds.fair", event_id=OTHER)))
    assert hub.changed == {EVENT}
    assert scraped(client, OPEN) == {"value": 1, "gated": 1}
    assert hub.changed == set()
    assert scraped(client, OPEN) == {"value": 1, "gated": 1}


def test_the_log_s_time_is_its_newest_tick(hub: Hub) -> None:
    hub.tick(1_757_880_000_500, 0)
    hub.tick(1_757_880_000_400, 0)

    assert REGISTRY.get_sample_value("sharpline_gateway_log_time_seconds") == 1_757_880_000.5


STEPS = st.lists(
    st.tuples(
        st.sampled_from([VALUE, ARBITRAGE, STATES, CHANCES, "count"]),
        st.sampled_from([EVENT, OTHER]),
        st.booleans(),
    ),
    max_size=30,
)


@given(STEPS)
def test_counting_what_changed_is_counting_everything(steps: list[tuple[str, str, bool]]) -> None:
    async def steps_taken() -> None:
        hub = Hub()
        census = Census(hub)
        for offset, (topic, event, is_gone) in enumerate((*steps, ("count", EVENT, False))):
            if topic == "count":
                await asyncio.gather(census.count(), census.count())
            elif is_gone:
                hub.publish(message(topic, offset, GONE, event))
            else:
                hub.publish(message(topic, offset, example(topic, event_id=event, revision=offset)))
        whole = sum((counted(hub, event) for event in hub.events()), Counter[str]())
        text = generate_latest().decode()
        shown = series(text, OPEN) | series(text, GAMES) | series(text, KEPT_BACK)
        assert shown == {name: whole[name] for name in GAUGES}

    asyncio.run(steps_taken())
