"""An answer of a source becomes records in the log: raw, parsed, compared with the answer before, appended.

All of it in one go, so that nothing of another answer stands between.
"""

import time
from collections.abc import Iterable, Iterator
from typing import Any

import msgspec
from backports import zstd

from pipeline import telemetry
from pipeline.records import GameEvent, OddsSnapshot, Record, SourcePayload
from pipeline.topics import topic_of
from producers.diff import Differ
from producers.diff_games import GameDiffer
from producers.live.call import Answer, Call, Parsed, Source
from producers.live.turns import Key, key
from producers.publish import Log
from producers.tally import UNREAD

#: The fastest: an answer is on its way into the log.
LEVEL = 1
#: An answer whose lines' times all lie before those of the answer before it, by no more than this, was held
#: up on its way and is passed over. By more, the source's clock was set.
HELD_UP_MS = 120_000
#: An event that was not shown for so long has no earlier answer that counts.
FORGOTTEN_MS = 3_600_000

Quoted = dict[tuple[str, str, str, float], int]  # by book, market, scope and line: when, Unix ms

NEVER: tuple[int, Quoted] = (0, {})
Board = tuple[str, str]  # a league and the name of a call: what its answers are compared with


class Intake:
    """Takes one source's answers in."""

    def __init__(self, source: Source, identities: Any, log: Log) -> None:
        self._source, self._identities, self._log = source, identities, log
        self._differs: dict[Board, Differ] = {}
        self._shown: dict[Key, Parsed] = {}
        self._quoted: dict[tuple[Board, str], tuple[int, Quoted]] = {}
        self._played = GameDiffer()

    def take(self, answer: Answer) -> int:
        """Append what an answer says; how many records that were.

        Raises
        ------
        PayloadChanged
            Where it is of another shape than the parser knows. Its bytes are in the log by then.
        """
        call, began_s = answer.call, time.monotonic()
        if answer.body is None:
            parsed = self._again(call, answer.received_at_ms)
        else:
            self._log.send(_raw(answer))
            parsed = self._source.parse(
                call, answer.body, answer.received_at_ms, self._identities, self._refuse
            )
            self._shown[key(call)] = parsed
        count = 0
        for record in self._news((call.league, call.name), parsed, answer.received_at_ms):
            self._log.send(record)
            count += 1
            delay_s = time.monotonic() - began_s
            telemetry.RECEIVE_TO_APPEND_SECONDS.labels(topic_of(type(record)).name).observe(delay_s)
        return count

    def tell_in_full(self) -> None:
        """What comes next is told in full: the source was down or off, and its last word is not believed."""
        for differ in self._differs.values():
            differ.tell_in_full()
        self._played = GameDiffer()

    def forget(self, calls: Iterable[Call], now_ms: int) -> None:
        """Keep only what may still be asked for, and times that an answer may be behind."""
        asked, held_up_ms = {key(call) for call in calls}, now_ms - FORGOTTEN_MS
        self._shown = {place: parsed for place, parsed in self._shown.items() if place in asked}
        self._quoted = {place: quoted for place, quoted in self._quoted.items() if quoted[0] > held_up_ms}

    def _again(self, call: Call, received_at_ms: int) -> Parsed:
        """What the last answer to a call showed, seen once more: the source says that it still holds."""
        shown = self._shown.get(key(call), Parsed())
        odds = [
            msgspec.structs.replace(record, received_at_ms=received_at_ms)
            for record in shown.records
            if isinstance(record, OddsSnapshot)
        ]
        return Parsed(odds, (), shown.present)

    def _news(self, board: Board, parsed: Parsed, received_at_ms: int) -> Iterator[Record]:
        """What an answer says that was not said before; ``board``: what it is compared with."""
        yield from parsed.given
        played = [record for record in parsed.records if isinstance(record, GameEvent)]
        yield from self._played.poll(played)
        odds = [
            record
            for record in parsed.records
            if isinstance(record, OddsSnapshot) and self._is_in_order(board, record)
        ]
        differ = self._differs.setdefault(board, Differ(self._source.NAME))
        yield from differ.poll(odds, parsed.present, received_at_ms)

    def _is_in_order(self, board: Board, snapshot: OddsSnapshot) -> bool:
        place = (board, snapshot.event_id)
        quoted: Quoted = {
            (line.book, line.market, line.scope, line.line): line.quoted_at_ms for line in snapshot.lines
        }
        if was_held_up(self._quoted.get(place, NEVER)[1], quoted):
            self._refuse("an answer that was held up: all its times lie before the last", snapshot.event_id)
            return False
        self._quoted[place] = (snapshot.received_at_ms, quoted)
        return True

    def _refuse(self, reason: str, where: str) -> None:
        self._log.tally.refuse(UNREAD, f"{self._source.NAME}: {reason}", where)


def was_held_up(before: Quoted, now: Quoted) -> bool:
    """Whether the times of the lines that two answers share say that the later one is the older one."""
    steps = [at_ms - before[place] for place, at_ms in now.items() if at_ms and before.get(place)]
    return bool(steps) and max(steps) <= 0 and -HELD_UP_MS <= min(steps) < 0


def _raw(answer: Answer) -> SourcePayload:
    call = answer.call
    asked = "&".join(f"{name}={value}" for name, value in call.params)
    return SourcePayload(
        source=call.source,
        received_at_ms=answer.received_at_ms,
        request=f"{call.url}?{asked}" if asked else call.url,
        http_status=answer.status,
        body=zstd.compress(answer.body or b"", LEVEL),
        name=call.name,
        league=call.league,
        kind=call.kind,
    )
