"""Answers of the other folds as tests need them, and the bets fold over them."""

from collections.abc import Sequence
from typing import Any

from pipeline.records import (
    Arbitrage,
    Arbitrages,
    BetResult,
    Change,
    ChangeKind,
    ClosingLine,
    ClosingMarket,
    GameProbabilities,
    GameScore,
    GameState,
    GameStatus,
    Leg,
    ValueBet,
    ValueBets,
)
from pipeline.settings import Rules
from pipeline.stages.bets import BETS, Bets
from pipeline.stages.fold import Answer, Input, Row, first_row, fold
from pipeline.topics import topic_of

NFL, EPL, NHL = "nfl:2025-09-14:kc-phi", "epl:2025-09-14:ars-che", "nhl:2025-10-14:bos-nyr"
START_MS = 1_757_880_000_000
RULES = Rules()
LIVE, FINAL = GameStatus.LIVE, GameStatus.FINAL


def bet(id_: str = "v1", **fields: Any) -> ValueBet:
    given = {
        "id": id_,
        "basis": "consensus",
        "market": "h2h",
        "scope": "game",
        "line": 0.0,
        "outcome": 0,
        "book": "draftkings",
        "price": 2.2,
        "probability": 0.5,
        "edge": 0.05,
        "expected_value": 0.1,
        "stake_share": 0.02,
        "quoted_at_ms": 0,
        "seen_at_ms": START_MS - 60_000,
        "source": "the-odds-api",
        "opened_at_ms": START_MS - 60_000,
    }
    return ValueBet(**given | fields)


def value(*bets: ValueBet, at_ms: int = START_MS - 60_000, **withdrawn: str) -> ValueBets:
    """A whole list; keywords are reasons of withdrawals by id."""
    changes = tuple(Change(id=id_, change=ChangeKind.WITHDRAWN, reason=why) for id_, why in withdrawn.items())
    return ValueBets(received_at_ms=at_ms, bets=bets, changes=changes)


def arbitrage(
    prices: tuple[float, ...] = (2.15, 2.05), stakes: tuple[int, ...] = (48_800, 51_200), **fields: Any
) -> Arbitrages:
    legs = tuple(
        Leg(
            outcome=outcome,
            book=f"book{outcome}",
            price=price,
            stake_minor=stake,
            quoted_at_ms=0,
            seen_at_ms=START_MS - 60_000,
            source="the-odds-api",
            break_even_price=1.9,
        )
        for outcome, (price, stake) in enumerate(zip(prices, stakes, strict=True))
    )
    given = {
        "id": "a1",
        "market": "h2h",
        "scope": "game",
        "line": 0.0,
        "legs": legs,
        "roi": 0.049,
        "stake_minor": sum(stakes),
        "profit_minor": 4_900,
        "suspect": (),
        "opened_at_ms": START_MS - 60_000,
    }
    return Arbitrages(received_at_ms=START_MS - 60_000, arbitrages=(Arbitrage(**given | fields),))


def close(*markets: ClosingMarket, final: bool = True) -> ClosingLine:
    return ClosingLine(
        received_at_ms=START_MS, final=final, started_at_ms=START_MS, markets=markets, prices=()
    )


def fair(market: str, *probabilities: float, line: float = 0.0) -> ClosingMarket:
    scope = "regulation" if market == "h2h_3way" else "game"
    return ClosingMarket(
        market=market, scope=scope, line=line, probabilities=probabilities, basis="consensus"
    )


def state(home: int = 0, away: int = 0, **fields: Any) -> GameState:
    given = {
        "received_at_ms": START_MS + 60_000,
        "league": "nfl",
        "sport": "american-football",
        "home": "kc",
        "away": "phi",
        "status": LIVE,
        "starts_at_ms": START_MS,
        "started_at_ms": START_MS,
        "finished_at_ms": 0,
        "period": 4,
        "clock_s": 0.0,
        "home_score": home,
        "away_score": away,
        "suspended": False,
        "contested": False,
        "last_key_event_at_ms": 0,
        "situation": None,
        "source": "nflverse",
        "source_event_id": "",
        "text": "",
    }
    return GameState(**given | fields)


def final(home: int, away: int, **fields: Any) -> GameState:
    at_ms = fields.pop("at_ms", START_MS + 10_000_000)
    return state(home, away, status=FINAL, received_at_ms=at_ms, finished_at_ms=at_ms, **fields)


def probabilities(revision: int, *game: float, status: GameStatus = LIVE) -> GameProbabilities:
    return GameProbabilities(
        received_at_ms=START_MS + 60_000,
        revision=revision,
        source_event_id="",
        status=status,
        starts_at_ms=START_MS,
        started_at_ms=START_MS,
        finished_at_ms=0,
        home_score=0,
        away_score=0,
        last_key_event_at_ms=0,
        suspended=False,
        contested=False,
        model="brownian-margin" if game else "none",
        prior="closing",
        game=game,
        regulation=game,
        parameters={},
        impact=0.0,
    )


def folded(records: Sequence[Any], event_id: str = NFL) -> tuple[Row[Bets], list[Answer]]:
    """The row after all of the records, and every answer on the way."""
    row: Row[Bets] = first_row(BETS, event_id, {})
    answers: list[Answer] = []
    for offset, record in enumerate(records):
        row, found = fold(BETS, RULES, row, Input(topic_of(type(record)).name, 0, offset, record))
        answers += found
    return row, answers


def results(*records: Any, event_id: str = NFL) -> list[BetResult]:
    return [found.record for found in folded(records, event_id)[1] if isinstance(found.record, BetResult)]


def scores(*records: Any, event_id: str = NFL) -> list[GameScore]:
    return [found.record for found in folded(records, event_id)[1] if isinstance(found.record, GameScore)]
