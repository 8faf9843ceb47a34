"""What a person at a terminal sees of the answers, and what one without a terminal reads."""

from collections import deque
from typing import Any

import msgspec
import pytest
from rich.console import Console

from pipeline.local.view import FIVE_TABLES, Flow, Seen, picture, plain
from tests.make_records import AT_MS, EVENT, example

ARBITRAGE, VALUE, MOVES = "bets.arbitrage", "bets.value", "odds.moves"
FLOW = Flow({"sharpline.markets": 7}, {"odds.snapshots": 50.0})


def builtins(topic: str, **fields: Any) -> dict[str, Any]:
    """A record as the gateway sends it."""
    record: dict[str, Any] = msgspec.to_builtins(example(topic))
    return record | fields


SUSPECT: dict[str, Any] = builtins(ARBITRAGE)["arbitrages"][0]
BET: dict[str, Any] = builtins(VALUE)["bets"][0]


def lock(kind: str, **fields: Any) -> dict[str, Any]:
    """One that is open, at two books' own prices, unless the legs say otherwise."""
    legs = [leg | {"side": "back"} for leg in SUSPECT["legs"]]
    return SUSPECT | {"kind": kind, "suspect": [], "legs": legs} | fields


def leg(place: int, **fields: Any) -> dict[str, Any]:
    found: dict[str, Any] = SUSPECT["legs"][place] | {"side": "back"} | fields
    return found


def seen(*records: tuple[str, dict[str, Any]]) -> Seen:
    found = Seen()
    for topic, record in records:
        found.take({"type": "update", "channel": topic, "event": EVENT, "record": record})
    return found


def locks(*found: dict[str, Any]) -> Seen:
    return seen((ARBITRAGE, builtins(ARBITRAGE, arbitrages=list(found))))


def shown(found: Seen, rows: int = 40, columns: int = 120) -> str:
    console = Console(width=columns, height=rows, color_system=None)
    with console.capture() as capture:
        console.print(picture(found, FLOW, deque(["a note"], maxlen=4), rows))
    return capture.get()


@pytest.mark.parametrize("kind", ["middle", "low_hold"])
def test_only_an_arbitrage_that_is_not_suspect_is_the_first_arbitrage(kind: str) -> None:
    assert locks(lock(kind), lock("arbitrage", suspect=["outlier"])).first_arbitrage_s == 0.0
    assert locks(lock(kind), lock("arbitrage")).first_arbitrage_s > 0.0


def test_kinds_are_counted_apart() -> None:
    found = locks(lock("arbitrage"), lock("middle"), lock("low_hold"), lock("low_hold"), SUSPECT)

    assert "Arbitrage: 1, suspect 1, phantoms 1 of 3 judged" in shown(found)
    assert "Middles: 1, low hold 2" in shown(found)
    assert "arbitrage 1, suspect 1, middles 1, low hold 2, steam 0, phantoms 1 of 3 judged" in plain(
        found, FLOW
    )


def test_a_lay_is_said_to_be_one() -> None:
    legs = [leg(0, price=2.2), leg(1, outcome=0, price=2.06, side="lay", book="betfair")]
    found = locks(lock("arbitrage", legs=legs))

    assert "home 2.20 bovada, lay home 2.06 betfair" in shown(found)
    assert "h2h home 2.20 bovada, lay home 2.06 betfair: 5.00% age 0 s" in plain(found, FLOW)


def test_each_leg_of_a_middle_has_its_own_line_as_its_side_has_it() -> None:
    total = lock("middle", market="total", line=44.5, legs=[leg(0, line=44.5), leg(1, line=47.5)])
    spread = lock("middle", market="spread", line=-2.5, legs=[leg(0, line=-2.5), leg(1, line=-4.5)])

    assert "over 44.5 2.10 bovada, under 47.5 2.10 pinnacle" in shown(locks(total))
    text = shown(locks(spread))
    assert "home -2.5 2.10 bovada, away +4.5 2.10 pinnacle" in text
    assert "+2.0%, hits 10%" in text


def test_a_bet_without_a_stake_shows_none() -> None:
    staked, beside = BET, BET | {"id": "v2", "book": "betfair", "stake_share": 0.0, "expected_value": 0.01}
    lines = shown(seen((VALUE, builtins(VALUE, bets=[staked, beside])))).splitlines()

    (first,) = [line.split() for line in lines if "(consensus)" in line and "bovada" in line]
    (second,) = [line.split() for line in lines if "(consensus)" in line and "betfair" in line]
    assert first[first.index("+5.0%") + 1] == "1.1%"
    assert second[second.index("+1.0%") + 1] == "-"
    assert any(line.startswith("Value bets: 2, gated 1") for line in lines)


def test_steam_names_its_desks_and_who_was_first_where_there_is_room() -> None:
    steam = builtins(MOVES)["steam"][0]
    unknown = steam | {"first_desk": "", "at_ms": AT_MS + 1, "cause": ""}
    found = seen((MOVES, builtins(MOVES, steam=[steam, unknown])))

    lines = [line.split() for line in shown(found).splitlines()]
    assert [EVENT, "h2h", "away", "-", "1:", "pinnacle", "60", "s"] in lines
    assert [EVENT, "h2h", "away", "pinnacle", "1:", "pinnacle", "polling", "60", "s"] in lines
    assert f"steam {EVENT} h2h away 1 desks, first -" in plain(found, FLOW)
    assert "Steam" not in shown(found, rows=FIVE_TABLES - 1)


@pytest.mark.parametrize("rows", [24, 31, 32, 40, 60])
def test_it_fits_the_terminal_however_much_there_is(rows: int) -> None:
    state = builtins("games.states")
    many = [lock("arbitrage"), lock("middle"), lock("low_hold")] * 20
    found = seen(
        ("games.states", state),
        (VALUE, builtins(VALUE, bets=[BET] * 60)),
        (ARBITRAGE, builtins(ARBITRAGE, arbitrages=many)),
        (MOVES, builtins(MOVES, steam=builtins(MOVES)["steam"] * 60)),
    )

    lines = shown(found, rows, columns=100).splitlines()
    assert len(lines) <= rows
    assert "a note" in lines[-1]
    assert all(len(line) <= 100 for line in lines)


def test_what_is_long_is_cut_and_nothing_else() -> None:
    legs = [leg(place % 2, book=f"a-book-with-a-very-long-name-{place}") for place in range(4)]
    (line,) = [line for line in shown(locks(lock("arbitrage", legs=legs))).splitlines() if "a-book" in line]

    assert EVENT in line
    assert "5.00%" in line
    assert line.rstrip().endswith("0 s")
    assert "…" in line


def test_both_teams_to_score_is_yes_or_no() -> None:
    assert "yes 2.10 bovada, no 2.10 pinnacle" in shown(locks(lock("arbitrage", market="btts")))


def test_what_is_gone_is_not_shown() -> None:
    found = locks(lock("arbitrage"))
    found.take({"type": "update", "channel": ARBITRAGE, "event": EVENT, "record": None})

    assert "arbitrage 0" in plain(found, FLOW)
    assert "Arbitrage: 0, suspect 0, phantoms 0 of 0 judged" in shown(found)


def test_time_goes_on_though_nothing_but_the_heart_beats() -> None:
    found = seen((VALUE, builtins(VALUE)))
    found.take({"type": "heartbeat", "now_ms": AT_MS + 90_000, "cursor": "", "sent_at_ms": 0})
    found.take({"type": "heartbeat", "now_ms": AT_MS + 60_000, "cursor": "", "sent_at_ms": 0})

    assert found.now_ms == AT_MS + 90_000
