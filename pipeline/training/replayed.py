"""What would have been published: each season, or tenth of one, replayed with models of earlier games only.

For each block the models are written as they are shipped, and its games go through the replay of
`sharpline replay` in a process of its own, which has no other models. Ratings of teams are fitted anew, too:
a row of them knows the games up to its day, and a game asks for rows of earlier days alone.
"""

import os
import shutil
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import ExitStack
from contextvars import copy_context
from functools import partial
from multiprocessing import get_context
from pathlib import Path
from typing import Any, NamedTuple

from pipeline import data, ids
from pipeline.errors import UsageError
from pipeline.models import boosted, candidate
from pipeline.models.ratings import RATINGS
from pipeline.models.soccer import Fitted
from pipeline.replay import archive
from pipeline.replay.archive import ArchiveWriter
from pipeline.replay.run import INPUTS, Tally, replay
from pipeline.settings import Rules, Settings
from pipeline.topics import event_of
from pipeline.training import boosting, games, profile
from pipeline.training.games import Moments
from pipeline.training.rated import rate

INPUT, ANSWERS, MODELS = "inputs", "answers", "models"

Told = Callable[[str], None]
Waiting = tuple[Path, ProcessPoolExecutor, "Future[Tally]"]


class Block(NamedTuple):
    """A block's number, and what writes its model, learnt from the blocks before it, into a folder."""

    number: int
    write: Callable[[Path], object]


class Learnt(NamedTuple):
    """What is known before the first replay. ``plain``: what plain goals say, of soccer alone."""

    moments: Moments
    block: Any
    blocks: Iterator[Block]
    plain: Moments | None


def learnt(
    source: Path, sport: str, folder: Path, seed: int, told: Told, counted: Callable[[int], None]
) -> Learnt:
    """Read an archive by ratings of its own games, and see how its blocks are answered in time order.

    ``folder`` gets the ratings. Raises UsageError where there are no two finished games of the sport.
    """
    (folder / MODELS).mkdir(parents=True)
    rated = {league for league, _ in boosted.in_use().ratings.rows}
    for league in sorted(rated):
        if data.leagues()[league].sport == sport and _plays(source, league):
            rate(source, league, folder / MODELS / RATINGS / f"{league}.csv")
    context = copy_context()
    context.run(candidate.FOLDER.set, folder / MODELS)
    if sport == profile.SPORT:
        football = context.run(profile.walked, source, counted)
        return Learnt(football.moments, football.block, _profiles(football), football.plain)
    moments = context.run(games.read, source, sport, counted).moments
    if len(moments.games) < 2:
        raise UsageError(f"{source} holds no two finished games of {sport} to learn from")
    return Learnt(moments, boosting.blocks(moments), _boosters(sport, moments, seed, told), None)


def replayed(source: Path, folder: Path, known: Learnt, since: str, told: Told) -> Iterator[Path]:
    """Folders of what is published of each block's games from a day on, by models of earlier blocks.

    The first block has no models and is left out. The next block's models are fitted while a replay runs.
    """
    moments, first = known.moments, int(known.block.min())
    number_of = {
        moments.games[game]: number
        for game, number in zip(moments.game.tolist(), known.block.tolist(), strict=True)
        if number > first and moments.days[game] >= since
    }
    numbers = sorted(set(number_of.values()))
    if not numbers:
        raise UsageError(f"{source} holds no game to score from {since or 'its second season or tenth'} on")
    _cut(source, folder, number_of)
    waiting: list[Waiting] = []
    with ExitStack() as pools:
        for block in known.blocks:
            if block.number not in numbers:
                continue
            home = folder / str(block.number)
            shutil.copytree(folder / MODELS, home / MODELS)
            block.write(home / MODELS)
            done = _finished(waiting, told)
            pool = pools.enter_context(
                ProcessPoolExecutor(1, get_context("spawn"), _with_models, (home / MODELS,))
            )
            waiting.append((home, pool, pool.submit(_replay, home)))
            yield from done
        yield from _finished(waiting, told)


def _boosters(sport: str, moments: Moments, seed: int, told: Told) -> Iterator[Block]:
    leagues = tuple(sorted({ids.parse(event_id).league for event_id in moments.games}))
    for step in boosting.steps(sport, moments, seed, told):
        if step.pair is not None:
            earlier = moments.where(boosting.blocks(moments) < step.number)
            write = partial(_write, sport, leagues, earlier, step, seed)
            yield Block(step.number, write)


def _write(
    sport: str, leagues: tuple[str, ...], earlier: Moments, step: boosting.Step, seed: int, models: Path
) -> None:
    assert step.pair is not None
    name, out = f"{leagues[0]}-blend", models / sport
    boosting.written(
        sport,
        name,
        leagues,
        earlier,
        step.pair,
        step.by,
        seed,
        out,
        {"games": len(set(earlier.game.tolist()))},
        {},
    )


def _profiles(football: profile.Walked) -> Iterator[Block]:
    for number, fitted in football.by_block.items():
        yield Block(number, partial(_write_profile, Fitted(profile=fitted, learnt_from={}, scores={})))


def _write_profile(fitted: Fitted, models: Path) -> None:
    profile.written(fitted, models / profile.SPORT)


def _plays(source: Path, league: str) -> bool:
    """Whether an archive has a game of a league."""
    events = archive.read(source, "games.events")
    return any(message.key.startswith(f"{league}:") for message in events)


def _cut(source: Path, folder: Path, number_of: dict[str, int]) -> None:
    """The inputs of each block's games in an archive of their own."""
    partitions = Settings.read().partitions
    with ExitStack() as files:
        writers = {
            number: files.enter_context(ArchiveWriter(folder / str(number) / INPUT, partitions))
            for number in sorted(set(number_of.values()))
        }
        for topic in archive.topics_of(source):
            if topic not in INPUTS:
                continue
            for message in archive.read(source, topic):
                number = number_of.get(event_of(message.key))
                if number is not None:
                    writers[number].put(topic, message.key, message.record, message.at_ms, message.partition)


def _with_models(models: Path) -> None:
    os.environ["SHARPLINE_MODELS"] = str(models)


def _replay(home: Path) -> Tally:
    settings = Settings.read()
    tally, _ = replay(home / INPUT, home / ANSWERS, Rules.read(settings.rules), settings.partitions)
    return tally


def _finished(waiting: list[Waiting], told: Told) -> list[Path]:
    """Wait for what is being replayed. Raises UsageError where a fold raised: its game has no right score."""
    done = []
    while waiting:
        home, pool, future = waiting.pop()
        tally = future.result()
        pool.shutdown()
        if tally.buried:
            buried = f"{len(tally.buried)} times in block {home.name}: {tally.buried[0]}"
            raise UsageError(f"a fold raised {buried}")
        told(f"block {int(home.name) + 1}: {len(tally.events):,} games, {tally.inputs:,} records replayed")
        done.append(home / ANSWERS)
    return done
