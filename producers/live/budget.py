"""When calls that cost credits are due: prices as the planner says, everything else out of a fixed share."""

from collections.abc import Callable, Mapping, Sequence

from producers.live.call import Call, Game
from producers.live.planner import bar, plan
from producers.live.turns import Key, key

#: The bar moves with the games of a week, a call's time with those of now.
BAR_EVERY_MS, PLAN_EVERY_MS = 300_000, 5_000
#: Of the credits that are left, for what is no price: scores of leagues that no free source tells of.
OTHERS_SHARE = 0.2


class Budget:
    """One source's. ``left``: its credits of the month at a moment; ``ends_ms``: when that month ends."""

    def __init__(self, left: Callable[[int], int], ends_ms: Callable[[int], int]) -> None:
        self._left, self._ends_ms = left, ends_ms
        self._bar, self._bar_at_ms, self._planned_at_ms = 0.0, 0, 0
        self._due: dict[Key, int] = {}
        self._asked: dict[Key, int] = {}

    def due_at_ms(
        self, calls: Sequence[Call], games: Sequence[Game], asked_at_ms: Mapping[Key, int], now_ms: int
    ) -> Mapping[Key, int]:
        """Before when each call is not worth its credits, Unix ms.

        Nothing where the month's credits are spent: then each call is refused at its own pace, and it shows.
        """
        asked = {key(call): asked_at_ms.get(key(call), 0) for call in calls if call.cost}
        is_other = asked.keys() != self._asked.keys()
        if asked == self._asked and now_ms - self._planned_at_ms < PLAN_EVERY_MS:
            return self._due
        self._asked, self._planned_at_ms = asked, now_ms
        left, odds = self._left(now_ms), [call for call in calls if call.cost and call.kind == "odds"]
        if left <= 0:
            self._due = {}
            return self._due
        if is_other or now_ms - self._bar_at_ms >= BAR_EVERY_MS:
            for_odds = int(left * (1.0 - OTHERS_SHARE))
            self._bar, self._bar_at_ms = bar(odds, games, for_odds, self._ends_ms(now_ms), now_ms), now_ms
        self._due = {key(one.call): one.due_at_ms for one in plan(odds, games, asked, self._bar, now_ms)}
        others = [call for call in calls if call.cost and call.kind != "odds"]
        a_credit_ms = (self._ends_ms(now_ms) - now_ms) / (OTHERS_SHARE * left)
        for call in others:
            last_ms = asked[key(call)]
            self._due[key(call)] = last_ms + int(len(others) * call.cost * a_credit_ms) if last_ms else 0
        return self._due
