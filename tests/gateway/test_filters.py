"""Filters leave of a record the entries that are so, and tell when there are none any more."""

import asyncio
from typing import Any

import pytest
from msgspec.structs import replace

from gateway.filters import FILTERS, Filter, trimmed
from gateway.protocol import Channel
from pipeline.errors import BadRequest
from pipeline.topics import ANSWERS
from tests.gateway.running import message
from tests.gateway.test_hub import Conversation, publish, settled
from tests.make_records import example

VALUE, ARBITRAGE = "bets.value", "bets.arbitrage"


def bets(*shares: float, revision: int = 1) -> Any:
    one = example(VALUE).bets[0]
    found = tuple(replace(one, id=f"b{n}", expected_value=share) for n, share in enumerate(shares))
    return example(VALUE, bets=found, revision=revision)


def test_of_value_bets_those_that_are_worth_enough_are_left() -> None:
    left = trimmed(bets(0.01, 0.05, 0.09), frozenset({Filter(least=0.05)}))

    assert [bet.expected_value for bet in left.bets] == [0.05, 0.09]
    assert left.changes == bets().changes


def test_several_filters_let_through_what_one_of_them_does() -> None:
    one = example(VALUE).bets[0]
    record = example(VALUE, bets=(one, replace(one, book="elsewhere"), replace(one, market="none")))
    found = trimmed(record, frozenset({Filter(book="elsewhere"), Filter(market="none")}))

    assert len(found.bets) == 2


def test_an_arbitrage_is_of_the_books_of_its_legs() -> None:
    record = example(ARBITRAGE)
    for leg in record.arbitrages[0].legs:
        assert trimmed(record, frozenset({Filter(book=leg.book)})).arbitrages == record.arbitrages
    assert trimmed(record, frozenset({Filter(book="nobody")})) is None
    assert trimmed(record, frozenset({Filter(least=9.0)})) is None


@pytest.mark.parametrize("topic", sorted(FILTERS))
def test_every_topic_that_has_filters_is_trimmed_by_a_market_that_is_nowhere(topic: str) -> None:
    record = example(topic)
    nowhere = frozenset({Filter(market="nowhere")})

    assert trimmed(record, nowhere) is None
    assert trimmed(record, frozenset({Filter()})) == record


@pytest.mark.parametrize("topic", ANSWERS)
@pytest.mark.parametrize("name", ["market", "book", "min_expected_value", "min_roi"])
def test_a_filter_that_a_topic_does_not_have_is_refused(topic: str, name: str) -> None:
    channel = Channel(topic, **{name: 0.5 if name.startswith("min") else "x"})
    if name in FILTERS.get(topic, ()):
        channel.check()
    else:
        with pytest.raises(BadRequest, match="unknown_filter"):
            channel.check()


def test_who_wants_much_hears_of_much_and_when_it_is_gone() -> None:
    async def talk() -> None:
        talk = Conversation()
        publish(talk.hub, message(VALUE, 0, bets(0.01)))
        talk.subscribe(Channel(VALUE, min_expected_value=0.05))
        await settled()
        for offset, shares in enumerate([(0.01,), (0.02, 0.07), (0.03,), (0.04,), ()], 1):
            publish(talk.hub, message(VALUE, offset, bets(*shares, revision=offset + 1)))

        told = [
            (m["offset"], [b["expected_value"] for b in m["record"]["bets"]])
            for m in talk.line.said
            if m["type"] in ("snapshot", "update")
        ]
        assert told == [(2, [0.07]), (3, [])]

    asyncio.run(talk())


def test_a_snapshot_shows_what_the_filters_let_through() -> None:
    async def talk() -> None:
        talk = Conversation()
        publish(talk.hub, message(VALUE, 0, bets(0.01, 0.08)))
        talk.subscribe(Channel(VALUE, min_expected_value=0.05))
        await settled()

        assert [len(m["record"]["bets"]) for m in talk.line.said if m["type"] == "snapshot"] == [1]

    asyncio.run(talk())


def test_one_channel_without_filter_shows_all_of_it() -> None:
    async def talk() -> None:
        talk = Conversation()
        talk.subscribe(Channel(VALUE, min_expected_value=0.05), Channel(VALUE))
        await settled()
        publish(talk.hub, message(VALUE, 0, bets(0.01, 0.08)))

        assert [len(m["record"]["bets"]) for m in talk.line.said if m["type"] == "update"] == [2]

    asyncio.run(talk())
