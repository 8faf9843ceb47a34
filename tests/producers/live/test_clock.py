import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.records import ClockTick, SourceControl, SourceHealth, SourceState
from pipeline.settings import Rules
from pipeline.stages.markets.offers import stale_after_ms
from producers.live.clock import Watch, heard, resumed, ticked, told
from producers.live.health import usual_limit_ms
from tests.make import at

ESPN = "espn"


def success(seconds: float, within_s: float = 25.0, source: str = ESPN) -> SourceHealth:
    return SourceHealth(
        source=source,
        received_at_ms=at(seconds),
        ok=True,
        error="",
        last_success_at_ms=at(seconds),
        quota_left=-1,
        state="up",
        due_by_ms=at(seconds + within_s),
    )


def failure(seconds: float, within_s: float = 25.0) -> SourceHealth:
    return SourceHealth(
        source=ESPN,
        received_at_ms=at(seconds),
        ok=False,
        error="timeout",
        last_success_at_ms=0,
        quota_left=-1,
        state="slow",
        due_by_ms=at(seconds + within_s),
    )


def switch(seconds: float, off: bool) -> SourceControl:
    return SourceControl(source=ESPN, received_at_ms=at(seconds), off=off, reason="")


def run(watch: Watch, *events: SourceHealth | SourceControl | float) -> tuple[Watch, ClockTick]:
    """The watch after what was heard and told, and after ticks at these seconds; the last tick."""
    tick = ClockTick(received_at_ms=at(0))
    for event in events:
        match event:
            case SourceHealth():
                watch = heard(watch, event)
            case SourceControl():
                watch = told(watch, event)
            case _:
                watch, tick = ticked(watch, at(event))
    return watch, tick


def state(tick: ClockTick, source: str = ESPN) -> SourceState:
    return next((one for one in tick.sources if one.source == source), SourceState(source=source))


def test_a_source_that_succeeds_in_time_is_not_named() -> None:
    _, tick = run(Watch(), success(0), 10.0, success(15), 39.0)

    assert tick == ClockTick(received_at_ms=at(39))


def test_a_source_that_is_silent_beyond_its_time_is_down_since_its_last_success() -> None:
    _, tick = run(Watch(), success(0), 25.0, 26.0, 40.0)

    assert tick.sources == (SourceState(source=ESPN, down_since_ms=at(0), outages=1, full_from_ms=at(0)),)


def test_failures_do_not_put_it_off() -> None:
    _, tick = run(Watch(), success(0), failure(15), 16.0, failure(24), 26.0)

    assert state(tick).down_since_ms == at(0)


def test_a_source_that_never_succeeded_is_down_once_its_first_time_is_over() -> None:
    watch, tick = run(Watch(), failure(0), failure(20, within_s=90), 25.0)
    assert state(tick).down_since_ms == 0

    _, tick = run(watch, 26.0)
    assert (state(tick).down_since_ms, state(tick).outages) == (at(0), 1)


def test_a_success_ends_the_outage_and_what_is_to_be_shown_whole_is_still_said() -> None:
    _, tick = run(Watch(), success(0), 30.0, success(40), 41.0)

    assert state(tick) == SourceState(source=ESPN, outages=1, full_from_ms=at(0))


def test_off_is_no_outage_and_after_it_the_source_has_its_usual_time() -> None:
    watch, tick = run(Watch(), success(0), switch(10, off=True), 60.0)
    assert state(tick) == SourceState(source=ESPN, off=True)

    watch, tick = run(watch, switch(100, off=False), 101.0)
    assert state(tick) == SourceState(source=ESPN, full_from_ms=at(100))

    limit_s = usual_limit_ms(ESPN) / 1000
    _, tick = run(watch, 100 + limit_s, 101 + limit_s)
    assert state(tick).outages == 1


def test_one_source_that_is_down_leaves_the_others_alone() -> None:
    _, tick = run(Watch(), success(0), success(0, source="the-odds-api", within_s=90), 60.0)

    assert [one.source for one in tick.sources] == [ESPN]


def test_the_next_clock_goes_on_where_the_last_tick_ended() -> None:
    records = [success(0), failure(28)]
    _, tick = run(Watch(), *records, 30.0)

    watch, again = run(resumed(tick), *records, 31.0)
    assert again.sources == tick.sources

    _, back = run(watch, success(33), 34.0)
    assert state(back) == SourceState(source=ESPN, outages=1, full_from_ms=at(0))


def test_an_outage_that_came_and_went_while_no_clock_ran_is_counted_and_asks_for_whole_snapshots() -> None:
    _, tick = run(Watch(), success(0), 5.0)

    _, after = run(resumed(tick), success(0), success(90), 91.0)

    assert state(after) == SourceState(source=ESPN, outages=1, full_from_ms=at(0))


def test_the_first_version_of_health_is_judged_by_the_usual_interval() -> None:
    old = SourceHealth(
        source=ESPN, received_at_ms=at(0), ok=True, error="", last_success_at_ms=at(0), quota_left=-1
    )
    limit_s = usual_limit_ms(ESPN) / 1000

    watch, tick = run(Watch(), old, limit_s)
    assert tick.sources == ()

    _, tick = run(watch, limit_s + 1)
    assert state(tick).down_since_ms == at(0)


@pytest.mark.parametrize("source", [ESPN, "the-odds-api", "football-data-org", "simulator", "unheard-of"])
def test_a_source_is_known_to_be_down_before_its_quotes_grow_stale(source: str) -> None:
    assert usual_limit_ms(source) < stale_after_ms(Rules(), source)


@given(
    st.lists(
        st.tuples(st.sampled_from(["ok", "failed", "off", "on", "tick"]), st.integers(0, 40)), max_size=40
    )
)
def test_what_ticks_say_only_grows_and_ends_with_a_success(history: list[tuple[str, int]]) -> None:
    watch, seconds, before = Watch(), 0, SourceState(source=ESPN)
    kinds = {"ok": success, "failed": failure}
    for kind, wait_s in history:
        seconds += wait_s
        if kind == "tick":
            watch, tick = ticked(watch, at(seconds))
            now = state(tick)
            assert now.outages >= before.outages
            assert now.full_from_ms >= before.full_from_ms
            assert now.full_from_ms >= now.down_since_ms
            assert not (now.off and now.down_since_ms)
            before = now
        elif kind in kinds:
            watch = heard(watch, kinds[kind](seconds))
            if kind == "ok":
                assert watch.sources[ESPN].down_since_ms == 0
        else:
            watch = told(watch, switch(seconds, off=kind == "off"))
