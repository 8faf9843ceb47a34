"""A candidate beside what is in use: both fold the same inputs in the same order, and what differs is said.

All is equal but the candidate's models or rules, so one that is no other differs nowhere. Nothing that is
published by the running folds is read: what they say is folded again, from the same inputs as the candidate.
"""

from array import array
from collections import Counter
from collections.abc import Iterator, Sequence
from contextvars import copy_context
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from pipeline import data, ids
from pipeline.models import boosted, candidate, soccer
from pipeline.records import (
    BetResult,
    ClockTick,
    GameProbabilities,
    GameScore,
    GameState,
    GameStatus,
    LegResult,
    OpportunityKind,
    ShadowDifference,
)
from pipeline.replay.archive import Message
from pipeline.replay.differences import Both, Key, difference
from pipeline.replay.run import Replay, Tally
from pipeline.settings import Rules
from pipeline.stages.fold import Answer
from pipeline.topics import TICKS, event_of, partition_of
from pipeline.training.paired import Bet, Game

#: How often, in the log's time, events that are over for good are dropped.
SWEEP_MS = 3_600_000
RESULTS = "bets.results"


class Setup(NamedTuple):
    """What a side computes by; ``models`` None are those in use."""

    rules: Rules
    models: Path | None = None


class Made(NamedTuple):
    """An answer and the moment of the log at which it was given."""

    at_ms: int
    answer: Answer


class _Side:
    """One of both: its own rows, its own models."""

    def __init__(self, setup: Setup, partitions: int) -> None:
        self._partitions = partitions
        self._made: list[Made] = []
        self._ends: Counter[tuple[str, int]] = Counter()
        self._context = copy_context()
        self._context.run(candidate.FOLDER.set, setup.models)
        self.models = self._context.run(boosted.in_use)
        self.folds = self._context.run(Replay, setup.rules, partitions, self._publish)

    def until(self, now_ms: int) -> list[Made]:
        """What follows from the time that has passed."""
        self._context.run(self.folds.until, now_ms)
        return self._taken()

    def take(self, message: Message) -> list[Made]:
        """What follows from an input, or from what a tick says of the sources."""
        if isinstance(message.record, ClockTick):
            self._context.run(self.folds.hear, message.record)
        else:
            self._context.run(self.folds.take, message)
        return self._taken()

    def learnt_until(self, league: str) -> str:
        """The day of the last game that the league's boosted model learnt from; empty where there is none."""
        model = self.models.by_league.get(league)
        return str(model.manifest.learnt_from.get("until", "")) if model else ""

    def is_over(self, event_id: str) -> bool:
        """Whether no input can change an answer about the event any more."""
        rows = [row for rows in self.folds.rows.values() if (row := rows.get(event_id))]
        return all(row.closed for row in rows)

    def forget(self, event_id: str) -> None:
        """Drop the rows of an event."""
        for rows in self.folds.rows.values():
            rows.pop(event_id, None)

    def _taken(self) -> list[Made]:
        made, self._made = self._made, []
        return made

    def _publish(self, answer: Answer) -> Message:
        partition = partition_of(event_of(answer.key), self._partitions)
        offset = self._ends[answer.topic, partition]
        self._ends[answer.topic, partition] += 1
        now_ms = self.folds.tally.now_ms
        self._made.append(Made(now_ms, answer))
        return Message(answer.topic, answer.key, partition, offset, now_ms, answer.record)


@dataclass
class _Event:
    """What both say of an event now, where that differs, and the pairs of probabilities in play."""

    standing: dict[Key, Both] = field(default_factory=dict)
    differing: dict[Key, tuple[str, str]] = field(default_factory=dict)
    changes: set[tuple[str, str, str]] = field(default_factory=set)
    chances: "array[float]" = field(default_factory=lambda: array("d"))
    columns: int = 0
    over: bool = False
    """Whether the game is, as far as is known now."""
    outcome: int = -1
    """How it ended, by the score that a side's probabilities were given; -1 where none was."""


class Shadow:
    """Two replays over one stream of inputs, and what differs between them."""

    def __init__(self, baseline: Setup, candidate: Setup, partitions: int) -> None:
        self._sides = (_Side(baseline, partitions), _Side(candidate, partitions))
        self._events: dict[str, _Event] = {}
        self._over: set[str] = set()
        self._settled: list[Game] = []
        self._swept_at_ms = 0
        self.finished: set[str] = set()
        """Events whose game is over, as far as is known now."""
        self.leagues: set[str] = set()
        self.differences: Counter[str] = Counter()
        """Records by the topic on which both differ."""
        self.opportunities: Counter[tuple[str, str]] = Counter()
        """Opportunities by kind and by what the candidate would change."""

    @property
    def tally(self) -> Tally:
        """What was folded so far, the baseline's."""
        return self._sides[0].folds.tally

    @property
    def followed(self) -> int:
        """Events that are remembered: those that are not over for good."""
        return len({event_id for rows in self._sides[0].folds.rows.values() for event_id in rows})

    @property
    def buried(self) -> tuple[int, int]:
        """Inputs on which a fold of each side raised."""
        return len(self._sides[0].folds.tally.buried), len(self._sides[1].folds.tally.buried)

    @property
    def made_with(self) -> tuple[dict[str, str], dict[str, str]]:
        """Rules and models of both."""
        first, second = (
            {"rules": side.folds.rules.digest, "models": side.models.digest} for side in self._sides
        )
        return first, second

    def learnt(self) -> tuple[int, int]:
        """Games over that are no later than the last that each side's boosted models learnt from."""
        events = [ids.parse(event_id) for event_id in self.finished]
        first, second = (
            sum(str(event.day) <= side.learnt_until(event.league) for event in events) for side in self._sides
        )
        return first, second

    def take(self, message: Message) -> Iterator[ShadowDifference]:
        """Fold an input, or a tick, on both sides; what then differs otherwise than before."""
        now_ms = message.record.received_at_ms
        made = [side.until(now_ms) for side in self._sides]
        yield from self._compared(TICKS, made)
        if message.topic == TICKS or message.key not in self._over:
            if message.topic != TICKS:
                self.leagues.add(ids.parse(message.key).league)
            made = [side.take(message) for side in self._sides]
            yield from self._compared(f"{message.topic}/{message.partition}/{message.offset}", made)
        if now_ms >= self._swept_at_ms + SWEEP_MS:
            self._swept_at_ms = now_ms
            self._sweep()

    def games(self) -> list[Game]:
        """All games that are over, as far as is known now."""
        return self._settled + [
            _game(event_id, event) for event_id, event in self._events.items() if event.over
        ]

    def _sweep(self) -> None:
        known = dict.fromkeys(key for rows in self._sides[0].folds.rows.values() for key in rows)
        for event_id in [each for each in known if all(side.is_over(each) for side in self._sides)]:
            event = self._events.pop(event_id, None)
            if event is not None and event.over:
                self._settled.append(_game(event_id, event))
            for side in self._sides:
                side.forget(event_id)
            self._over.add(event_id)

    def _compared(self, cause: str, made: Sequence[list[Made]]) -> Iterator[ShadowDifference]:
        """Both sides' answers, moment by moment."""
        moments: dict[int, dict[Key, tuple[list[Any], list[Any]]]] = {}
        for place, side in enumerate(made):
            for at_ms, (topic, key, record) in side:
                said = moments.setdefault(at_ms, {}).setdefault((topic, key), ([], []))
                said[place].append(record)
        for at_ms in sorted(moments):
            for place_of, (before, after) in moments[at_ms].items():
                yield from self._answered(at_ms, place_of, before, after, cause)

    def _answered(
        self, at_ms: int, key: Key, before: list[Any], after: list[Any], cause: str
    ) -> Iterator[ShadowDifference]:
        event_id = event_of(key[1])
        event = self._events.setdefault(event_id, _Event())
        stood = event.standing.get(key, (None, None))
        # Where one side was silent and the other was not, its last word stands.
        before, after = before or [stood[0]], after or [stood[1]]
        for place in range(max(len(before), len(after))):
            both = before[min(place, len(before) - 1)], after[min(place, len(after) - 1)]
            event.standing[key] = both
            self._learn(event_id, event, both)
            if found := difference(both, key, at_ms, cause, event.differing):
                self._count(event, found)
                yield found

    def _count(self, event: _Event, difference: ShadowDifference) -> None:
        self.differences[difference.topic] += 1
        for one in difference.opportunities:
            known = (one.kind, one.change.value, one.id)
            if known not in event.changes:
                event.changes.add(known)
                self.opportunities[known[:2]] += 1

    def _learn(self, event_id: str, event: _Event, both: Both) -> None:
        """What the paired test needs of an answer."""
        match both:
            case (GameProbabilities() as before, GameProbabilities() as after):
                if before.status is GameStatus.LIVE and len(before.game) == len(after.game) > 0:
                    if event.columns != len(before.game):
                        event.columns, event.chances = len(before.game), array("d")
                    event.chances.extend(before.game + after.game)
            case (GameState() as state, _):
                event.over = state.status is GameStatus.FINAL
                (self.finished.add if event.over else self.finished.discard)(event_id)
            case (GameScore() as score, _) | (_, GameScore() as score):
                event.outcome = score.outcome


def leagues_of(models: Path) -> set[str]:
    """The leagues of which a folder of models knows more than their closed forms. Raises UsageError."""
    found = boosted.load_all(models)
    served = {*found.by_league, *(league for league, _ in found.ratings.rows)}
    if soccer.home_of_profile(models) == models / "soccer":
        served |= {name for name, league in data.leagues().items() if league.sport == "soccer"}
    return served


def _game(event_id: str, event: _Event) -> Game:
    chances = np.array(event.chances).reshape(-1, 2 * event.columns) if event.columns else np.empty((0, 4))
    columns = chances.shape[1] // 2
    before, after = (
        [both[side] for (topic, _), both in event.standing.items() if topic == RESULTS] for side in (0, 1)
    )
    return Game(
        event_id=event_id,
        league=ids.parse(event_id).league,
        outcome=event.outcome,
        baseline=chances[:, :columns],
        candidate=chances[:, columns:],
        baseline_bets=_bets(before),
        candidate_bets=_bets(after),
    )


def _bets(results: Sequence[BetResult | None]) -> tuple[Bet, ...]:
    return tuple(
        Bet(
            None if any(leg.result is LegResult.UNKNOWN for leg in result.legs) else result.profit,
            result.closing_line_value if result.closing_known else None,
        )
        for result in results
        if result is not None and result.kind is OpportunityKind.VALUE
    )
