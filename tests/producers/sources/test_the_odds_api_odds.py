import json
import lzma
from collections import Counter
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline import codec, ids
from pipeline.errors import PayloadChanged
from pipeline.records import Line, OddsSnapshot, SourceEvent
from pipeline.topics import topic_of
from producers.identity import Identities
from producers.sources.the_odds_api import NAME, RECORDED, polls, recorded, starts
from producers.sources.the_odds_api_odds import Odds, odds
from producers.sources.the_odds_api_offer import OddsFormat
from tests.conftest import SHARED
from tests.producers.moments import at_ms
from tests.producers.sources.payloads import POLLED, body, book, event, market, outcome, poll, soccer

CHIEFS, EAGLES = "Kansas City Chiefs", "Philadelphia Eagles"
POLLS = SHARED / "data" / "odds-fetcher-the-odds-api"
NOW = at_ms(POLLED)


class Refusals(list[tuple[str, str]]):
    """What was refused, and where."""

    def __call__(self, reason: str, where: str) -> None:
        self.append((reason, where))


def read(
    *events: Any, odds_format: OddsFormat = OddsFormat.DECIMAL, identities: Identities | None = None
) -> tuple[Odds, Refusals]:
    refusals = Refusals()
    known = identities or Identities(NAME)
    return odds(body(*events), NOW, known, refusals, odds_format=odds_format), refusals


def lines(*events: Any, **options: Any) -> tuple[Line, ...]:
    parsed, refusals = read(*events, **options)
    assert refusals == []
    return parsed.snapshots[0].lines


def test_an_event_becomes_one_full_snapshot_of_all_books_and_markets() -> None:
    parsed, refusals = read(
        event(
            book(
                "fanduel",
                market("h2h", outcome(CHIEFS, 1.5), outcome(EAGLES, 2.7)),
                market("spreads", outcome(CHIEFS, 1.9, -3.5), outcome(EAGLES, 1.95, 3.5)),
                market("totals", outcome("Over", 1.87, 44.5), outcome("Under", 1.93, 44.5)),
            ),
            book("draftkings", market("h2h", outcome(CHIEFS, 1.52), outcome(EAGLES, 2.6))),
        )
    )

    assert refusals == []
    at = {"quoted_at_ms": NOW}
    assert parsed.snapshots == [
        OddsSnapshot(
            event_id="nfl:2025-09-14:kc-phi",
            source=NAME,
            kind="full",
            received_at_ms=NOW,
            starts_at_ms=at_ms("2025-09-14T17:00:00Z"),
            lines=(
                Line(book="draftkings", market="h2h", prices=(1.52, 2.6), **at),
                Line(book="fanduel", market="h2h", prices=(1.5, 2.7), **at),
                Line(book="fanduel", market="spread", line=-3.5, prices=(1.9, 1.95), **at),
                Line(book="fanduel", market="total", line=44.5, prices=(1.87, 1.93), **at),
            ),
        )
    ]
    assert [given.event_id for given in parsed.given] == ["nfl:2025-09-14:kc-phi"]


def test_outcomes_are_told_apart_by_name_not_by_place() -> None:
    away_first = event(
        book(
            "fanduel",
            market("h2h", outcome(EAGLES, 2.7), outcome(CHIEFS, 1.5)),
            market("spreads", outcome(EAGLES, 1.95, 3.5), outcome(CHIEFS, 1.9, -3.5)),
            market("totals", outcome("Under", 1.93, 44.5), outcome("Over", 1.87, 44.5)),
        )
    )

    assert [(line.line, line.prices) for line in lines(away_first)] == [
        (0.0, (1.5, 2.7)),
        (-3.5, (1.9, 1.95)),
        (44.5, (1.87, 1.93)),
    ]


def test_american_prices_are_read_where_american_prices_were_asked_for() -> None:
    quoted = event(book("fanduel", market("h2h", outcome(CHIEFS, -150), outcome(EAGLES, 130))))

    (line,) = lines(quoted, odds_format=OddsFormat.AMERICAN)

    assert line.prices == (pytest.approx(1 + 100 / 150), 2.3)


def test_soccer_h2h_is_the_three_way_market_of_regulation_time() -> None:
    drawn = outcome("Draw", 3.4)
    (line,) = lines(
        soccer(book("fanduel", market("h2h", outcome("England", 1.8), outcome("Ghana", 5.0), drawn)))
    )

    assert (line.market, line.scope, line.prices) == ("h2h_3way", "regulation", (1.8, 5.0, 3.4))


def test_a_three_way_market_that_the_draw_has_left_is_incomplete_and_not_two_way() -> None:
    (line,) = lines(
        soccer(book("draftkings", market("h2h", outcome("England", 16.0), outcome("Ghana", 46.0))))
    )

    assert (line.market, line.prices) == ("h2h_3way", (16.0, 46.0, 0.0))


def test_a_book_may_show_several_lines_of_one_market() -> None:
    ladder = market(
        "totals",
        *(
            outcome(side, price, point)
            for point in (44.5, 45.5)
            for side, price in (("Over", 1.9), ("Under", 1.8))
        ),
    )

    assert [(line.line, line.prices) for line in lines(event(book("fanduel", ladder)))] == [
        (44.5, (1.9, 1.8)),
        (45.5, (1.9, 1.8)),
    ]


def test_the_books_time_stands_in_for_a_market_without_one() -> None:
    silent = {"key": "h2h", "outcomes": [outcome(CHIEFS, 1.5), outcome(EAGLES, 2.7)]}

    (line,) = lines(event(book("fanduel", silent, last_update="2025-09-14T16:40:00Z")))

    assert line.quoted_at_ms == at_ms("2025-09-14T16:40:00Z")


BACKED = market("h2h", outcome(CHIEFS, 1.5), outcome(EAGLES, 2.9))


def lays(chiefs: float, eagles: float) -> dict[str, Any]:
    return market("h2h_lay", outcome(CHIEFS, chiefs), outcome(EAGLES, eagles))


@pytest.mark.parametrize("markets", [(BACKED, lays(1.52, 3.0)), (lays(1.52, 3.0), BACKED)])
def test_lay_prices_of_an_exchange_stand_beside_their_line_and_say_no_sizes(markets: Any) -> None:
    parsed, refusals = read(event(book("betfair_ex_eu", *markets)))

    assert refusals == []
    ((line,), (depth,)) = parsed.snapshots[0].lines, parsed.snapshots[0].depth
    assert (depth.book, depth.market, depth.scope, depth.line) == (
        line.book,
        line.market,
        line.scope,
        line.line,
    )
    assert depth.lay_prices == (1.52, 3.0)
    assert depth.back_sizes == depth.lay_sizes == (0, 0)


def test_lay_prices_of_soccer_belong_to_the_three_way_market_of_regulation_time() -> None:
    sides = [("England", 1.8), ("Ghana", 5.0), ("Draw", 3.4)]
    backed = market("h2h", *(outcome(name, price) for name, price in sides))
    laid = market("h2h_lay", *(outcome(name, 2 * price) for name, price in sides[:2]))

    parsed, refusals = read(soccer(book("betfair_ex_uk", backed, laid)))

    assert refusals == []
    (depth,) = parsed.snapshots[0].depth
    assert (depth.market, depth.scope, depth.lay_prices) == ("h2h_3way", "regulation", (3.6, 10.0, 0.0))


@pytest.mark.parametrize(
    ("laid", "reason"),
    [
        pytest.param(lays(1.48, 3.0), "not above the back price", id="crossed"),
        pytest.param(lays(1.5, 3.0), "not above the back price", id="the two meet"),
        pytest.param(lays(1.0, 3.0), "not a decimal price", id="a price of 1"),
        pytest.param(market("h2h_lay", outcome("Chiefs", 1.6)), "neither", id="another team"),
    ],
)
def test_lay_prices_that_cannot_be_are_refused_and_their_line_stays(laid: Any, reason: str) -> None:
    parsed, refusals = read(event(book("betfair_ex_eu", BACKED, laid), book("matchbook", BACKED)))

    assert [line.book for line in parsed.snapshots[0].lines] == ["betfair_ex_eu", "matchbook"]
    assert parsed.snapshots[0].depth == ()
    ((said, where),) = refusals
    assert said.startswith("h2h_lay: ")
    assert reason in said
    assert where == "nfl:2025-09-14:kc-phi, betfair_ex_eu"


def test_lay_prices_without_their_back_prices_are_refused() -> None:
    parsed, refusals = read(event(book("betfair_ex_eu", lays(1.52, 3.0)), book("matchbook", BACKED)))

    assert [line.book for line in parsed.snapshots[0].lines] == ["matchbook"]
    assert parsed.snapshots[0].depth == ()
    assert ["without the back prices" in reason for reason, _ in refusals] == [True]


def test_lay_prices_shown_twice_are_refused_the_second_time() -> None:
    parsed, refusals = read(event(book("betfair_ex_eu", BACKED, lays(1.52, 3.0), lays(1.54, 3.0))))

    assert [depth.lay_prices for depth in parsed.snapshots[0].depth] == [(1.52, 3.0)]
    assert ["shown twice" in reason for reason, _ in refusals] == [True]


def test_books_in_another_order_are_the_same_offer() -> None:
    books = [book(key, BACKED, lays(1.52, 3.0)) for key in ("betfair_ex_eu", "matchbook", "smarkets")]

    (one,), (other,) = (read(event(*order))[0].snapshots for order in (books, reversed(books)))

    assert one == other


GOOD = market("h2h", outcome(CHIEFS, 1.5), outcome(EAGLES, 2.7))


def spread(home: float, away: float) -> dict[str, Any]:
    return market("spreads", outcome(CHIEFS, 1.9, home), outcome(EAGLES, 1.9, away))


def total(*points: float, names: tuple[str, str] = ("Over", "Under")) -> dict[str, Any]:
    return market("totals", *(outcome(name, 1.9, point) for name, point in zip(names, points, strict=True)))


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        pytest.param(spread(-3.5, 4.5), "do not meet", id="points that are not opposite"),
        pytest.param(spread(-3.5, -3.5), "do not meet", id="both sides give points"),
        pytest.param(spread(3.5, 3.5), "do not meet", id="both sides are given points"),
        pytest.param(total(40.0, 41.0), "do not meet", id="totals that differ"),
        pytest.param(total(40.3, 40.3), "quarter", id="a point that is no line"),
        pytest.param(total(40.0, 40.0, names=("More", "Less")), "neither", id="unknown outcomes"),
        pytest.param(market("totals", outcome("Over", 1.9)), "no point", id="no point"),
        pytest.param(market("h2h", outcome("Chiefs", 1.5)), "neither", id="another team"),
        pytest.param(market("h2h", outcome("Draw", 9.0)), "neither", id="a draw in a two-way market"),
        pytest.param(market("h2h", outcome(CHIEFS, 1.0)), "not a decimal price", id="a price of 1"),
        pytest.param(market("h2h", outcome(CHIEFS, 0.0)), "not a decimal price", id="a price of 0"),
        pytest.param(market("h2h", outcome(CHIEFS, -150)), "not a decimal price", id="an American price"),
        pytest.param(market("h2h", outcome(CHIEFS, 1e300)), "not a decimal price", id="beyond any price"),
        pytest.param(total(1e300, 1e300), "beyond any score", id="beyond any score"),
        pytest.param(
            market("h2h", outcome(CHIEFS, 1.5), outcome(CHIEFS, 1.6), outcome(EAGLES, 2.7)),
            "an outcome is shown twice",
            id="an outcome twice",
        ),
        pytest.param(total(40.0, 40.0, names=("Over", "Over")), "shown twice", id="two overs of one line"),
        pytest.param(market("player_points", outcome("Over", 1.9, 9.5)), "not read", id="another market"),
        pytest.param(GOOD | {"last_update": "yesterday"}, "yesterday", id="a time that is none"),
        pytest.param(GOOD | {"last_update": "2525-09-14T16:50:00Z"}, "2525", id="another century"),
        pytest.param(GOOD | {"last_update": "0001-01-01T00:00:00Z"}, "0001", id="before all clocks"),
    ],
)
def test_a_market_that_cannot_be_read_is_refused_alone(bad: Any, reason: str) -> None:
    parsed, refusals = read(event(book("fanduel", bad), book("draftkings", GOOD)))

    assert [line.book for line in parsed.snapshots[0].lines] == ["draftkings"]
    ((said, where),) = refusals
    assert reason in said
    assert where == "nfl:2025-09-14:kc-phi, fanduel"


@pytest.mark.parametrize("price", [0, 50, -99, 110.5, 1e8, -1e20, 1e300])
def test_what_is_no_american_price_is_refused(price: float) -> None:
    quoted = event(book("fanduel", market("h2h", outcome(CHIEFS, price), outcome(EAGLES, 130))))

    parsed, refusals = read(quoted, odds_format=OddsFormat.AMERICAN)

    assert parsed.snapshots[0].lines == ()
    assert len(refusals) == 1


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        pytest.param({"key": "draftkings", "markets": "closed"}, "markets", id="markets that are a word"),
        pytest.param({"key": "", "markets": []}, "key", id="no name"),
        pytest.param({"key": "x" * 201, "markets": []}, "key", id="a name without end"),
        pytest.param(
            book("draftkings", market("h2h", outcome(CHIEFS, "2.0"))), "price", id="a price in words"
        ),
    ],
)
def test_a_book_of_another_shape_is_refused_alone(bad: Any, reason: str) -> None:
    parsed, refusals = read(event(book("fanduel", GOOD), bad))

    assert [line.book for line in parsed.snapshots[0].lines] == ["fanduel"]
    assert [reason in said for said, _ in refusals] == [True]


def test_one_side_alone_is_passed_on_with_no_price_for_the_other() -> None:
    """An outcome that is missing is for the fold to judge: there it may be a market closing."""
    one_sided = event(
        book(
            "fanduel",
            market("h2h", outcome(EAGLES, 2.7)),
            market("spreads", outcome(CHIEFS, 1.9, -3.5)),
            market("totals", outcome("Under", 1.93, 44.5)),
        )
    )

    assert [(line.market, line.line, line.prices) for line in lines(one_sided)] == [
        ("h2h", 0.0, (0.0, 2.7)),
        ("spread", -3.5, (1.9, 0.0)),
        ("total", 44.5, (0.0, 1.93)),
    ]


def test_exchanged_prices_cannot_be_told_here_and_are_passed_on() -> None:
    exchanged = market("h2h", outcome(CHIEFS, 2.7), outcome(EAGLES, 1.5))

    shown = lines(event(book("fanduel", GOOD), book("draftkings", exchanged)))

    assert {line.book: line.prices for line in shown} == {"fanduel": (1.5, 2.7), "draftkings": (2.7, 1.5)}


NUMBERS = st.one_of(st.floats(allow_nan=False, allow_infinity=False), st.integers(-(10**40), 10**40))
POINTS = st.one_of(st.none(), NUMBERS, st.sampled_from([-3.5, 3.5, 44.5]))
NAMES = st.sampled_from([CHIEFS, EAGLES, "Draw", "Over", "Under", ""])
TIMES = st.sampled_from([POLLED, "", "2525-01-01T00:00:00Z", "0001-01-01T00:00:00+00:00", "soon"])
KEYS = st.sampled_from(["h2h", "h2h_lay", "spreads", "totals", "outrights"])
MARKETS = st.builds(
    lambda key, outcomes, at: market(key, *outcomes, last_update=at),
    KEYS,
    st.lists(st.builds(outcome, NAMES, st.one_of(NUMBERS, st.sampled_from([1.5, 2.7])), POINTS), max_size=4),
    TIMES,
)


@given(st.lists(MARKETS, max_size=5), st.sampled_from(OddsFormat))
def test_whatever_a_book_says_the_snapshot_is_sound_and_the_others_are_in_it(
    markets: list[Any], odds_format: OddsFormat
) -> None:
    american = odds_format is OddsFormat.AMERICAN
    sound = market(
        "h2h", outcome(CHIEFS, -200 if american else 1.5), outcome(EAGLES, 170 if american else 2.7)
    )

    parsed, _ = read(event(book("fanduel", *markets), book("draftkings", sound)), odds_format=odds_format)

    (snapshot,) = parsed.snapshots
    codec.check(topic_of(OddsSnapshot).name, snapshot)
    assert [line.prices for line in snapshot.lines if line.book == "draftkings"] == [(1.5, 2.7)]
    shown = {(line.book, line.market, line.scope, line.line) for line in snapshot.lines}
    assert {(depth.book, depth.market, depth.scope, depth.line) for depth in snapshot.depth} <= shown


def test_an_event_of_another_shape_is_refused_alone_and_nothing_is_taken_for_gone() -> None:
    parsed, refusals = read(event(book("fanduel", GOOD)), {"id": "two", "teams": [CHIEFS, EAGLES]})

    assert [snapshot.event_id for snapshot in parsed.snapshots] == ["nfl:2025-09-14:kc-phi"]
    assert len(refusals) == 1
    assert not parsed.whole


def test_an_event_with_an_unknown_team_is_refused_alone() -> None:
    parsed, refusals = read(event(book("fanduel", GOOD)), event(id="two", home_team="Kansas City Monarchs"))

    assert [snapshot.event_id for snapshot in parsed.snapshots] == ["nfl:2025-09-14:kc-phi"]
    assert ["Kansas City Monarchs" in reason for reason, _ in refusals] == [True]
    assert parsed.whole


@pytest.mark.parametrize(
    "payload", [b'{"message": "quota"}', b"<html>", b"", b'[{"id": 1}, {"id": 2}]', b'"x"', b'[{"id":']
)
def test_an_answer_of_another_shape_is_one_named_error(payload: bytes) -> None:
    with pytest.raises(PayloadChanged, match=NAME):
        odds(payload, NOW, Identities(NAME), Refusals(), odds_format=OddsFormat.DECIMAL)


def test_a_moved_start_keeps_the_event_id() -> None:
    identities = Identities(NAME)
    read(event(), identities=identities)

    parsed, _ = read(event(commence_time="2025-09-16T00:15:00Z"), identities=identities)

    assert [snapshot.event_id for snapshot in parsed.snapshots] == ["nfl:2025-09-14:kc-phi"]
    assert parsed.snapshots[0].starts_at_ms == at_ms("2025-09-16T00:15:00Z")
    assert parsed.given == []


def test_of_two_games_seen_first_in_one_answer_the_earlier_is_the_first() -> None:
    late = event(id="late", commence_time="2025-09-14T23:00:00Z")

    parsed, _ = read(late, event(id="early"))

    assert {given.source_id: given.event_id for given in parsed.given} == {
        "early": "nfl:2025-09-14:kc-phi",
        "late": "nfl:2025-09-14:kc-phi:2",
    }


def test_sides_that_were_exchanged_later_are_refused() -> None:
    identities = Identities(NAME)
    read(event(), identities=identities)

    parsed, refusals = read(event(home_team=EAGLES, away_team=CHIEFS), identities=identities)

    assert parsed.snapshots == []
    assert parsed.present == {"nfl:2025-09-14:kc-phi"}
    assert "sides" in refusals[0][0]


def recorded_from(path: Path, from_ms: int = 0) -> tuple[list[Any], Refusals]:
    refusals = Refusals()
    return list(recorded(path, Identities(RECORDED), refusals, from_ms)), refusals


AMERICAN = market("h2h", outcome(CHIEFS, -150), outcome(EAGLES, 130))


def test_a_recorded_file_is_replayed_with_what_changed_and_what_left(tmp_path: Path) -> None:
    path = tmp_path / "polls.jsonl"
    seen = event(book("fanduel", AMERICAN))
    path.write_text(
        poll("2025-09-14T16:50:00Z", seen)
        + "half a line {\n"
        + poll("2025-09-14T16:52:00Z", seen)
        + json.dumps({"fetched_at": "2025-09-14T16:53:00Z", "body": {"message": "quota"}}) + "\n"
        + poll("2025-09-14T16:54:00Z")
    )  # fmt: skip

    records, refusals = recorded_from(path)

    assert [type(record).__name__ for record in records] == ["SourceEvent"] + ["OddsSnapshot"] * 3
    assert [record.kind for record in records[1:]] == ["full", "unchanged", "gone"]
    assert [record.received_at_ms for record in records[1:]] == [
        at_ms(f"2025-09-14T16:{minute}:00Z") for minute in (50, 52, 54)
    ]
    assert {where for _, where in refusals} == {
        "polls.jsonl line 2",
        f"polls.jsonl, poll of {at_ms('2025-09-14T16:53:00Z')}",
    }


def test_polls_before_the_start_still_say_which_game_is_which(tmp_path: Path) -> None:
    path = tmp_path / "polls.jsonl"
    moved = event(book("fanduel", AMERICAN), commence_time="2025-09-16T00:15:00Z")
    path.write_text(poll("2025-09-14T16:50:00Z", event()) + poll("2025-09-14T18:00:00Z", moved))

    records, _ = recorded_from(path, at_ms("2025-09-14T17:00:00Z"))

    given, snapshot = records
    assert isinstance(given, SourceEvent)
    assert given.received_at_ms == snapshot.received_at_ms == at_ms("2025-09-14T18:00:00Z")
    assert given.event_id == snapshot.event_id == "nfl:2025-09-14:kc-phi"


def test_a_damaged_file_ends_where_the_damage_begins(tmp_path: Path) -> None:
    path = tmp_path / "polls.jsonl.xz"
    # Noise in the ids keeps the packed lines apart, so that half of the file is about half of the polls.
    polls_of_a_day = [
        poll(f"2025-09-14T{n // 60:02}:{n % 60:02}:00Z", event(id=sha256(b"%d" % n).hexdigest()))
        for n in range(1400)
    ]
    whole = lzma.compress("".join(polls_of_a_day).encode())
    path.write_bytes(whole[: len(whole) // 2])
    refusals = Refusals()

    read_whole = list(polls(path, refusals))

    assert 0 < len(read_whole) < 1400
    assert ["damaged" in reason for reason, _ in refusals] == [True]


@pytest.mark.parametrize(
    ("league", "games", "numbered"),
    [("nfl", 192, 0), ("mlb", 275, 12), ("wnba", 34, 0), ("kbo", 54, 0), ("worldcup", 97, 0)],
)
def test_every_recorded_game_gets_an_id_of_its_own(league: str, games: int, numbered: int) -> None:
    """On nine days of the MLB polls the same sides have several own ids, up to four."""
    found = starts(POLLS / f"{league}.jsonl.xz")

    assert len(found) == games
    assert sum(ids.parse(event_id).game > 1 for event_id in found) == numbered


def test_recorded_polls_are_read_without_refusals_into_sound_records() -> None:
    until_ms = at_ms("2026-07-10T00:00:00Z")
    refusals = Refusals()
    counts: Counter[str] = Counter()
    for record in recorded(POLLS / "kbo.jsonl.xz", Identities(RECORDED), refusals):
        if record.received_at_ms > until_ms:
            break
        codec.check(topic_of(type(record)).name, record)
        counts[record.kind if isinstance(record, OddsSnapshot) else "given"] += 1

    assert refusals == []
    assert counts == {"full": 96, "unchanged": 5, "gone": 6, "given": 5}
