from producers.live.budget import BAR_EVERY_MS, PLAN_EVERY_MS, Budget
from producers.live.call import Call, Game
from producers.live.turns import key

NOW_MS = 1_757_868_600_000
DAY_MS = 86_400_000
GAME = Game("nfl:2025-09-14:kc-phi", "nfl", NOW_MS - 3_600_000, is_live=True)
ODDS = Call(
    "the-odds-api", "odds nfl", "https://example.test/odds", (), "nfl", 3, 60.0, (GAME.event_id,), "odds"
)
FREE = Call("the-odds-api", "events nfl", "https://example.test/events", (), "nfl", 0, 600.0)


def budget(credits: int) -> Budget:
    return Budget(lambda _: credits, lambda now_ms: now_ms + 20 * DAY_MS)


def waits_s(credits: int) -> float:
    due = budget(credits).due_at_ms([ODDS, FREE], [GAME], {key(ODDS): NOW_MS}, NOW_MS)
    return (due[key(ODDS)] - NOW_MS) / 1000


def test_with_credits_to_spare_the_call_keeps_its_own_pace() -> None:
    assert waits_s(10_000_000) == 60.0


def test_the_fewer_credits_are_left_the_longer_a_call_waits() -> None:
    assert waits_s(5_000) > 60.0
    assert waits_s(50) > waits_s(500) > waits_s(5_000)


def test_what_costs_nothing_is_not_held_back() -> None:
    assert key(FREE) not in budget(50).due_at_ms([ODDS, FREE], [GAME], {}, NOW_MS)


def test_where_nothing_is_left_each_call_is_refused_at_its_own_pace() -> None:
    assert budget(0).due_at_ms([ODDS], [GAME], {}, NOW_MS) == {}


def test_a_call_that_comes_up_is_planned_for_at_once() -> None:
    asked = budget(500)
    asked.due_at_ms([FREE], [], {}, NOW_MS)

    assert asked.due_at_ms([FREE, ODDS], [GAME], {key(ODDS): NOW_MS}, NOW_MS + 1)[key(ODDS)] > NOW_MS + 60_000


def test_a_plan_holds_for_some_seconds() -> None:
    credits = [500]
    spending = Budget(lambda _: credits[0], lambda now_ms: now_ms + 20 * DAY_MS)
    first = spending.due_at_ms([ODDS], [GAME], {key(ODDS): NOW_MS}, NOW_MS)
    credits[0] = 0

    assert spending.due_at_ms([ODDS], [GAME], {key(ODDS): NOW_MS}, NOW_MS + PLAN_EVERY_MS - 1) == first
    assert spending.due_at_ms([ODDS], [GAME], {key(ODDS): NOW_MS}, NOW_MS + BAR_EVERY_MS) == {}


def test_scores_that_cost_something_leave_most_of_it_to_prices() -> None:
    scores = ODDS._replace(name="scores nfl", url="https://example.test/scores", cost=2, kind="scores")
    asked = {key(ODDS): NOW_MS, key(scores): NOW_MS}

    due = budget(500).due_at_ms([ODDS, scores], [GAME], asked, NOW_MS)

    assert due[key(scores)] - NOW_MS == 2 * 20 * DAY_MS / 100
    assert due[key(ODDS)] < due[key(scores)]
