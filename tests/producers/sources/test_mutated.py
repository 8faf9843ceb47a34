"""Answers in which anything may be missing or of another type: no parser ever crashes on one."""

import copy
import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline import codec
from pipeline.errors import PayloadChanged, Refused
from pipeline.topics import topic_of
from producers.identity import Identities
from producers.live.call import Call
from producers.sources import espn, football_data_org, the_odds_api
from tests.producers.moments import at_ms
from tests.producers.sources.espn_payloads import board, game, play, side, status, summary
from tests.producers.sources.payloads import book, event, market, outcome
from tests.producers.sources.test_football_data_org import goals, match
from tests.producers.sources.test_the_odds_api_scores import scored

NOW = at_ms("2026-07-05T21:46:00Z")
ODDS = "/v4/sports/americanfootball_nfl"
DECIMAL = (("oddsFormat", "decimal"),)
FIELD = {"down": 3, "distance": 4, "yardLine": 34, "possession": "K", "homeTimeouts": 2, "awayTimeouts": 1,
         "lastPlay": {"id": "9", "type": {"text": "Rush"}, "text": "Up the middle."}}  # fmt: skip
INNING = {"balls": 1, "strikes": 2, "outs": 2, "onFirst": True, "onSecond": False, "onThird": False}
TEAMS = [side("home", "Boston Red Sox", "0"), side("away", "Kansas City Royals", "8")]
CUP = [side("home", "England", "1", shootoutScore=4), side("away", "Ghana", "1", shootoutScore=3)]
ENDED = status("STATUS_FINAL_PEN", "post", completed=True, period=5)
CARDS = [{"team": {"id": "G"}, "redCard": True}]
MONEY = market("h2h", outcome("Kansas City Chiefs", 1.5), outcome("Philadelphia Eagles", 2.7))
PENALTIES = goals(6, 4, "PENALTY_SHOOTOUT", regularTime=(1, 1), extraTime=(0, 0), penalties=(5, 3))


def _json(body: bytes) -> Any:
    return json.loads(body)


ANSWERS: list[tuple[Any, Call, Any]] = [
    (espn, Call("", "", "/scoreboard", league="nfl"), _json(board(game(situation=FIELD)))),
    (espn, Call("", "", "/scoreboard", league="mlb"),
     _json(board(game(status(detail="Bot 6th", period=6), competitors=TEAMS, situation=INNING)))),
    (espn, Call("", "", "/scoreboard", league="world-cup"),
     _json(board(game(ENDED, competitors=CUP, details=CARDS)))),
    (espn, Call("", "", "/summary", league="nfl"), _json(summary(status(), play("1"), play("2")))),
    (football_data_org, Call("", "", "/v4/matches"), {"matches": [match(PENALTIES, minute=57)]}),
    (the_odds_api, Call("", "", f"{ODDS}/scores"), [scored()]),
    (the_odds_api, Call("", "", f"{ODDS}/odds", DECIMAL), [event(book("fanduel", MONEY))]),
    (the_odds_api, Call("", "", f"/v4/historical{ODDS[3:]}/odds", DECIMAL),
     {"timestamp": "2026-07-05T21:45:00Z", "data": [event(book("fanduel", MONEY))]}),
    (the_odds_api, Call("", "", "/v4/sports"), [{"key": "americanfootball_nfl", "active": True}]),
]  # fmt: skip

WRONG = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**70), 2**70),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=8),
    st.sampled_from(["9999-99-99", "2026-07-05T20:00:00", "-1", "1e9", "STATUS_NEW", "٣"]),
    st.just([]),
    st.just({}),
)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The path of every value within a value."""
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    return [path] * bool(path) + [place for key, each in inner for place in places(each, (*path, key))]


@settings(max_examples=400)
@given(st.data())
def test_whatever_is_wrong_with_an_answer_is_refused_or_one_named_error(data: st.DataObject) -> None:
    source, call, answer = data.draw(st.sampled_from(ANSWERS))
    answer = copy.deepcopy(answer)
    for _ in range(data.draw(st.integers(1, 3))):
        *path, last = data.draw(st.sampled_from(places(answer) or [(None,)]))
        holder = answer
        for key in path:
            holder = holder[key]
        if last is None:
            break
        if data.draw(st.booleans()):
            holder[last] = data.draw(WRONG)
        else:
            del holder[last]
    refused: list[str] = []
    body = json.dumps(answer).encode()
    try:
        parsed = source.parse(call, body, NOW, Identities(source.NAME), lambda why, _: refused.append(why))
    except PayloadChanged:
        return
    for record in parsed.records:
        try:
            codec.check(topic_of(type(record)).name, record)
        except Refused:  # what is out of range the log refuses, with its reason
            continue
