"""What is counted of answers that are whole, repeated and made again: each thing once."""

import re
from collections import Counter
from typing import Any

import pytest
from msgspec.structs import replace
from prometheus_client import REGISTRY

from pipeline import telemetry
from pipeline.records import Change, ChangeKind, LegLife
from pipeline.stages.fold import Answer, Input, Row, first_row
from pipeline.stages.markets import MARKETS
from processors.news import Fact, Reader
from processors.tally import COUNTED, Tally
from tests.conftest import ROOT
from tests.make_records import AT_MS, EVENT, example

ARBITRAGE, MOVES, VALUE = "bets.arbitrage", "odds.moves", "bets.value"
LIFE = example(ARBITRAGE).lives[0]
LEG = LIFE.legs[0]
SUSPECT = example(ARBITRAGE).arbitrages[0]
MOVE, STEAM = example(MOVES).moves[0], example(MOVES).steam[0]


def row(begun: int = 1, closed: bool = False) -> Row[Any]:
    return replace(first_row(MARKETS, EVENT, {}), begun=begun, closed=closed)


def arbitrages(revision: int, **fields: Any) -> Answer:
    empty = {"arbitrages": (), "changes": (), "lives": (), "judged": 0, "phantoms": 0}
    return Answer(ARBITRAGE, EVENT, example(ARBITRAGE, revision=revision, **empty | fields))


def moves(revision: int, **fields: Any) -> Answer:
    return Answer(MOVES, EVENT, example(MOVES, revision=revision, **{"moves": (), "steam": ()} | fields))


def facts(reader: Reader, *answers: Answer, begun: int = 1) -> list[Fact]:
    return reader.read(row(begun), answers).facts


def legs(*verdicts: str) -> tuple[LegLife, ...]:
    return tuple(replace(LEG, verdict=verdict) for verdict in verdicts)


def test_a_leg_counts_when_it_is_judged_and_a_life_when_it_ends() -> None:
    reader = Reader()
    running = replace(LIFE, ended_at_ms=0, reason="", legs=legs("waiting", "waiting"))
    one_judged = replace(running, legs=legs("stood", "waiting"))
    over = replace(LIFE, legs=legs("stood", "waiting"))
    all_judged = replace(LIFE, legs=legs("stood", "gone"))

    assert facts(reader, arbitrages(1, lives=(running,))) == []
    assert facts(reader, arbitrages(2, lives=(one_judged,))) == [Fact("leg", "stood")]
    assert facts(reader, arbitrages(3, lives=(over,))) == [Fact("life", "price", 60.0)]
    assert facts(reader, arbitrages(4, lives=(all_judged,), judged=1, phantoms=1)) == [
        Fact("leg", "gone"),
        Fact("judged", "phantom"),
    ]
    assert facts(reader, arbitrages(5, judged=1, phantoms=1)) == []


def test_totals_count_by_how_much_they_grew() -> None:
    reader = Reader()

    assert Counter(facts(reader, arbitrages(1, judged=3, phantoms=1))) == {
        Fact("judged", "stood"): 2,
        Fact("judged", "phantom"): 1,
    }
    assert Counter(facts(reader, arbitrages(2, judged=4, phantoms=1))) == {Fact("judged", "stood"): 1}


def test_a_repeat_and_an_answer_that_is_made_again_count_for_nothing() -> None:
    reader = Reader()
    before, after = arbitrages(6, lives=(LIFE,)), arbitrages(7, lives=(LIFE,), judged=1, phantoms=1)
    opening = (Change(id="a1", change=ChangeKind.OPENED),)
    opened = arbitrages(8, arbitrages=(SUSPECT,), changes=opening, judged=1, phantoms=1)
    for answer in (before, after, opened):
        assert reader.read(row(), [answer]) != ([], [])

    reader.begin_generation()  # the row of revision 5 comes back
    for answer in (before, after, opened):
        assert reader.read(row(), [answer]) == ([], [])
    assert facts(reader, arbitrages(9, judged=2, phantoms=1)) == [Fact("judged", "stood")]


def test_a_worker_that_takes_over_counts_from_what_it_sees_first() -> None:
    reader = Reader()
    first = arbitrages(40, lives=(LIFE,), arbitrages=(SUSPECT,), judged=9, phantoms=2)

    assert facts(reader, first, moves(40, steam=(STEAM,)), begun=2) == []
    assert facts(reader, arbitrages(41, judged=10, phantoms=3), begun=2) == [Fact("judged", "phantom")]
    assert facts(reader, moves(42, steam=(STEAM,), moves=(MOVE,)), begun=2) == [Fact("move", "event")]


def test_what_another_worker_counted_in_between_is_left_to_it() -> None:
    reader = Reader()
    facts(reader, arbitrages(5, judged=1))
    reader.begin_generation()  # away, and after a while back
    reader.begin_generation()

    assert facts(reader, arbitrages(50, judged=8), begun=3) == []
    assert facts(reader, arbitrages(51, judged=9), begun=3) == [Fact("judged", "stood")]


def test_a_suspicion_counts_once_for_each_reason_and_again_when_it_comes_back() -> None:
    reader = Reader()
    stale = replace(SUSPECT, suspect=("ages_apart", "stale_leg"))

    assert facts(reader, arbitrages(1, arbitrages=(SUSPECT,))) == [Fact("suspect", "ages_apart")]
    assert facts(reader, arbitrages(2, arbitrages=(stale,))) == [Fact("suspect", "stale_leg")]
    assert facts(reader, arbitrages(3)) == []
    assert facts(reader, arbitrages(4, arbitrages=(SUSPECT,))) == [Fact("suspect", "ages_apart")]


def test_steam_and_moves_count_once_while_they_stand_whatever_is_learnt_of_them() -> None:
    reader = Reader()
    plain = replace(STEAM, cause="")

    assert facts(reader, moves(1, moves=(MOVE,), steam=(plain,))) == [
        Fact("move", "event"),
        Fact("steam", "none"),
    ]
    assert facts(reader, moves(2, moves=(MOVE,), steam=(STEAM,))) == []
    turned = replace(MOVE, since_ms=AT_MS, cause="polling")
    assert facts(reader, moves(3, moves=(turned,), steam=(STEAM,))) == [Fact("move", "polling")]


def test_a_change_is_of_the_kind_that_its_opportunity_is_or_last_was() -> None:
    reader = Reader()
    locks = tuple(
        replace(SUSPECT, id=kind, kind=kind, suspect=()) for kind in ("middle", "low_hold", "arbitrage")
    )
    known = {lock.id: Change(id=lock.id, change=ChangeKind.WITHDRAWN, reason="price") for lock in locks}
    reader.read(row(2), [arbitrages(1, arbitrages=locks)])

    assert reader.read(row(2), [arbitrages(2, changes=tuple(known.values()))]).changes == list(known.items())
    value = Answer(VALUE, EVENT, example(VALUE))
    assert reader.read(row(2), [value]).changes == [("value", example(VALUE).changes[0])]


def test_of_what_ends_in_the_first_answer_after_a_takeover_its_life_tells_the_kind() -> None:
    ended = tuple(Change(id=id, change=ChangeKind.WITHDRAWN, reason="price") for id in (LIFE.id, "b7"))

    found = Reader().read(row(2), [arbitrages(9, lives=(LIFE,), changes=ended)])

    assert [kind for kind, _ in found.changes] == ["arbitrage", "other"]


def test_an_event_that_is_over_is_forgotten() -> None:
    reader = Reader()
    facts(reader, arbitrages(1, judged=2))

    assert reader.read(row(closed=True), [Answer(ARBITRAGE, EVENT, None)]) == ([], [])
    assert facts(reader, arbitrages(2, judged=3)) != [Fact("judged", "stood")]


def count(name: str, **labels: str) -> float:
    return REGISTRY.get_sample_value(f"sharpline_processors_{name}", labels) or 0.0


def counts() -> list[float]:
    return [
        count("legs_judged_total", verdict="worse"),
        count("arbitrages_judged_total", verdict="phantom"),
        count("arbitrage_life_seconds_count", reason="price"),
        count("arbitrage_life_seconds_sum", reason="price"),
        count("suspects_total", reason="other"),
        count("moves_total", cause="event"),
        count("steam_total", cause="polling"),
    ]


def test_what_is_new_is_on_its_metric_and_an_unknown_word_makes_no_label() -> None:
    strange = replace(SUSPECT, suspect=("whatever a later version finds",))
    tally = Tally(MARKETS)
    before = counts()
    answers = [
        arbitrages(1, arbitrages=(strange,), lives=(LIFE,), judged=1, phantoms=1),
        Answer(MOVES, EVENT, example(MOVES)),
    ]

    tally.folded(row(), Input("clock.ticks", 0, 1, example("clock.ticks")), answers, 0.001)

    assert [now - was for now, was in zip(counts(), before, strict=True)] == [1, 1, 1, 60.0, 1, 1, 1]


def test_every_series_is_there_from_the_start() -> None:
    Tally(MARKETS)

    for metric, words in COUNTED.values():
        shown = {
            value
            for family in metric.collect()
            for sample in family.samples
            for label, value in sample.labels.items()
            if label != "le"
        }
        assert shown == {*words, "other"}


@pytest.mark.parametrize(
    ("schema", "field", "words"),
    [
        ("arbitrages", "suspect", telemetry.SUSPICIONS),
        ("arbitrages", "reason", telemetry.ENDINGS),
        ("arbitrages", "verdict", ("waiting", *telemetry.VERDICTS)),
        ("arbitrages", "kind", telemetry.KINDS[1:]),
        ("value-bets", "reasons", telemetry.GATES),
        ("moves", "cause", telemetry.CAUSES[:-1]),
    ],
)
def test_labels_are_the_words_of_the_schema(schema: str, field: str, words: tuple[str, ...]) -> None:
    text = (ROOT / "schemas" / schema / "v2.avsc").read_text()
    doc = re.search(rf'"name": "{field}",\s+"doc": "([^"]+)"', text)

    assert doc
    said = re.findall(r"[a-z_]+(?=[,;:]| \(|\.$|$)", doc[1])
    assert [word for word in words if word not in said] == []
    assert {word for word in said if "_" in word} <= {*words, "stake_minor"}
