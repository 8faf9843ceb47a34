"""``sharpline scores``: how the published probabilities of settled games did, as `games.scores` has it."""

import math
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

import click
import msgspec

from pipeline import data
from pipeline.cli.verify import named
from pipeline.domain.calibration import BUCKETS
from pipeline.errors import UsageError
from pipeline.models.phases import phases
from pipeline.records import GameScore
from pipeline.replay import archive

if TYPE_CHECKING:
    from pipeline.training.bootstrap import Mean

TOPIC = "games.scores"
LOSSES, RELIABILITY = ("league", "phase", "model"), ("bucket", "side")
EVERY = "all"

G = TypeVar("G")
Place = tuple[str, str]
"""A league, and a part of what was said of it."""


class Lost(NamedTuple):
    """What one game lost, as sums over moments. ``closing`` is 0 where there was no close."""

    moments: int
    log_loss: float
    brier: float
    closing: float
    seconds: float = 0.0
    by_time: float = 0.0


class Told(NamedTuple):
    """What was said of one game, and came, as sums over moments."""

    moments: int
    said: float
    came: int
    variance: float = 0.0


class LossRow(NamedTuple):
    """Means over moments, with intervals by game; ``skill`` where games have a close."""

    league: str
    part: str
    games: int
    moments: int
    log_loss: "Mean"
    log_loss_by_time: float | None
    brier: float
    skill: "Mean | None"


class ToldRow(NamedTuple):
    """Means over moments; ``deviations`` is by how many of chance's came is above said."""

    league: str
    part: str
    games: int
    moments: int
    said: float
    came: "Mean"
    deviations: float | None


@click.command(
    epilog="Example: sharpline scores answers/ --by phase --league nfl",
    context_settings={"show_default": True},
)
@click.argument("folder", required=False, metavar="[ARCHIVE]", type=click.Path(path_type=Path))
@click.option("--kafka", metavar="ADDRESS", help="Bootstrap address; default is SHARPLINE_KAFKA.")
@click.option("--by", default="league", type=click.Choice((*LOSSES, *RELIABILITY)), help="A row for each.")
@click.option("--league", metavar="KEY", help="Only this one, as nfl.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a row, all digits.")
def scores(folder: Path | None, kafka: str | None, by: str, league: str | None, as_json: bool) -> None:
    """Say how good the published probabilities of settled games were.

    ARCHIVE holds answers, as sharpline replay writes them; without one a cluster's topic is read. Each
    probability that was published in play counts once, by time for as long as it stood. Skill is the share of
    the closing line's log loss that was saved, over games that have one. By bucket and side: what was said,
    how often it came, and of a side how many standard deviations apart they are, a game being one draw.
    Intervals are 95 %, by a bootstrap that draws games.
    """
    read = _of_archive(folder) if folder else _of_cluster(named(kafka))
    found = [score for score in read if league in (None, score.league)]
    if not found:
        raise UsageError(f"{TOPIC} has no settled game{f' of {league}' if league else ''} yet")
    whole = sum(not score.phases for score in found)
    if whole and by not in ("league", "model"):
        click.echo(f"left out: {whole:,} games that an earlier version scored in all only", err=True)
    if by in LOSSES:
        lost = [_loss_row(*place, games) for place, games in _by_place(_lost(found, by))]
        click.echo(_json(lost) if as_json else "\n".join(_loss_table(lost, by)))
    else:
        told = [_told_row(*place, games) for place, games in _by_place(_told(found, by))]
        click.echo(_json(told) if as_json else "\n".join(_told_table(told, by)))


def _of_archive(folder: Path) -> Iterator[GameScore]:
    if TOPIC not in archive.topics_of(folder):
        raise UsageError(
            f"{folder} does not hold {TOPIC}; make it with `sharpline replay {folder} --out answers/`"
        )
    last = {message.key: message.record for message in archive.read(folder, TOPIC)}
    return (last[key] for key in sorted(last) if last[key] is not None)


def _of_cluster(address: str) -> Iterator[GameScore]:
    from pipeline.replay.current import current  # with confluent-kafka, which an archive does not need

    return iter(current(address, TOPIC).values())


def _lost(scores: Iterable[GameScore], by: str) -> Iterator[tuple[Place, Lost]]:
    """The row that each part of a game's score belongs to."""
    for score in scores:
        close, name = score.closing_log_loss, score.league
        if by == "league":
            n, time_s = score.published, score.in_play_s
            game = Lost(
                n, n * score.log_loss, n * score.brier, n * close, time_s, time_s * score.log_loss_by_time
            )
            yield (name, ""), game
            yield (EVERY, ""), game
        elif by == "phase":
            for one in score.phases:
                n = one.moments
                yield (name, one.phase), Lost(n, n * one.log_loss, n * one.brier, n * close)
        elif score.opinions:
            for spoken in score.opinions:
                n = spoken.moments
                yield (name, spoken.model), Lost(n, n * spoken.log_loss, n * spoken.brier, n * close)
        else:
            n = score.published
            yield (name, score.model), Lost(n, n * score.log_loss, n * score.brier, n * close)


def _told(scores: Iterable[GameScore], by: str) -> Iterator[tuple[Place, Told]]:
    for score in scores:
        if by == "side":
            for side in score.sides:
                yield (
                    (score.league, side.side),
                    Told(side.moments, side.said, side.came, side.variance),
                )
            continue
        buckets = [one for phase in score.phases for one in phase.buckets]
        for bucket in range(BUCKETS):
            inside = [one for one in buckets if one.bucket == bucket]
            if inside:
                yield (
                    (score.league, f"{bucket * 10}-{bucket * 10 + 10} %"),
                    Told(
                        sum(one.moments for one in inside),
                        math.fsum([one.said for one in inside]),
                        sum(one.came for one in inside),
                    ),
                )


def _by_place(games: Iterable[tuple[Place, G]]) -> list[tuple[Place, list[G]]]:
    """The rows, each with its games: leagues by name and all of them last, phases in the order of play."""
    found: dict[Place, list[G]] = {}
    for place, game in games:
        found.setdefault(place, []).append(game)
    if len(found) == 2:
        found.pop((EVERY, ""), None)

    def order(place: Place) -> tuple[bool, str, int, str]:
        league, part = place
        played = phases(data.leagues()[league]) if league != EVERY else ()
        return league == EVERY, league, played.index(part) if part in played else 0, part

    return [(place, found[place]) for place in sorted(found, key=order)]


def _loss_row(league: str, part: str, games: Sequence[Lost]) -> LossRow:
    from pipeline.training.bootstrap import ratio  # with numpy, which takes its time to load

    moments = [game.moments for game in games]
    closed = [game for game in games if game.closing]
    skill = None
    if closed:
        share = ratio([game.log_loss for game in closed], [game.closing for game in closed])
        skill = share._replace(mean=1.0 - share.mean, low=1.0 - share.high, high=1.0 - share.low)
    seconds = math.fsum([game.seconds for game in games])
    return LossRow(
        league=league,
        part=part,
        games=len(games),
        moments=sum(moments),
        log_loss=ratio([game.log_loss for game in games], moments),
        log_loss_by_time=math.fsum([game.by_time for game in games]) / seconds if seconds else None,
        brier=math.fsum([game.brier for game in games]) / sum(moments),
        skill=skill,
    )


def _told_row(league: str, part: str, games: Sequence[Told]) -> ToldRow:
    from pipeline.training.bootstrap import ratio

    moments = [game.moments for game in games]
    said, variance = (math.fsum(terms) for terms in ([g.said for g in games], [g.variance for g in games]))
    came = [game.came for game in games]
    return ToldRow(
        league=league,
        part=part,
        games=len(games),
        moments=sum(moments),
        said=said / sum(moments),
        came=ratio(came, moments),
        deviations=(sum(came) - said) / math.sqrt(variance) if variance > 0.0 else None,
    )


def _json(rows: Sequence[LossRow | ToldRow]) -> str:
    """A line for each; an interval has its ends by name."""
    said = [{name: _named(value) for name, value in row._asdict().items()} for row in rows]
    return "\n".join([msgspec.json.encode(one).decode() for one in said])


def _named(value: Any) -> Any:
    return value._asdict() if hasattr(value, "_asdict") else value


def _loss_table(rows: Sequence[LossRow], by: str) -> Iterator[str]:
    wide = max(len(by), *[len(_name(row)) for row in rows]) + 2
    by_time = f"{'by time':>9}" if by == "league" else ""
    yield f"{by:<{wide}}{'games':>6}{'moments':>10}{'log loss':>10}{'':<20}{by_time}{'Brier':>9}{'skill':>9}"
    for row in rows:
        if by == "league":
            by_time = f"{'-':>9}" if row.log_loss_by_time is None else f"{row.log_loss_by_time:>9.4f}"
        skill = f"{'-':>9}"
        if row.skill is not None:
            skill = f"{row.skill.mean:>9.1%}{_between(row.skill, row.games, '.1%')}"
        yield (
            f"{_name(row):<{wide}}{row.games:>6,}{row.moments:>10,}{row.log_loss.mean:>10.4f}"
            f"{_between(row.log_loss, row.games, '.4f'):<20}{by_time}{row.brier:>9.4f}{skill}"
        )


def _told_table(rows: Sequence[ToldRow], by: str) -> Iterator[str]:
    wide = max(len(by), *[len(_name(row)) for row in rows]) + 2
    ends = f"{'deviations':>12}" if by == "side" else ""
    yield f"{by:<{wide}}{'games':>6}{'moments':>10}{'said':>9}{'came':>9}{'':<20}{ends}".rstrip()
    for row in rows:
        deviations = f"{row.deviations:>+12.1f}" if row.deviations is not None else ""
        yield (
            f"{_name(row):<{wide}}{row.games:>6,}{row.moments:>10,}{row.said:>9.1%}{row.came.mean:>9.1%}"
            f"{_between(row.came, row.games, '.1%'):<20}{deviations}"
        ).rstrip()


def _name(row: LossRow | ToldRow) -> str:
    return f"{row.league} {row.part}".strip()


def _between(mean: "Mean", games: int, form: str) -> str:
    """The interval; of one game there is none."""
    return f"  ({mean.low:{form}} to {mean.high:{form}})" if games > 1 else ""
