"""How a difference is told."""

from pipeline.records import SnapshotKind
from pipeline.replay.verify.verdict import LENGTH, SIDES, TOLD, Difference, Verdict, sides
from tests.make import quote, snapshot


def difference(what: str = "row") -> Difference:
    return Difference(what=what, place="odds.fair/0@1", event="nfl:2025-09-14:kc-phi", revision=2, why="so")


def test_fields_that_differ_are_named_with_both_sides() -> None:
    one = snapshot(quote("alpha", 1.9, 2.0), quote("bravo", 1.8, 2.1))
    two = snapshot(quote("alpha", 1.9, 2.0), quote("bravo", 1.8, 2.2), kind=SnapshotKind.DELTA)

    assert [(side.field, side.found, side.expected) for side in sides(one, two)] == [
        ("kind", "'full'", "'delta'"),
        ("lines[1].prices[1]", "2.1", "2.2"),
    ]


def test_what_one_side_has_not_and_lists_of_other_lengths_are_shown() -> None:
    found = sides({"a": 1, "c": [1, 2]}, {"b": None, "c": [1]})

    assert [(side.field, side.found, side.expected) for side in found] == [
        ("a", "1", "nothing"),
        ("c", "2 items: [1,2]", "1 items: [1]"),
        ("b", "nothing", "None"),
    ]


def test_long_values_and_many_fields_are_cut() -> None:
    found = sides({str(n): "x" * 999 for n in range(99)}, {})

    assert len(found) == SIDES
    assert {len(side.found) for side in found} == {LENGTH}


def test_equal_records_have_no_sides() -> None:
    assert sides(snapshot(), snapshot()) == ()


def test_of_each_kind_the_first_are_kept_and_all_are_counted() -> None:
    verdict = Verdict("markets")
    for _ in range(TOLD + 5):
        verdict.differs(difference("answer"))
    verdict.differs(difference("row"))

    assert len(verdict.differences) == TOLD + 1
    assert verdict.differing == {"answer": TOLD + 5, "row": 1}
    assert not verdict.holds
