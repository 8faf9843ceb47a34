"""Changed lines found per credit: the planner against fixed intervals, on recorded polls of The Odds API.

Run it: ``make bench ARGS=planner``; it wants the recorded polls in ../shared. A poll can be bought where one
was recorded, every 13 to 30 minutes. Which games there are is known without paying, as from the service's
list of events; prices are known from bought polls alone. A line is one book's prices in one market of an
event; it counts where it differs from the last bought poll, came or left, and the event is in both. Months,
and so budgets, are those of the calendar; a fixed interval is chosen month by month so that it costs no less
than the planner did. Rates of change come from weeks that are not scored: even ones score odd ones, and odd
ones even ones.
"""

from collections import Counter, deque
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, NamedTuple

import click
import msgspec
import numpy as np
from numpy.typing import NDArray

from producers.live.call import Call, Game
from producers.live.ledger import ends_ms
from producers.live.planner import HOUR_MS, PHASES, STARTS_H, Rates, bar, plan
from producers.live.turns import key
from producers.sources import the_odds_api
from producers.sources.times import moment_ms
from tests.conftest import SHARED

POLLS = SHARED / "data" / "odds-fetcher-the-odds-api"
SETS = {"NFL": ("nfl",), "summer": ("mlb", "wnba", "kbo", "worldcup")}
BUDGETS = (500, 1_000, 2_000)
WEEK_MS = 7 * 24 * HOUR_MS
#: Recorded polls are no closer to one another.
PACE_S = 600.0
#: A recorded poll that comes this much too early is taken for the one that was due.
EARLY_MS = 120_000
#: From ten minutes to four days, each a fiftieth longer than the one before.
INTERVALS_S = tuple(int(600 * 1.02**step) for step in range(321))
#: Two polls that tell how lines change are about a quarter of an hour apart, or an hour.
GAPS_MS = ((600_000, 2_400_000), (3_000_000, 4_800_000))


class _Outcome(msgspec.Struct):
    name: str
    price: float
    point: float = 0.0


class _Market(msgspec.Struct):
    key: str
    outcomes: list[_Outcome]


class _Book(msgspec.Struct):
    key: str
    markets: list[_Market]


class _Event(msgspec.Struct):
    id: str
    commence_time: str
    bookmakers: list[_Book]


_BODY = msgspec.json.Decoder(list[_Event])


class Recorded(NamedTuple):
    """All polls of a league as arrays, a row each."""

    call: Call
    at_ms: NDArray[np.int64]
    values: NDArray[np.int32]
    """What each line says, as a number; 0 where it is not on show."""
    starts_ms: NDArray[np.int64]
    """Of each event; 0 where it is not on show."""
    event_of: NDArray[np.int32]
    """Which event each line is of."""
    month_ms: NDArray[np.int64]
    """When the month of each poll ends."""
    going: NDArray[np.bool_]
    """Whether any game was on."""

    def changed(self, before: int, now: int) -> NDArray[np.intp]:
        """Lines of each event that differ between two polls which both show it."""
        both = (self.starts_ms[before] > 0) & (self.starts_ms[now] > 0)
        differ = self.event_of[self.values[before] != self.values[now]]
        return np.bincount(differ[both[differ]], minlength=len(both))

    def games(self, at_ms: int, bought: int, moves: NDArray[np.intp]) -> list[Game]:
        """What is known of the games at a time without buying anything more."""
        now = max(0, int(np.searchsorted(self.at_ms, at_ms, side="right")) - 1)
        shown = np.bincount(self.event_of[self.values[bought] > 0], minlength=len(moves))
        return [
            Game(
                event_id=f"{self.call.league}:{place}",
                league=self.call.league,
                starts_at_ms=int(self.starts_ms[now, place]),
                is_live=bool(self.starts_ms[now, place] <= at_ms),
                moves_per_hour=float(moves[place]),
                lines=int(shown[place]),
            )
            for place in np.flatnonzero(self.starts_ms[now])
            if at_ms - self.at_ms[now] < 24 * HOUR_MS
        ]


@cache
def recorded(league: str) -> Recorded:
    """A league's file."""
    lines: dict[tuple[int, str, str], int] = {}
    events: dict[str, int] = {}
    said: dict[tuple[tuple[str, float, float], ...], int] = {}
    rows = []
    for at_ms, body in the_odds_api.polls(POLLS / f"{league}.jsonl.xz", lambda *_: None):
        values, starts = {}, {}
        for event in _BODY.decode(body):
            place = events.setdefault(event.id, len(events))
            starts[place] = moment_ms(event.commence_time)
            for book in event.bookmakers:
                for market in book.markets:
                    offer = tuple((each.name, each.price, each.point) for each in market.outcomes)
                    line = lines.setdefault((place, book.key, market.key), len(lines))
                    values[line] = said.setdefault(offer, len(said) + 1)
        rows.append((at_ms, values, starts))
    rows.sort(key=lambda row: row[0])
    cost = 2 if league == "worldcup" else 3
    call = Call(the_odds_api.NAME, f"odds {league}", league, league=league, cost=cost, every_s=PACE_S)
    at = np.array([row[0] for row in rows])
    starting = _table(np.int64, [row[2] for row in rows], len(events))
    return Recorded(
        call,
        at,
        _table(np.int32, [row[1] for row in rows], len(lines)),
        starting,
        np.array([place for place, _, _ in lines], dtype=np.int32),
        np.array([ends_ms(at_ms, 1) for at_ms in at.tolist()]),
        np.any((starting > 0) & (starting <= at[:, None]), axis=1),
    )


def _table(kind: Any, rows: Sequence[Mapping[int, float]], width: int) -> Any:
    table = np.zeros((len(rows), width), kind)
    for place, row in enumerate(rows):
        table[place, list(row)] = list(row.values())
    return table


def learnt(leagues: Sequence[str], parities: Collection[int]) -> Rates:
    """Rates of change in weeks of some parities: those at which as many lines change as did."""
    pairs: list[tuple[list[float], list[float], list[float]]] = [([], [], []) for _ in PHASES]
    for league in leagues:
        polls = recorded(league)
        for first, at_ms in enumerate(polls.at_ms):
            if at_ms // WEEK_MS % 2 not in parities or first % 2:
                continue
            for low_ms, high_ms in GAPS_MS:
                second = int(np.searchsorted(polls.at_ms, at_ms + low_ms))
                if second == len(polls.at_ms) or polls.at_ms[second] > at_ms + high_ms:
                    continue
                both = (polls.starts_ms[first] > 0) & (polls.starts_ms[second] > 0)
                hours = (polls.starts_ms[second] - polls.at_ms[second]) / HOUR_MS
                phases = np.searchsorted(STARTS_H, hours)[polls.event_of]
                shown = both[polls.event_of] & ((polls.values[first] > 0) | (polls.values[second] > 0))
                differ = polls.values[first] != polls.values[second]
                lines = np.bincount(phases[shown], minlength=len(PHASES))
                changed = np.bincount(phases[shown & differ], minlength=len(PHASES))
                for pair, count, moved in zip(pairs, lines, changed, strict=True):
                    for column, value in zip(
                        pair, ((polls.at_ms[second] - at_ms) / HOUR_MS, count, moved), strict=True
                    ):
                        column.append(float(value))
    return Rates(per_hour=tuple(_rate(*map(np.array, pair)) for pair in pairs), fastest_s=PACE_S)


def _rate(hours: NDArray[np.float64], lines: NDArray[np.float64], changed: NDArray[np.float64]) -> float:
    low, high = 1e-3, 100.0
    for _ in range(40):
        middle = (low * high) ** 0.5
        found = float(np.sum(lines * -np.expm1(-middle * hours)))
        low, high = (middle, high) if found < float(np.sum(changed)) else (low, middle)
    return round(low, 3)


@dataclass
class Basket:
    """What was bought of a league's polls."""

    polls: Recorded
    last: int = -1
    moves: deque[tuple[int, NDArray[np.intp]]] = field(default_factory=deque)
    credits: Counter[int] = field(default_factory=Counter)
    """By month."""
    changed: int = 0
    coming: int = 0
    """Of changed lines, those before the start."""

    def buy(self, now: int) -> None:
        """Buy a poll."""
        at_ms = int(self.polls.at_ms[now])
        self.credits[ends_ms(at_ms, 1)] += self.polls.call.cost
        if self.last >= 0:
            changed = self.polls.changed(self.last, now)
            self.moves.append((at_ms, changed))
            self.changed += int(changed.sum())
            self.coming += int(changed[self.polls.starts_ms[now] > at_ms].sum())
        self.last = now

    def games(self, at_ms: int) -> list[Game]:
        """What is known at a time."""
        while self.moves and at_ms - self.moves[0][0] > HOUR_MS:
            self.moves.popleft()
        nothing = np.zeros(self.polls.starts_ms.shape[1], dtype=np.intp)
        return self.polls.games(at_ms, self.last, sum((moved for _, moved in self.moves), nothing))


def planned(leagues: Sequence[str], budget: int, rates: Sequence[Rates]) -> list[Basket]:
    """What the planner buys with so many credits a month; rates by the parity of the week to be scored."""
    baskets = [Basket(recorded(league)) for league in leagues]
    least, set_at_ms = 0.0, 0
    for at_ms, one, now in _in_order(baskets):
        call, of, month_ms = one.polls.call, rates[at_ms // WEEK_MS % 2], ends_ms(at_ms, 1)
        left = budget - sum(basket.credits[month_ms] for basket in baskets)
        if left < call.cost:
            continue
        if one.last >= 0:
            if at_ms - set_at_ms >= HOUR_MS:
                begun = [basket for basket in baskets if basket.last >= 0]
                games = [game for basket in begun for game in basket.games(at_ms)]
                calls = [basket.polls.call for basket in begun]
                least, set_at_ms = bar(calls, games, left, month_ms, at_ms, of), at_ms
            asked = {key(call): int(one.polls.at_ms[one.last])}
            (due,) = plan([call], one.games(at_ms), asked, least, at_ms, of)
            if not due.lines or due.due_at_ms > at_ms + EARLY_MS:
                continue
        one.buy(now)
    return baskets


def fixed(leagues: Sequence[str], credits: Mapping[int, int], *, in_play: bool) -> list[Basket]:
    """What an interval buys that costs each month no less than ``credits``, and as little more as can be.

    Or all that there is. ``in_play``: only while a game is on.
    """
    baskets = [Basket(recorded(league)) for league in leagues]
    chosen: list[tuple[int, int, int]] = []
    for month_ms, wanted in sorted(credits.items()):
        asked = {interval_s: _every(baskets, month_ms, interval_s, in_play) for interval_s in INTERVALS_S}
        cost = {
            interval_s: sum(baskets[place].polls.call.cost for _, place, _ in polls)
            for interval_s, polls in asked.items()
        }
        enough = [interval_s for interval_s in INTERVALS_S if cost[interval_s] >= wanted]
        chosen += asked[min(enough, key=lambda interval_s: cost[interval_s], default=INTERVALS_S[0])]
    for _, place, now in sorted(chosen):
        baskets[place].buy(now)
    return baskets


def _every(
    baskets: Sequence[Basket], month_ms: int, interval_s: int, in_play: bool
) -> list[tuple[int, int, int]]:
    """The polls of a month at an interval: when, of which basket, which."""
    found = []
    for place, basket in enumerate(baskets):
        at_ms, going = basket.polls.at_ms, basket.polls.going
        eligible = np.flatnonzero((basket.polls.month_ms == month_ms) & (going | (not in_play)))
        times, step = at_ms[eligible], 0
        while step < len(times):
            found.append((int(times[step]), place, int(eligible[step])))
            step = max(step + 1, int(np.searchsorted(times, times[step] + interval_s * 1000 - EARLY_MS)))
    return found


def _in_order(baskets: Sequence[Basket]) -> list[tuple[int, Basket, int]]:
    polls = [
        (at_ms, place, now)
        for place, basket in enumerate(baskets)
        for now, at_ms in enumerate(basket.polls.at_ms.tolist())
    ]
    return [(at_ms, baskets[place], now) for at_ms, place, now in sorted(polls)]


def _said(name: str, baskets: Sequence[Basket]) -> str:
    credits = sum(one.credits.total() for one in baskets)
    changed, coming = sum(one.changed for one in baskets), sum(one.coming for one in baskets)
    return (
        f"  {name:<22}{credits:>7,} credits {changed:>9,} changed lines {changed / credits:7.2f} a credit, "
        f"{coming / credits:6.2f} of them before the start"
    )


def main() -> None:
    """Compare and print."""
    everything = [league for leagues in SETS.values() for league in leagues]
    rates = [learnt(everything, {1}), learnt(everything, {0})]
    click.echo(f"changes of a line an hour, by phase, all weeks: {learnt(everything, {0, 1}).per_hour}")
    for parity, of in enumerate(rates):
        click.echo(f"learnt for weeks of parity {parity} from the others: {of.per_hour}")
    for name, leagues in SETS.items():
        for budget in BUDGETS:
            click.echo(f"{name}, {budget:,} credits a month")
            ours = planned(leagues, budget, rates)
            credits = sum((one.credits for one in ours), Counter[int]())
            click.echo(_said("planner", ours))
            for label, in_play in (("fixed interval", False), ("fixed while in play", True)):
                theirs = fixed(leagues, credits, in_play=in_play)
                click.echo(_said(label, theirs))


if __name__ == "__main__":
    main()
