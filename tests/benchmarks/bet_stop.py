"""From a bet stop to the client's withdrawal: with the odds through one fold, from the game feed through two.

Run it: ``make bench-gateway`` or ``make bench ARGS=bet_stop``. A real broker, games and markets workers and a
gateway; 100 snapshots of 75 lines a second go by meanwhile. Each trial opens an arbitrage in a game of its
own, waits until the client shows it, and stops it.
"""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import click
from confluent_kafka import Producer
from msgspec.structs import replace
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from pipeline import codec
from pipeline.records import ClockTick, GameEvent, OddsSnapshot, QuoteStatus
from pipeline.topics import topic_of
from tests.benchmarks.board import START_MS, Board, Evening, Load, Made, play
from tests.benchmarks.fanout import gateway_of, percentiles
from tests.benchmarks.load import producer
from tests.benchmarks.system import system

TRIALS, RATE = 120, 100.0
FIRST = 5_000
#: The best prices of a trial: 0.7 % for whoever takes both.
HOME, AWAY = 2.0, 2.03
PATIENCE_S = 10.0


class Watcher(threading.Thread):
    """A client that notes which games have an open arbitrage, and when that was heard."""

    def __init__(self, port: int) -> None:
        super().__init__(daemon=True)
        self._address = f"ws://127.0.0.1:{port}/v1/stream"
        self._changed = threading.Condition()
        self._open: dict[str, tuple[bool, int]] = {}

    def run(self) -> None:
        """Listen until the gateway ends."""
        with connect(self._address, max_size=None) as socket, suppress(ConnectionClosed):
            socket.send(json.dumps({"op": "subscribe", "id": 1, "channels": [{"topic": "bets.arbitrage"}]}))
            for text in socket:
                self._note(json.loads(text), time.monotonic_ns())

    def _note(self, said: dict[str, Any], heard_ns: int) -> None:
        if said["type"] in ("snapshot", "update") and said["record"] is not None:
            is_open = any(not found["suspect"] for found in said["record"]["arbitrages"])
            with self._changed:
                self._open[said["event"]] = is_open, heard_ns
                self._changed.notify_all()

    def heard(self, event: str, *, is_open: bool) -> int | None:
        """When the client heard that it is so, monotonic ns; None where it does not within ten seconds."""
        with self._changed:
            if self._changed.wait_for(lambda: self._open.get(event, (False, 0))[0] == is_open, PATIENCE_S):
                return self._open.get(event, (is_open, 0))[1]
        return None


class Log:
    """Appends records as they are due; its time runs as the wall's."""

    def __init__(self, client: Producer) -> None:
        self._client, self._lock = client, threading.Lock()
        self._began_s = time.monotonic()

    @property
    def now_ms(self) -> int:
        return START_MS + round(1_000.0 * (time.monotonic() - self._began_s))

    def append(self, record: Made) -> int:
        """Append one; monotonic ns of just before."""
        topic = topic_of(type(record)).name
        key, value = codec.encode(topic, record)
        began_ns = time.monotonic_ns()
        with self._lock:
            for partition in range(4) if isinstance(record, ClockTick) else (-1,):
                self._client.produce(topic, value, key, partition)
            self._client.poll(0)
        return began_ns


def background(log: Log, stop: threading.Event) -> None:
    """Snapshots at a steady pace, and a tick each second, until it is stopped."""
    for at_s, record in Evening(Load(rates=((RATE, 3_600.0),))).paced():
        due_s = log._began_s + at_s
        if stop.wait(max(0.0, due_s - time.monotonic())):
            return
        log.append(replace(record, received_at_ms=log.now_ms))


def offered(board: Board, at_ms: int) -> OddsSnapshot:
    """A snapshot with an arbitrage between two books."""
    shown = board.snapshot(at_ms)
    lines = list(shown.lines)
    heads = [n for n, line in enumerate(lines) if line.market == "h2h"]
    lines[heads[0]] = replace(lines[heads[0]], prices=(HOME, 1.8))
    lines[heads[1]] = replace(lines[heads[1]], prices=(1.8, AWAY))
    return replace(shown, lines=tuple(lines))


def stopped_by_odds(log: Log, number: int, shown: OddsSnapshot) -> int:
    """Every line is suspended, in the next snapshot."""
    lines = tuple(replace(line, status=QuoteStatus.SUSPENDED) for line in shown.lines)
    return log.append(replace(shown, received_at_ms=log.now_ms, lines=lines))


def stopped_by_game(log: Log, number: int, shown: OddsSnapshot) -> int:
    """The game's feed says that betting is suspended."""
    return log.append(replace(_played(number, 1, log.now_ms), suspended=True))


def _played(number: int, sequence: int, at_ms: int) -> GameEvent:
    return replace(play(number, sequence, at_ms), kind="play")


def trials(
    log: Log, watcher: Watcher, first: int, in_play: bool, stop: Callable[[Log, int, OddsSnapshot], int]
) -> Iterator[float]:
    """Milliseconds from each stop to its withdrawal; a trial whose arbitrage never opened is left out."""
    for number in range(first, first + TRIALS):
        board = Board(number, Load(), START_MS if in_play else START_MS + 86_400_000)
        if in_play:
            log.append(_played(number, 0, log.now_ms))
            time.sleep(0.1)
        shown = offered(board, log.now_ms)
        log.append(shown)
        if watcher.heard(shown.event_id, is_open=True) is None:
            continue
        time.sleep(0.1)
        began_ns = stop(log, number, shown)
        if (heard_ns := watcher.heard(shown.event_id, is_open=False)) is None:
            raise RuntimeError(f"{shown.event_id} was stopped and is still open")
        yield (heard_ns - began_ns) / 1e6


def main() -> None:
    """Measure and print."""
    click.echo(
        f"{f'ms, bet stop to withdrawal, {RATE:.0f}/s':<34}{'p50':>9}{'p99':>9}{'max':>9}{'trials':>9}"
    )
    with system() as made:
        for stage in ("games", "markets"):
            made.start(stage)
        with gateway_of(made.bootstrap, "betstop") as running:
            log, stop = Log(producer(made.bootstrap, 0)), threading.Event()
            load = threading.Thread(target=background, args=(log, stop))
            load.start()
            watcher = Watcher(running.port)
            watcher.start()
            try:
                time.sleep(5.0)
                kinds: list[tuple[str, int, bool, Any]] = [
                    ("with the odds, one fold", FIRST, False, stopped_by_odds),
                    ("from the game feed, two folds", FIRST + TRIALS, True, stopped_by_game),
                ]
                for name, first, in_play, stopping in kinds:
                    found = list(trials(log, watcher, first, in_play, stopping))
                    click.echo(f"{name:<34}{percentiles(found)}{len(found):>9}")
            finally:
                stop.set()
                load.join()


if __name__ == "__main__":
    main()
