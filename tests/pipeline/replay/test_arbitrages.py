"""What was published as arbitrage, read from the answers that the fold really gives."""

from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pytest

from pipeline.domain.lay import back_after_commission
from pipeline.domain.odds import lay_as_back
from pipeline.records import Arbitrage, Arbitrages, FairPrices, Leg, QuoteStatus
from pipeline.replay.arbitrages import OTHERS, Stretch, stretches, summary
from pipeline.replay.archive import Message
from pipeline.settings import Rules
from pipeline.stages.markets import MARKETS
from tests.make import EVENT, Followed, at, quote, snapshot, tick
from tests.make_records import derived, example

HOME, AWAY = quote("a", 2.15, 1.75), quote("b", 1.80, 2.05)
EVEN = [quote(book, 1.92, 1.92) for book in ("c", "d", "e")]


def kept(*events: Followed) -> Callable[[str], Iterator[Message]]:
    """A log of what events were answered."""

    def read(topic: str) -> Iterator[Message]:
        for event in events:
            for answer in event.answers:
                if answer.topic == topic:
                    yield Message(topic, answer.key, 0, 0, 0, answer.record)

    return read


def told(*events: Followed, kind: str = "arbitrage") -> list[Stretch]:
    return stretches(kept(*events), lambda _, found: found.kind == kind)


def followed(*records: Any, **rules: Any) -> Followed:
    event = Followed(MARKETS, Rules(**rules))
    event(*records)
    return event


def test_an_arbitrage_is_told_with_how_long_it_stood_and_why_it_ended() -> None:
    (one,) = told(
        followed(
            snapshot(HOME, AWAY), snapshot(HOME, quote("b", 1.9, 1.85), quote("c", 1.9, 1.85), seconds=20)
        )
    )

    assert (one.event_id, one.market, one.scope, one.kind) == (EVENT, "h2h", "game", "arbitrage")
    assert (one.opened_at_ms, one.stood_s, one.reason) == (at(0), 20.0, "price")
    assert [(leg.book, leg.price) for leg in one.legs] == [("a", 2.15), ("b", 2.05)]
    assert [(leg.verdict, leg.next_price, leg.after_s) for leg in one.legs] == [
        ("stood", 2.15, 20.0),
        ("worse", 1.85, 20.0),
    ]
    assert one.phantom is True


def test_each_leg_is_held_against_the_consensus_of_the_moment_it_was_published() -> None:
    event = followed(
        snapshot(HOME, AWAY, *EVEN),
        snapshot(HOME, AWAY, *[quote(book, 1.95, 1.89) for book in ("c", "d", "e")], seconds=10),
    )

    (one,) = told(event)

    first: Any = next(a.record for a in event.answers if a.topic == "odds.fair")
    chances = first.markets[0].probabilities
    assert [leg.fair_price for leg in one.legs] == [1 / chance for chance in chances]
    assert [leg.expected_value for leg in one.legs] == [2.15 * chances[0] - 1, 2.05 * chances[1] - 1]


def test_a_price_that_changes_while_it_stands_is_one_stretch_that_keeps_its_highest_return() -> None:
    (one,) = told(
        followed(
            snapshot(HOME, AWAY),
            snapshot(quote("a", 2.2, 1.7), AWAY, seconds=5),
            snapshot(quote("a", 2.1, 1.8), AWAY, seconds=10),
        )
    )

    assert one.roi == pytest.approx(1 / (1 / 2.15 + 1 / 2.05) - 1)
    assert one.most_roi == pytest.approx(1 / (1 / 2.2 + 1 / 2.05) - 1)
    assert (one.stood_s, one.reason, one.phantom) == (None, "", False)
    assert one.legs[0].price == 2.15


def test_ages_are_those_of_the_moment_and_a_book_that_says_no_time_has_none() -> None:
    said = quote("a", 2.15, 1.75, quoted_at_ms=at(-7.5))

    (one,) = told(followed(snapshot(said, AWAY)))

    assert [(leg.age_s, leg.book_age_s) for leg in one.legs] == [(0.0, 7.5), (0.0, None)]


def test_a_suspect_has_its_reasons_and_no_verdict_and_is_no_part_of_what_was_open() -> None:
    event = followed(snapshot(quote("a", 2.6, 1.5), AWAY), snapshot(HOME, AWAY, seconds=10))

    first, later = told(event)

    assert (first.suspect, first.reason, first.stood_s) == (("beyond_belief",), "open", 10.0)
    assert {leg.verdict for leg in first.legs} == {""}
    assert (later.suspect, later.opened_at_ms, later.ended_at_ms) == ((), at(10), 0)
    numbers = summary([first, later])
    assert (numbers.all.opened, numbers.suspects) == (1, 1)
    assert numbers.suspects_by_reason == {"beyond_belief": 1}
    assert numbers.ended == {"still open": 1}


def test_what_comes_back_is_a_stretch_of_its_own_with_its_own_verdict() -> None:
    shut = quote("b", 1.80, 2.05, status=QuoteStatus.SUSPENDED)

    found = told(
        followed(
            snapshot(HOME, AWAY),
            snapshot(HOME, shut, seconds=5),
            snapshot(HOME, AWAY, seconds=10),
            snapshot(HOME, AWAY, seconds=15),
        )
    )

    assert [(one.opened_at_ms, one.stood_s, one.reason, one.phantom) for one in found] == [
        (at(0), 5.0, "suspended", True),
        (at(10), None, "", False),
    ]
    assert found[0].id == found[1].id


def test_answers_that_are_said_again_count_once() -> None:
    event = followed(snapshot(HOME, AWAY), snapshot(HOME, AWAY, seconds=5))
    log = kept(event)

    def twice(topic: str) -> Iterable[Message]:
        return [*log(topic), *log(topic)]

    assert stretches(twice, lambda *_: True) == told(event)


def test_a_tombstone_ends_what_is_known_of_an_event() -> None:
    event = followed(snapshot(HOME, AWAY))
    gone = Message("bets.arbitrage", EVENT, 0, 0, 0, None)

    def read(topic: str) -> Iterator[Message]:
        yield from kept(event)(topic)
        yield gone._replace(topic=topic)

    (one,) = stretches(read, lambda *_: True)
    assert one.legs[0].book == "a"


def leg(outcome: int, side: str, price: float) -> Leg:
    given: Leg = example("bets.arbitrage").arbitrages[0].legs[outcome]
    return Leg(
        **{name: getattr(given, name) for name in given.__struct_fields__}
        | {"side": side, "price": price, "commission": 0.02, "line": 0.0}
    )


def test_a_lay_is_worth_what_everything_else_is() -> None:
    given: Arbitrage = example("bets.arbitrage").arbitrages[0]
    fields = {name: getattr(given, name) for name in given.__struct_fields__}
    one = Arbitrage(
        **fields
        | {
            "legs": (leg(0, "back", 2.2), leg(0, "lay", 2.1)),
            "kind": "arbitrage",
            "line": 0.0,
            "scope": "game",
            "suspect": (),
        }
    )
    fair: FairPrices = example("odds.fair")
    market = fair.markets[0]
    place = {"market": one.market, "scope": one.scope, "line": 0.0, "probabilities": (0.48, 0.52)}
    record = {
        "bets.arbitrage": Arbitrages(**derived(), arbitrages=(one,)),
        "odds.fair": FairPrices(
            **derived(),
            method="power",
            markets=(type(market)(**{n: getattr(market, n) for n in market.__struct_fields__} | place),),
        ),
    }

    (found,) = stretches(lambda topic: [Message(topic, EVENT, 0, 0, 0, record[topic])], lambda *_: True)

    assert [each.expected_value for each in found.legs] == [
        back_after_commission(2.2, 0.02) * 0.48 - 1,
        lay_as_back(2.1, 0.02) * (1 - 0.48) - 1,
    ]
    assert [each.fair_price for each in found.legs] == [1 / 0.48, 1 / 0.48]


def test_pairs_of_books_with_few_are_counted_together() -> None:
    events = [followed(snapshot(HOME, AWAY), tick(31)) for _ in range(3)]
    other = followed(snapshot(quote("a", 2.15, 1.75), quote("z", 1.80, 2.05)))
    found = [one for event in (*events, other) for one in told(event)]

    numbers = summary(found, least=3)

    assert [(count.name, count.opened) for count in numbers.by_pair] == [("a + b", 3), (OTHERS, 1)]
    assert numbers.by_pair[0].median_s == 31.0
    assert (numbers.all.judged, numbers.all.phantoms) == (0, 0)
    assert [count.opened for count in numbers.by_roi] == [0, 0, 0, 4, 0]


def test_three_legs_count_in_each_pair_of_their_books() -> None:
    event = followed(
        snapshot(quote("a", 3.6, 2.3, 3.1), quote("b", 2.4, 2.6, 3.5), quote("c", 2.5, 2.4, 3.7)),
        maximum_roi=0.2,
        maximum_expected_value=1.0,
    )

    numbers = summary(told(event), least=1)

    assert [count.name for count in numbers.by_pair] == ["a + b", "a + c", "b + c"]
    assert numbers.all.opened == 1
