from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

from pipeline import codec
from pipeline.records import GameEvent, GameStatus, Line, OddsSnapshot, Record, SourceEvent, TimeBasis
from pipeline.topics import topic_of
from producers.recorded import kind_of, look
from producers.sources.football_data_co_uk import NAME, read, received_at_ms, starts
from tests.producers.moments import at_ms

EARLY = (
    "Div,Date,HomeTeam,AwayTeam,FTHG,FTAG,FTR,B365H,B365D,B365A,PSH,PSD,PSA,BbMxH,BbMxD,BbMxA,PSCH,PSCD,PSCA"
)
LATE = (
    "Div,Date,Time,HomeTeam,AwayTeam,FTHG,FTAG,FTR,B365H,B365D,B365A,P>2.5,P<2.5,AHh,PAHH,PAHA,"
    "B365CH,B365CD,B365CA,PC>2.5,PC<2.5,AHCh,PCAHH,PCAHA,MaxCH,MaxCD,MaxCA"
)
#: A Saturday of winter, and of the summer time.
WINTER = "E0,02/02/13,Arsenal,Chelsea,2,1,H,2.0,3.5,4.0,2.05,3.6,4.1,2.3,3.7,4.4,1.95,3.7,4.5"
SUMMER = (
    "E0,17/08/2019,12:30,Arsenal,Chelsea,0,0,D,2.0,3.5,4.0,1.9,2.0,-0.25,1.95,1.97,"
    "2.1,3.4,3.8,1.8,2.1,-0.5,2.02,1.9,9,9,9"
)


def quiet(reason: str, where: str) -> None:
    raise AssertionError(f"{reason} ({where})")


class Told(list[str]):
    def __call__(self, reason: str, where: str) -> None:
        self.append(f"{reason} | {where}")


def a_file(folder: Path, *lines: str, encoding: str = "utf-8", end: str = "\r\n") -> Path:
    path = folder / "E0.csv"
    path.write_bytes(end.join([*lines, ""]).encode(encoding))
    return path


def records(folder: Path, *lines: str) -> list[Record]:
    return read(a_file(folder, *lines), quiet)


def snapshots(found: list[Record]) -> list[OddsSnapshot]:
    return [record for record in found if isinstance(record, OddsSnapshot)]


def games(found: list[Record]) -> list[GameEvent]:
    return [record for record in found if isinstance(record, GameEvent)]


def by_place(snapshot: OddsSnapshot) -> dict[tuple[str, str], Line]:
    return {(line.book, line.market): line for line in snapshot.lines}


def test_a_match_is_named_priced_twice_and_ends_with_its_score(tmp_path: Path) -> None:
    known, early, closing, start, final = records(tmp_path, EARLY, WINTER)

    assert isinstance(known, SourceEvent)
    assert known.event_id == "epl:2013-02-02:arsenal-chelsea"
    assert isinstance(early, OddsSnapshot)
    assert isinstance(closing, OddsSnapshot)
    assert {line.book for line in early.lines} == {"bet365", "pinnacle"}
    assert [line.book for line in closing.lines] == ["pinnacle"]
    assert isinstance(start, GameEvent)
    assert isinstance(final, GameEvent)
    assert (start.kind, start.status, final.status) == ("start", GameStatus.LIVE, GameStatus.FINAL)
    assert (final.home_score, final.away_score) == (2, 1)


def test_prices_are_in_the_order_home_away_draw_and_maxima_are_no_book(tmp_path: Path) -> None:
    early, closing = snapshots(records(tmp_path, EARLY, WINTER))

    assert by_place(early)["bet365", "h2h_3way"].prices == (2.0, 4.0, 3.5)
    assert by_place(closing)["pinnacle", "h2h_3way"].prices == (1.95, 4.5, 3.7)
    assert {line.scope for line in early.lines} == {"regulation"}


def test_totals_and_handicaps_stand_on_their_lines_early_and_at_the_close(tmp_path: Path) -> None:
    early, closing = (by_place(each) for each in snapshots(records(tmp_path, LATE, SUMMER)))

    assert (early["pinnacle", "total"].line, early["pinnacle", "total"].prices) == (2.5, (1.9, 2.0))
    assert (early["pinnacle", "spread"].line, early["pinnacle", "spread"].prices) == (-0.25, (1.95, 1.97))
    assert (closing["pinnacle", "spread"].line, closing["pinnacle", "spread"].prices) == (-0.5, (2.02, 1.9))


def test_a_stated_kick_off_is_uk_time_in_summer_and_winter(tmp_path: Path) -> None:
    winter = SUMMER.replace("17/08/2019", "07/12/2019")

    for line, expected in ((SUMMER, "2019-08-17T11:30:00Z"), (winter, "2019-12-07T12:30:00Z")):
        start, final = games(records(tmp_path, LATE, line))
        assert start.received_at_ms == at_ms(expected)
        assert final.received_at_ms > start.received_at_ms
        assert {snapshot.starts_at_ms for snapshot in snapshots(records(tmp_path, LATE, line))} == {
            at_ms(expected)
        }


def test_a_kick_off_that_the_file_does_not_say_is_estimated_and_never_given_as_scheduled(
    tmp_path: Path,
) -> None:
    found = records(tmp_path, EARLY, WINTER)

    assert {snapshot.starts_at_ms for snapshot in snapshots(found)} == {0}
    assert {game.happened_at_basis for game in games(found)} == {TimeBasis.ESTIMATED}
    assert games(found)[0].happened_at_ms == at_ms("2013-02-02T15:00:00Z")


@pytest.mark.parametrize(
    ("day", "kick_off", "collected"),
    [
        ("17/08/2019", "12:30", "2019-08-16T14:00:00Z"),  # Saturday: the Friday before
        ("19/08/2019", "20:00", "2019-08-16T14:00:00Z"),  # Monday: the same
        ("20/08/2019", "19:45", "2019-08-20T14:00:00Z"),  # Tuesday evening: that afternoon
        ("22/08/2019", "19:45", "2019-08-20T14:00:00Z"),  # Thursday: Tuesday
        ("23/08/2019", "20:00", "2019-08-23T14:00:00Z"),  # Friday evening: that afternoon
        ("23/08/2019", "12:30", "2019-08-20T14:00:00Z"),  # Friday noon: before that afternoon
    ],
)
def test_early_prices_are_received_on_the_last_afternoon_of_a_collection_before_the_match(
    tmp_path: Path, day: str, kick_off: str, collected: str
) -> None:
    line = SUMMER.replace("17/08/2019", day).replace("12:30", kick_off)

    early, closing = snapshots(records(tmp_path, LATE, line))

    assert early.received_at_ms == at_ms(collected)
    assert early.received_at_ms < closing.received_at_ms < closing.starts_at_ms


def test_the_close_takes_nothing_away_from_books_that_it_does_not_show(tmp_path: Path) -> None:
    _, closing = snapshots(records(tmp_path, EARLY, WINTER))

    assert closing.books == ("pinnacle",)
    assert closing.markets == ("h2h_3way",)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (WINTER.replace("Arsenal", "Arsenal Reserves"), "no team of epl is known as"),
        (WINTER.replace("E0", "E9"), "unknown division"),
        (WINTER.replace("2,1,H", "2,1,A"), "the score says H and the result 'A'"),
        (WINTER.replace("2,1,H", "2,x,H"), "invalid literal"),
        (WINTER.replace("02/02/13", "2013"), "'2013' is no day like"),
        (WINTER.replace("Chelsea", "Arsenal"), "is not an event id"),
    ],
)
def test_a_match_that_cannot_be_read_is_refused_whole_and_the_others_go_on(
    tmp_path: Path, line: str, reason: str
) -> None:
    told = Told()

    found = read(a_file(tmp_path, EARLY, line, WINTER.replace("Chelsea", "Liverpool")), told)

    assert len(told) == 1
    assert reason in told[0]
    assert {getattr(record, "event_id", "") for record in found} == {"epl:2013-02-02:arsenal-liverpool"}


@pytest.mark.parametrize(
    ("prices", "reason"),
    [
        (",3.5,4.0", "an outcome has no price"),
        ("0,3.5,4.0", "no decimal price"),
        ("#REF!,3.5,4.0", "a price is no number"),
        ("nan,3.5,4.0", "no decimal price"),
        ("8.0,3.5,4.0", "not those of one market"),
        ("2.0,3.5,1.2", "not those of one market"),
    ],
)
def test_a_price_that_cannot_be_costs_its_books_market_and_nothing_else(
    tmp_path: Path, prices: str, reason: str
) -> None:
    told = Told()

    early, _ = snapshots(read(a_file(tmp_path, EARLY, WINTER.replace("2.0,3.5,4.0", prices)), told))

    assert len(told) == 1
    assert reason in told[0]
    assert "bet365" in told[0]
    assert [line.book for line in early.lines] == ["pinnacle"]


@pytest.mark.parametrize(
    ("handicap", "reason"), [("-0.3", "no multiple of a quarter"), ("", "a handicap is no number")]
)
def test_a_handicap_that_is_none_is_refused(tmp_path: Path, handicap: str, reason: str) -> None:
    told = Told()

    early, _ = snapshots(read(a_file(tmp_path, LATE, SUMMER.replace("-0.25", handicap)), told))

    assert [line.market for line in early.lines] == ["h2h_3way", "total"]
    assert reason in told[0]


def test_a_match_without_a_score_keeps_its_prices_and_has_no_end(tmp_path: Path) -> None:
    told = Told()

    found = read(a_file(tmp_path, EARLY, WINTER.replace("2,1,H", ",,")), told)

    assert len(snapshots(found)) == 2
    assert games(found) == []
    assert "no final score" in told[0]


def test_the_same_match_twice_is_one(tmp_path: Path) -> None:
    told = Told()

    assert len(games(read(a_file(tmp_path, EARLY, WINTER, WINTER), told))) == 2
    assert "twice" in told[0]


def test_blank_and_short_rows_long_rows_and_stray_spaces_do_no_harm(tmp_path: Path) -> None:
    short = ",".join(WINTER.replace("Chelsea", "Everton").split(",")[:10])
    long = WINTER.replace("Chelsea", " Liverpool ") + ",,,"

    found = records(tmp_path, EARLY + ",,", WINTER, "," * 18, "", short, long)

    assert {game.event_id.rpartition("-")[2] for game in games(found)} == {"chelsea", "everton", "liverpool"}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1252"])
def test_a_file_is_known_and_read_in_each_encoding(tmp_path: Path, encoding: str) -> None:
    line = WINTER.replace("E0", "EC").replace("Arsenal", "King’s Lynn").replace("Chelsea", "Woking")
    path = a_file(tmp_path, EARLY, line, encoding=encoding)

    assert kind_of(path) == NAME
    assert games(read(path, quiet))[0].event_id == "national-league:2013-02-02:kingslynn-woking"


def test_a_byte_order_mark_that_was_encoded_twice_is_none(tmp_path: Path) -> None:
    path = a_file(tmp_path, "ï»¿" + EARLY, WINTER, end="\n")

    assert kind_of(path) == NAME
    assert len(games(read(path, quiet))) == 2


def test_every_record_may_enter_its_topic(tmp_path: Path) -> None:
    for found in (records(tmp_path, EARLY, WINTER), records(tmp_path, LATE, SUMMER)):
        for record in found:
            codec.check(topic_of(type(record)).name, record)


def test_files_of_many_seasons_come_as_one_stream_in_the_order_of_time(tmp_path: Path) -> None:
    def files() -> Iterator[Path]:
        for name, header, lines in (
            ("z", EARLY, [WINTER, WINTER.replace("02/02/13", "05/02/13").replace("Chelsea", "Fulham")]),
            ("b", LATE, [SUMMER]),
            ("a", EARLY, [WINTER.replace("02/02/13", "03/02/13").replace("Chelsea", "Everton")]),
        ):
            (tmp_path / name).mkdir(exist_ok=True)
            yield a_file(tmp_path / name, header, *lines)

    recording = look(list(files()), NAME)
    found = list(recording.records(quiet))

    assert all(received_at_ms(one) <= received_at_ms(after) for one, after in pairwise(found))
    assert len(games(found)) == 8
    assert recording.summary() == [f"{NAME} has 4 games"]


def test_records_before_a_time_are_left_out(tmp_path: Path) -> None:
    path = a_file(tmp_path, LATE, SUMMER)
    kick_off_ms = at_ms("2019-08-17T11:30:00Z")

    assert starts(path) == {"epl:2019-08-17:arsenal-chelsea": kick_off_ms}
    found = list(look([path], NAME, kick_off_ms).records(quiet))
    assert [game.kind for game in games(found)] == ["start", "final"]
    assert snapshots(found) == []
