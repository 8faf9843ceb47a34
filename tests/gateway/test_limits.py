"""What a bucket lets through, what is counted, and what is left out of the log."""

import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.limits import LINES_PER_MINUTE, SECOND_NS, Bucket, Buckets, Limits, Sockets, Sparing, address_of
from pipeline.errors import Denied
from pipeline.settings import Settings


class Clock:
    def __init__(self) -> None:
        self.now_ns = 5 * SECOND_NS

    def __call__(self) -> int:
        return self.now_ns


rates = st.floats(0.01, 5_000.0)
bursts = st.integers(1, 50)
waits = st.lists(st.integers(0, 20 * SECOND_NS), min_size=1, max_size=200)


@given(rates, bursts, waits)
def test_a_bucket_never_lets_more_through_than_its_rate_and_burst(
    rate: float, burst: int, waits: list[int]
) -> None:
    clock = Clock()
    bucket = Bucket(rate, burst, clock)
    taken_ns = []
    for wait_ns in waits:
        clock.now_ns += wait_ns
        if not bucket.take():
            taken_ns.append(clock.now_ns)

    for first, start_ns in enumerate(taken_ns):
        for last, end_ns in enumerate(taken_ns[first:], 1):
            assert last <= rate * (end_ns - start_ns) / SECOND_NS + burst + 1e-6


@given(rates, bursts, waits)
def test_who_waits_as_long_as_told_is_let_through_and_no_sooner(
    rate: float, burst: int, waits: list[int]
) -> None:
    clock = Clock()
    bucket = Bucket(rate, burst, clock)
    for wait_ns in waits:
        clock.now_ns += wait_ns
        if wait_s := bucket.take():
            clock.now_ns += round(wait_s * SECOND_NS) - 1
            assert bucket.take() > 0
            clock.now_ns += 1
            assert bucket.take() == 0


@given(rates, bursts, waits)
def test_what_is_left_is_what_can_be_taken(rate: float, burst: int, waits: list[int]) -> None:
    clock = Clock()
    bucket = Bucket(rate, burst, clock)
    for wait_ns in waits:
        clock.now_ns += wait_ns
        before = bucket.left
        assert (bucket.take() == 0) == (before > 0)
        assert bucket.left == max(before - 1, 0)
    clock.now_ns += bucket.full_in_s * SECOND_NS
    assert bucket.left == burst
    assert bucket.full_in_s == 0


def test_everyone_has_a_bucket_of_their_own() -> None:
    buckets = Buckets(1.0, 1, clock_ns=Clock())

    assert buckets.of("alice").take() == 0
    assert buckets.of("bob").take() == 0
    assert buckets.of("alice").take() == 1.0


@given(st.lists(st.integers(0, 30), max_size=200))
def test_the_table_of_visitors_has_an_end_and_keeps_the_newest(visits: list[int]) -> None:
    clock = Clock()
    buckets = Buckets(1.0, 1, most=10, clock_ns=clock)
    for visit in visits:
        assert buckets.of(str(visit)) is buckets.of(str(visit))
        buckets.of(str(visit)).take()

    assert len(buckets) <= 10
    newest = list(dict.fromkeys(reversed(visits)))[:10]
    assert all(buckets.of(str(visit)).take() for visit in newest)


def test_an_address_has_so_many_sockets_and_all_together_so_many() -> None:
    sockets = Sockets(3, 2)
    with sockets.one("a"):
        with sockets.one("a"):
            with pytest.raises(Denied, match="too_many_sockets"), sockets.one("a"):
                pass
            with sockets.one("b"), pytest.raises(Denied, match="full"), sockets.one("c"):
                pass
        with sockets.one("a"), sockets.one("c"):
            pass


def test_a_socket_that_ends_badly_is_counted_no_longer() -> None:
    sockets = Sockets(1, 1)
    with pytest.raises(ZeroDivisionError), sockets.one("a"):
        raise ZeroDivisionError
    with sockets.one("a"):
        pass


@pytest.mark.parametrize(
    ("host", "counts_as"),
    [
        ("192.0.2.7", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2::", "2001:db8:1:2::/64"),
        ("a name", "a name"),
    ],
)
def test_an_address_of_ipv6_counts_as_its_network(host: str, counts_as: str) -> None:
    assert address_of((host, 1)) == counts_as


def test_who_has_no_address_is_counted_with_others_like_it() -> None:
    assert address_of(None) == ""


def test_messages_have_a_limit_only_where_visitors_have_one() -> None:
    strict, free = (Limits(Settings(messages_per_second=1), of_each).messages() for of_each in (True, False))

    assert [bool(strict.take()) for _ in range(6)] == [False] * 5 + [True]
    assert not any(free.take() for _ in range(10_000))


def test_a_wording_is_logged_so_often_a_minute_and_the_next_line_counts_the_rest() -> None:
    clock = Clock()
    sparing = Sparing(clock)

    def line(wording: str) -> logging.LogRecord | None:
        record = logging.LogRecord("x", logging.INFO, "", 0, wording, (), None)
        return record if sparing.filter(record) else None

    written = [line("refused") for _ in range(1_000)]
    assert sum(record is not None for record in written) == LINES_PER_MINUTE
    assert line("another") is not None
    clock.now_ns += SECOND_NS
    after = line("refused")
    assert after is not None
    assert after.__dict__["fields"] == {"left_out": 1_000 - LINES_PER_MINUTE}


def test_wordings_without_end_take_no_room_without_end() -> None:
    sparing = Sparing(Clock())
    for number in range(10_000):
        for _ in range(2):
            sparing.filter(logging.LogRecord("x", logging.INFO, "", 0, f"refused {number}", (), None))

    assert len(sparing._buckets) <= 100
    assert len(sparing._left_out) <= 100
