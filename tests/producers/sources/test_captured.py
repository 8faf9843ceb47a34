"""Every captured answer of the polled services: what becomes of it, and what is refused and why."""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from pipeline import codec
from pipeline.records import GameEvent, GameStatus
from pipeline.settings import Rules
from pipeline.stages.fold import Input, first_row, fold
from pipeline.stages.games import GAMES
from pipeline.topics import topic_of
from producers.diff_games import GameDiffer
from producers.identity import Identities
from producers.live.call import Call
from producers.sources import espn, football_data_org, the_odds_api
from tests.conftest import SHARED

FIXTURES = SHARED / "fixtures"
NOW = 1_780_000_000_000
AMERICAN, DECIMAL = (("oddsFormat", "american"),), (("oddsFormat", "decimal"),)
ODDS = "/v4/sports/x/odds"
NOTHING: dict[str, int] = {}

pytestmark = pytest.mark.skipif(not FIXTURES.is_dir(), reason="the captured answers are not here")

#: Service, file, what was asked for, records, and what is refused: how often, by the first words of why.
CAPTURED: list[tuple[Any, str, Call, int, dict[str, int]]] = [
    (espn, "scoreboard_nfl", Call("", "", "/scoreboard", league="nfl"), 24, NOTHING),
    (espn, "scoreboard_nba", Call("", "", "/scoreboard", league="nba"), 10, NOTHING),
    (espn, "scoreboard_mlb", Call("", "", "/scoreboard", league="mlb"), 20, NOTHING),
    (espn, "scoreboard_nhl", Call("", "", "/scoreboard", league="nhl"), 11, NOTHING),
    (espn, "summary_nba", Call("", "", "/summary", league="nba"), 451, NOTHING),
    # Its authors edited it by hand: names and states that contradict each other, and a misspelt team.
    (
        espn, "scoreboard_multigame", Call("", "", "/scoreboard", league="nfl"), 15,
        {"status 'STATUS_SCHEDULED' (in)": 1, "status 'STATUS_SCHEDULED' (post)": 2,
         "status 'STATUS_IN_PROGRESS' (post)": 1, "no team of nfl is known as 'Cincinatti Bengals'": 1},
    ),
    (football_data_org, "v4_matches_date_range", Call("", "", "/v4/matches"), 18, NOTHING),
    (football_data_org, "v4_competition_matches_PL_scheduled", Call("", "", "/v4/matches"), 109, NOTHING),
    (the_odds_api, "events", Call("", "", "/v4/sports/x/events"), 0, NOTHING),
    (the_odds_api, "historical_events", Call("", "", "/v4/historical/sports/x/events"), 1, NOTHING),
    # By the clock of this test all fifteen without a score have begun.
    (the_odds_api, "scores_icehockey_nhl", Call("", "", "/v4/sports/x/scores"), 18, {"it has begun by": 15}),
    (the_odds_api, "sports_all", Call("", "", "/v4/sports"), 0, {"a league's sport is not there": 1}),
    (the_odds_api, "event_odds", Call("", "", "/v4/sports/x/events/1/odds", DECIMAL), 1, NOTHING),
    (the_odds_api, "historical_odds", Call("", "", "/v4/historical/sports/x/odds", AMERICAN), 15, NOTHING),
    (the_odds_api, "odds_americanfootball_nfl_live_sunday", Call("", "", ODDS, AMERICAN), 14, NOTHING),
    (the_odds_api, "odds_baseball_mlb_live", Call("", "", ODDS, AMERICAN), 26, NOTHING),
    (the_odds_api, "odds_cricket_ipl_h2h_lay_decimal", Call("", "", ODDS, DECIMAL), 0, {"unknown sport": 1}),
    (the_odds_api, "odds_empty", Call("", "", ODDS, DECIMAL), 0, NOTHING),
    (the_odds_api, "odds_event_without_bookmakers", Call("", "", ODDS, AMERICAN), 2, NOTHING),
    (the_odds_api, "odds_icehockey_nhl", Call("", "", ODDS, DECIMAL), 15, NOTHING),
    (the_odds_api, "odds_soccer_home_away_swapped_by_books", Call("", "", ODDS, AMERICAN), 1, NOTHING),
    (the_odds_api, "odds_soccer_live_two_way_in_three_way", Call("", "", ODDS, AMERICAN), 1, NOTHING),
]  # fmt: skip
#: Files that are no answers to anything that is asked for.
NOT_READ = {
    "documented": "what the guide says of costs and errors",
    "errors": "answers with another status than success",
    "v4_standings_PL": "standings are not asked for",
    "scoreboard_mls": "a league that is not in pipeline/data/leagues.csv",
}


def path_of(source: Any, name: str) -> Path:
    return FIXTURES / str(source.NAME) / f"{name}.json"


@pytest.mark.parametrize(
    ("source", "name", "call", "records", "refused"), CAPTURED, ids=[entry[1] for entry in CAPTURED]
)
def test_every_element_becomes_a_record_or_is_refused_with_a_reason(
    source: Any, name: str, call: Call, records: int, refused: dict[str, int]
) -> None:
    found: Counter[str] = Counter()

    def refuse(reason: str, _: str) -> None:
        found.update([next((known for known in refused if reason.startswith(known)), reason)])

    parsed = source.parse(call, path_of(source, name).read_bytes(), NOW, Identities(source.NAME), refuse)

    assert (len(parsed.records), found) == (records, refused)
    for record in parsed.records:
        codec.check(topic_of(type(record)).name, record)


def test_a_game_that_is_polled_as_it_goes_on_leaves_the_fold_without_doubts() -> None:
    call, body = Call("", "", "/summary", league="nba"), path_of(espn, "summary_nba").read_bytes()
    plays = espn.parse(call, body, NOW, Identities(espn.NAME), lambda *_: None).records
    differ, row, doubts = GameDiffer(), None, Counter[str]()
    for count in range(20, len(plays) + 20, 20):
        at_ms = NOW + 1000 * count
        polled = [
            replace(play, received_at_ms=at_ms) for play in plays[:count] if isinstance(play, GameEvent)
        ]
        for number, event in enumerate(differ.poll(polled)):
            row = row or first_row(GAMES, event.event_id, {})
            row, answers = fold(GAMES, Rules(), row, Input("games.events", 0, count * 1000 + number, event))
            doubts.update(doubt for answer in answers for doubt in getattr(answer.record, "doubts", ()))

    assert row is not None
    assert row.state.reports[0].score == (111, 96)
    assert row.state.reports[0].status is GameStatus.FINAL
    assert doubts == Counter()


@pytest.mark.parametrize("source", [espn, football_data_org, the_odds_api])
def test_no_captured_file_is_left_out(source: Any) -> None:
    listed = {name for service, name, *_ in CAPTURED if service is source} | NOT_READ.keys()

    assert {path.stem for path in (FIXTURES / source.NAME).iterdir()} <= listed
