"""What a replay published of each record of its finished games, beside what stood then and what came of it.

An answer joins the state of play of the same record, the game's final score, and the market's fair price that
stood when it was published: one of the same moment or before, never one that the answer itself led to.
"""

import heapq
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from pipeline import ids
from pipeline.records import (
    FairPrices,
    GameProbabilities,
    GameState,
    GameStatus,
    ModelOpinion,
    Situation,
)
from pipeline.replay import archive
from pipeline.replay.archive import Message
from pipeline.topics import event_of

HEARD, STATES, SAID, FAIR = "games.events", "games.states", "games.probabilities", "odds.fair"
#: The market of who wins, and its scope: where a game may be drawn, three outcomes after regulation.
TWO_WAY, THREE_WAY = ("h2h", "game"), ("h2h_3way", "regulation")


class MarketPrice(NamedTuple):
    """The fair price of who wins; ``age_ms`` is since the newest of the prices behind it was seen."""

    chances: tuple[float, ...]
    age_ms: int


class Published(NamedTuple):
    """What was published of one record of a game that is over. Chances are of home, away and any draw.

    ``home_final`` and ``away_final`` are the score that was stated last, overtime and all.
    """

    event_id: str
    day: str
    source_event_id: str
    received_at_ms: int
    status: GameStatus
    period: int
    clock_s: float
    situation: Situation | None
    home_score: int
    away_score: int
    model: str
    prior: str
    game: tuple[float, ...]
    regulation: tuple[float, ...]
    parameters: dict[str, float]
    opinions: tuple[ModelOpinion, ...]
    market: MarketPrice | None
    home_final: int
    away_final: int


def published(folder: Path) -> Iterator[Published]:
    """The answers in a folder that `sharpline replay` wrote, as they were published.

    Each answers a record that was believed and has a row in its source; those to ticks, closing lines and
    refused records are left out, and so are games without an end. Raises UsageError where the folder is no
    archive or damaged.
    """
    finals = _finals(folder)
    states: dict[str, deque[GameState]] = {}
    fair: dict[str, FairPrices] = {}
    heard: dict[str, int] = {}
    for message in _in_order(folder):
        event_id, record = event_of(message.key), message.record
        if event_id not in finals:
            continue
        match record:
            case GameState():
                states.setdefault(event_id, deque()).append(record)
            case FairPrices():
                fair[event_id] = record
            case GameProbabilities():
                state = _of_same_fold(states.get(event_id, deque()), record)
                offset = record.inputs.get(HEARD, -1)
                # What stands is said again from time to time, under the id of the last record.
                if state is not None and offset > heard.get(event_id, -1):
                    heard[event_id] = offset
                    yield _row(state, record, fair.get(event_id), finals[event_id])
            case None:  # the event is over for good
                states.pop(event_id, None)
                fair.pop(event_id, None)


def _finals(folder: Path) -> dict[str, tuple[int, int]]:
    """The last score of each game whose last state is final."""
    found: dict[str, tuple[int, int]] = {}
    for message in archive.read(folder, STATES):
        state = message.record
        if not isinstance(state, GameState):
            continue
        if state.status is GameStatus.FINAL:
            found[state.event_id] = state.home_score, state.away_score
        else:
            found.pop(state.event_id, None)
    return found


def _in_order(folder: Path) -> Iterator[Message]:
    """By time; of one time states, then what was said of them, then the prices that followed."""
    there = set(archive.topics_of(folder))
    streams = [
        _placed(folder, topic, place) for place, topic in enumerate((STATES, SAID, FAIR)) if topic in there
    ]
    for _, _, message in heapq.merge(*streams, key=lambda item: item[:2]):
        yield message


def _placed(folder: Path, topic: str, place: int) -> Iterator[tuple[int, int, Message]]:
    for message in archive.read(folder, topic):
        yield message.at_ms, place, message


def _of_same_fold(states: deque[GameState], said: GameProbabilities) -> GameState | None:
    """The state that was published with an answer, if it is that of the record which is answered."""
    while states and states[0].revision < said.revision:
        states.popleft()
    if not states or states[0].revision != said.revision or not said.source_event_id:
        return None
    return states[0] if states[0].source_event_id == said.source_event_id else None


def _row(
    state: GameState, said: GameProbabilities, fair: FairPrices | None, final: tuple[int, int]
) -> Published:
    return Published(
        event_id=said.event_id,
        day=str(ids.parse(said.event_id).day),
        source_event_id=said.source_event_id,
        received_at_ms=said.received_at_ms,
        status=said.status,
        period=state.period,
        clock_s=state.clock_s,
        situation=state.situation,
        home_score=said.home_score,
        away_score=said.away_score,
        model=said.model,
        prior=said.prior,
        game=said.game,
        regulation=said.regulation,
        parameters=said.parameters,
        opinions=said.opinions,
        market=_market(said, fair),
        home_final=final[0],
        away_final=final[1],
    )


def _market(said: GameProbabilities, fair: FairPrices | None) -> MarketPrice | None:
    if fair is None:
        return None
    wanted = THREE_WAY if ids.league_of(said.event_id).sport == "soccer" else TWO_WAY
    for market in fair.markets:
        if (market.market, market.scope) == wanted:
            return MarketPrice(market.probabilities, said.received_at_ms - market.newest_seen_at_ms)
    return None
