"""What must hold of the whole fold, whatever is fed to it."""

from collections.abc import Iterable
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from pipeline.codec import decode, encode
from pipeline.records import (
    Arbitrages,
    ClockTick,
    ClosingLine,
    Depth,
    GameProbabilities,
    GameStatus,
    Line,
    OddsSnapshot,
    QuoteStatus,
    SnapshotKind,
    SourceState,
    ValueBets,
)
from pipeline.stages.fold import Row
from pipeline.stages.markets import MARKETS
from pipeline.stages.markets.offers import fault, moment
from pipeline.stages.markets.state import Markets
from pipeline.topics import TICKS
from tests.hash_seeds import printed
from tests.make import EVENT, Followed, at, game, quote, snapshot, tick

EXCHANGE = "smarkets"
BOOKS = ("a", "b", "c", "d", "e", EXCHANGE, "sim-copperline", "sim-copperline-extra")
PLACES = (("h2h", 0.0), ("spread", -3.5), ("spread", -3.0), ("total", 44.5), ("total", 47.5))
Known = OddsSnapshot | GameProbabilities | ClockTick


def a_line() -> st.SearchStrategy[Line]:
    """A book's line around even money, mostly open, at times wild, shut or incomplete."""
    price = st.one_of(
        st.floats(1.8, 2.2).map(lambda price: round(price, 2)), st.sampled_from([0.0, 1.2, 4.5])
    )
    return st.builds(
        lambda book, place, prices, status: quote(
            book, *prices, market=place[0], line=place[1], status=status
        ),
        st.sampled_from(BOOKS),
        st.sampled_from(PLACES),
        st.tuples(price, price),
        st.sampled_from([QuoteStatus.OPEN] * 5 + [QuoteStatus.SUSPENDED, QuoteStatus.REFERENCE]),
    )


def a_lay() -> st.SearchStrategy[Depth]:
    """What an exchange has waiting, in the money at times, and often where it shows no line at all."""
    price = st.floats(1.7, 2.2).map(lambda price: round(price, 2))
    return st.builds(
        lambda place, prices, sizes: Depth(
            book=EXCHANGE,
            market=place[0],
            line=place[1],
            lay_prices=prices,
            back_sizes=sizes,
            lay_sizes=sizes,
        ),
        st.sampled_from(PLACES),
        st.tuples(price, price),
        st.sampled_from([(0, 0), (50_000, 3_000), (90, 90)]),
    )


def a_record(seconds: float) -> st.SearchStrategy[Known]:
    """Anything that may come at that time."""
    shown = st.builds(
        lambda lines, lays, kind, source, starts_s: snapshot(
            *lines, depth=lays, kind=kind, source=source, seconds=seconds, starts_at_ms=at(starts_s)
        ),
        st.lists(a_line(), max_size=24),
        st.lists(a_lay(), max_size=3).map(tuple),
        st.sampled_from([SnapshotKind.FULL] * 3 + list(SnapshotKind)),
        st.sampled_from(["simulator", "simulator", "elsewhere"]),
        st.sampled_from([100, 5_000]),
    )
    played = st.builds(
        lambda status, started_s, key_s, suspended, contested, home: game(
            seconds,
            status=status,
            started_at_ms=0 if started_s is None else at(min(started_s, seconds)),
            last_key_event_at_ms=0 if key_s is None else at(min(key_s, seconds)),
            suspended=suspended,
            contested=contested,
            model="brownian-margin",
            game=(home, 1.0 - home),
            regulation=(home, 0.95 - home, 0.05),
            parameters={"margin_mean": 3.0, "margin_sd": 9.0, "total_mean": 44.0, "total_sd": 9.0},
        ),
        st.sampled_from([GameStatus.SCHEDULED, GameStatus.LIVE, GameStatus.LIVE, GameStatus.FINAL]),
        st.sampled_from([None, 50, 120]),
        st.sampled_from([None, 60, 150]),
        st.booleans(),
        st.booleans(),
        st.floats(0.2, 0.8),
    )
    ticked = st.builds(
        lambda down, off: tick(
            seconds, SourceState(source="simulator", down_since_ms=at(seconds) if down else 0, off=off)
        ),
        st.sampled_from([False, False, True]),
        st.sampled_from([False, False, True]),
    )
    return st.one_of(shown, shown, shown, played, ticked, ticked)


def histories() -> st.SearchStrategy[list[Known]]:
    """Some minutes of records in the order of their times."""
    steps = st.lists(st.sampled_from([0.0, 3.0, 10.0, 31.0, 130.0]), min_size=1, max_size=14)
    return steps.flatmap(
        lambda waits: st.tuples(*[a_record(sum(waits[: n + 1])) for n in range(len(waits))])
    ).map(list)


def folded(changes: Iterable[Any], stands: set[str]) -> set[str]:
    """What is open once these changes are applied; each must fit what stands."""
    stands = set(stands)
    for change in changes:
        assert (change.id in stands) == (change.change != "opened")
        assert (change.reason != "") == (change.change == "withdrawn")
        if change.change == "opened":
            stands.add(change.id)
        elif change.change == "withdrawn":
            stands.remove(change.id)
    return stands


@given(histories())
@settings(max_examples=60)
def test_the_fold_of_the_changes_is_the_open_list_at_every_revision(records: list[Known]) -> None:
    event = Followed(MARKETS)
    bets: set[str] = set()
    locks: set[str] = set()
    for record in records:
        for answer in event(record):
            match answer:
                case ValueBets():
                    bets = folded(answer.changes, bets)
                    assert sorted(bets) == sorted(bet.id for bet in answer.bets)
                case Arbitrages():
                    locks = folded(answer.changes, locks)
                    assert sorted(locks) == sorted(one.id for one in answer.arbitrages if not one.suspect)


@given(histories())
@settings(max_examples=60)
def test_nothing_open_stands_on_a_quote_that_cannot_be_bet_at_whenever_one_looks(
    records: list[Known],
) -> None:
    event = Followed(MARKETS)
    for record in records:
        # As the runner does: a tick whenever one is due.
        while (due_s := event.due_s) < (record.received_at_ms - at(0)) / 1000 and due_s > 0:
            row = event.row
            event(tick(due_s))
            assert event.row is not row
        event(record)
        stands_on_what_can_be_bet_at(event.row.state, event.rules)


def stands_on_what_can_be_bet_at(state: Markets, rules: Any) -> None:
    now = moment(rules, state)
    for key, market in state.markets.items():
        places = [(bet.source, bet.book, bet.outcome, bet.price) for bet in market.bets]
        for source, book, outcome, price in places:
            assert now.closed == ""
            assert fault(now, key, source, book) == ""
            assert state.boards[source].quotes[key][book].prices[outcome] == price
    kinds = [(key, market.locks) for key, market in state.markets.items()]
    kinds += [((*kind, 0.0), locks) for kind, locks in state.middles.items()]
    for (market, scope, _), locks in kinds:
        for side in (side for lock in locks for side in lock.sides):
            key = (market, scope, side.line)
            assert now.closed == ""
            assert fault(now, key, side.source, side.book) == ""
            quoted = state.boards[side.source].quotes[key][side.book]
            prices = quoted.waiting.lay_prices if side.lay and quoted.waiting else quoted.prices
            assert prices[side.outcome] == side.price


@given(histories())
@settings(max_examples=40)
def test_a_row_survives_its_table_and_every_answer_its_topic(records: list[Known]) -> None:
    event = Followed(MARKETS)
    event(*records)

    packed = msgspec.msgpack.encode(event.row)

    assert msgspec.msgpack.decode(packed, type=Row[Markets]) == event.row
    for answer in event.answers:
        assert decode(answer.topic, *encode(answer.topic, answer.record)) == answer.record


@given(histories())
@settings(max_examples=60)
def test_working_everything_out_again_changes_nothing(records: list[Known]) -> None:
    event = Followed(MARKETS)
    event(*records)
    state = event.row.state
    due = {key: replace(market, until_ms=1) for key, market in state.markets.items()}
    nothing_new = snapshot(source="nobody", kind=SnapshotKind.UNCHANGED)

    again, answers = MARKETS.step(event.rules, replace(state, markets=due), nothing_new, state.now_ms)

    assert [answer for answer in answers if not isinstance(answer, ClosingLine)] == []
    for key, market in again.markets.items():
        assert (market.bets, market.locks) == (state.markets[key].bets, state.markets[key].locks)


def test_an_unchanged_snapshot_changes_no_answer() -> None:
    event = Followed(MARKETS)
    lines = [quote(book, 1.91, 1.91) for book in "abc"] + [quote("d", 2.1, 1.8), quote("e", 1.8, 2.06)]
    assert len(event(snapshot(*lines))) == 4
    (judged,) = event(snapshot(*lines, seconds=5))
    assert judged.judged == 1  # the legs of its arbitrage were there still

    assert event(snapshot(seconds=10, kind=SnapshotKind.UNCHANGED)) == []
    assert event(snapshot(*lines, seconds=20)) == []


def test_only_the_markets_that_changed_are_worked_out_again() -> None:
    event = Followed(MARKETS)
    lines = [quote(b, 1.9, 1.9, market=market, line=line) for market, line in PLACES for b in "abc"]
    event(snapshot(*lines))
    before = event.row.state.markets

    event(snapshot(*lines[:-1], quote("c", 1.95, 1.85, market="total", line=47.5), seconds=10))

    after = event.row.state.markets
    assert [key for key in before if after[key] is not before[key]] == [("total", "game", 47.5)]


def mirrored(line: Line) -> Line:
    """The line as the other side's fans see it."""
    if line.market == "total":
        return line
    home, away, *draw = line.prices
    return replace(line, prices=(away, home, *draw), line=-line.line if line.line else 0.0)


def untied(lines: list[Line]) -> list[Line]:
    """No two prices alike: of two that are, the choice is by the outcome's place, which a mirror turns."""
    return [
        replace(line, prices=tuple([p + 1e-4 * (n + m / 9) if p else p for m, p in enumerate(line.prices)]))
        for n, line in enumerate(lines)
    ]


@given(st.lists(a_line(), min_size=4, max_size=30), st.lists(a_line(), max_size=30), st.floats(0.3, 0.7))
def test_swapping_home_and_away_mirrors_every_answer(
    first: list[Line], second: list[Line], home: float
) -> None:
    def answers(swapped: bool) -> dict[str, Any]:
        event = Followed(MARKETS)
        won = (1.0 - home, home) if swapped else (home, 1.0 - home)
        parameters = {"margin_mean": -3.0 if swapped else 3.0, "margin_sd": 9.0}
        parameters |= {"total_mean": 44.0, "total_sd": 9.0}
        live = {"status": GameStatus.LIVE, "started_at_ms": at(-9), "model": "brownian-margin"}
        turn = mirrored if swapped else lambda line: line
        event(
            game(0, **live, game=won, parameters=parameters),
            snapshot(*map(turn, untied(first)), seconds=1),
            snapshot(*map(turn, untied(second)), seconds=2),
        )
        return event.last

    straight, turned = answers(swapped=False), answers(swapped=True)

    assert straight.keys() == turned.keys()
    for topic in straight:
        assert substance_of(straight[topic], turn=False) == substance_of(turned[topic], turn=True)


def substance_of(answer: Any, turn: bool) -> list[Any]:
    """What an answer says, as the home side's fans would, rounded and in an order of its own."""
    said = []
    for name in ("markets", "moves", "steam", "bets", "gated", "arbitrages", "lives", "prices"):
        for item in getattr(answer, name, ()):
            fields = msgspec.to_builtins(item)
            sided = turn and fields["market"] != "total"
            places = [1, 0, 2] if sided else [0, 1, 2]
            legs = fields.get("legs", [])
            for one in (fields, *legs) if sided else ():
                for line in {"line", "from_line"} & one.keys():
                    one[line] = -one[line] if one[line] else 0.0
            if sided:
                for arrays in ("probabilities", "spreads", "standard_errors", "prices", "legs"):
                    if arrays in fields:
                        fields[arrays] = [fields[arrays][place] for place in places[: len(fields[arrays])]]
            for one in (fields, *fields.get("legs", []), *fields.get("rules", [])):
                if "outcome" in one:
                    one["outcome"] = places[one["outcome"]]
                # Of two splits that pay alike the earlier leg is served.
                for money in ("stake_minor", "profit_minor", "at_risk_minor", "break_even_price", "id"):
                    one.pop(money, None)
            if fields.get("kind") == "middle":
                fields["line"] = fields["legs"][0]["line"]
            said.append(rounded(fields))
    return sorted(said, key=repr)


def rounded(value: Any) -> Any:
    match value:
        case float():
            return round(value, 6) + 0.0
        case dict():
            return {name: rounded(item) for name, item in value.items()}
        case list() | tuple():
            return [rounded(item) for item in value]
    return value


SEEDED = """
import hashlib, msgspec
from tests.benchmarks.folds import snapshots
from pipeline.stages.markets import MARKETS
from tests.make import Followed, game
from pipeline.records import GameStatus
event = Followed(MARKETS)
for number, snapshot in enumerate(snapshots(0.3)):
    if number == 60:
        break
    event(snapshot)
digest = hashlib.sha256()
for answer in event.answers:
    digest.update(msgspec.msgpack.encode(answer.record))
digest.update(msgspec.msgpack.encode(event.row))
print(len(event.answers), digest.hexdigest())
"""


def test_the_same_log_gives_the_same_bytes_under_any_hash_seed() -> None:
    (said,) = printed(SEEDED)

    assert int(said.split()[0]) > 60


def test_an_event_with_odds_only_ends_when_it_is_seen_no_more_after_its_start() -> None:
    event = Followed(MARKETS)
    event(snapshot(*[quote(book, 1.9, 1.9) for book in "ab"], starts_at_ms=at(100)))
    assert MARKETS.ended_at_ms(event.row.state) == at(100)

    event(snapshot(*[quote(book, 1.9, 1.9) for book in "ab"], seconds=500))
    assert MARKETS.ended_at_ms(event.row.state) == at(500)


@pytest.mark.parametrize(
    ("status", "ended_at_ms"),
    [
        (GameStatus.FINAL, at(900)),
        (GameStatus.CANCELLED, at(900)),
        (GameStatus.ABANDONED, at(900)),
        (GameStatus.LIVE, 0),
        (GameStatus.POSTPONED, 0),
    ],
)
def test_an_event_with_a_game_feed_ends_with_its_game(status: GameStatus, ended_at_ms: int) -> None:
    event = Followed(MARKETS)

    event(game(901, status=status, finished_at_ms=at(900)))

    assert MARKETS.ended_at_ms(event.row.state) == ended_at_ms


def test_what_stands_is_repeated_without_changes() -> None:
    event = Followed(MARKETS)
    starts_at_ms = at(86_400)
    event(
        snapshot(*[quote(book, 1.9, 1.9) for book in "abc"], quote("d", 2.15, 1.8), starts_at_ms=starts_at_ms)
    )
    event(snapshot(*[quote(book, 1.9, 1.9) for book in "abc"], quote("d", 2.15, 1.8), seconds=21_580))

    repeated = event(tick(21_601))

    assert [type(answer).__name__ for answer in repeated] == [
        "FairPrices",
        "ValueBets",
        "Arbitrages",
        "ClosingLine",
    ]
    assert event.last["bets.value"].bets
    assert event.last["bets.value"].changes == ()
    assert event.row.applied[TICKS] == 0
    assert event.row.event_id == EVENT
