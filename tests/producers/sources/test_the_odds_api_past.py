import json
from typing import Any

import pytest

from pipeline.errors import PayloadChanged, UsageError
from pipeline.records import OddsSnapshot
from producers.identity import Identities
from producers.live.call import Call, Config
from producers.sources import the_odds_api
from producers.sources.the_odds_api_past import first, following
from tests.producers.moments import at_ms
from tests.producers.sources.payloads import book, event, market, outcome

TAKEN = "2025-09-14T11:55:00Z"
CONFIG = Config(regions=("us", "eu"), markets=("h2h", "totals"))


def start() -> Call:
    return first("the-odds-api", "nfl", at_ms("2025-09-14T12:00:00Z"), CONFIG, the_odds_api.URL)


def answer(next_timestamp: str | None = "2025-09-14T12:00:00Z", **fields: Any) -> bytes:
    prices = market("h2h", outcome("Kansas City Chiefs", 1.5), outcome("Philadelphia Eagles", 2.7))
    wrapped = {"timestamp": TAKEN, "next_timestamp": next_timestamp, "data": [event(book("fanduel", prices))]}
    return json.dumps({**wrapped, **fields}).encode()


def test_a_call_for_the_past_costs_ten_times_as_much() -> None:
    call = start()

    assert call.cost == 10 * 2 * 2
    assert call.url == "https://api.the-odds-api.com/v4/historical/sports/americanfootball_nfl/odds"
    assert dict(call.params)["date"] == "2025-09-14T12:00:00Z"


def test_its_records_are_received_when_the_answer_was_taken() -> None:
    known = Identities("the-odds-api")
    parsed = the_odds_api.parse(start(), answer(), at_ms("2026-01-01T00:00:00Z"), known, lambda *_: None)
    (snapshot,) = parsed.records

    assert isinstance(snapshot, OddsSnapshot)
    assert snapshot.received_at_ms == parsed.given[0].received_at_ms == at_ms(TAKEN)
    assert snapshot.regions == ("eu", "us")
    assert snapshot.markets == ("h2h", "total")


def test_the_next_answer_is_asked_for_until_the_end() -> None:
    until_ms = at_ms("2025-09-14T13:00:00Z")
    second = following(start(), answer("2025-09-14T12:05:00Z"), until_ms)

    assert second is not None
    assert dict(second.params)["date"] == "2025-09-14T12:05:00Z"
    assert following(start(), answer("2025-09-14T13:00:00Z"), until_ms) is None
    assert following(start(), answer(None), until_ms) is None
    assert following(start(), answer(TAKEN), until_ms) is None  # it would never end


def test_a_league_that_the_service_has_not_is_a_mistake_of_the_person() -> None:
    with pytest.raises(UsageError, match="euro"):
        first("the-odds-api", "euro", 0, CONFIG, the_odds_api.URL)


@pytest.mark.parametrize("body", [b"[]", b"<html>", b'{"timestamp": "soon", "data": []}'])
def test_an_answer_without_its_wrapper_is_one_named_error(body: bytes) -> None:
    with pytest.raises(PayloadChanged, match="the-odds-api"):
        following(start(), body, 0)
