"""Football's profile: how goals are spread over a match, by who leads and who has been sent off.

Maximum likelihood of the goals of finished matches, minute by minute, held back where little is known. What
is said of a match comes from a profile of earlier ones. `Moments` are those of the sheet of football.
"""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np

from pipeline import data, ids
from pipeline.domain.devig import power_devig
from pipeline.domain.goals import outcomes, rates
from pipeline.errors import UsageError
from pipeline.models import UNSETTLED, soccer
from pipeline.models.features.soccer import SHEET
from pipeline.models.position import Position, Strengths
from pipeline.models.prior import league_strengths
from pipeline.models.soccer import MIDDLE, MOST_LEAD, MOST_REDS, PROFILE, Fitted, Profile
from pipeline.records import GameEvent, GameStatus, OddsSnapshot, Soccer
from pipeline.replay import archive
from pipeline.training import boosting, evaluation, games, profile_card
from pipeline.training.games import Floats, Ints, Moments

SPORT = "soccer"
NAMES = tuple(feature.name for feature in SHEET.features)
#: Minutes of a half; what is added to one is one more part of it, however long.
HALF_MIN = 45
PARTS = 2 * (HALF_MIN + 1)
#: A match of 93 minutes in which nothing changes the rates: what a profile is held against.
PLAIN = Profile(level=0.0, rise=0.0, added_min=(1.0, 2.0), behind=(0.0, 0.0), ahead=(0.0, 0.0), red=0.0)
PLAIN_MIN = 93.0
#: In the order of `_terms`: what each is held to, and as if by how many goals. The level is that of strengths
#: which say how many goals there will be: in the five seasons before they did, to 0.3 %.
BELIEVED = (math.log(PLAIN_MIN / 97.0), 0.0, 0.0, math.log(3.0), 0.0, 0.0, 0.0, 0.0, 0.0)
HELD = (1000.0, *[10.0] * 8)
NEWTON_STEPS = 15
DIGITS = 4
#: Whose closing prices the plain rates of the baseline reproduce.
BASELINE_BOOK = "pinnacle"


class Matches(NamedTuple):
    """Finished matches: of each part its goals and the players sent off, home and away, before it and in it.

    ``goals``, ``before`` and ``reds`` have the shape (matches, parts, 2), ``strengths`` (matches, 2).
    """

    strengths: Floats
    goals: Ints
    before: Ints
    reds: Ints


def read(folder: Path, moments: Moments) -> Matches:
    """The matches of an archive's moments, in their order, with the strengths that the moments have."""
    places = {event_id: place for place, event_id in enumerate(moments.games)}
    scored = np.zeros((len(places), PARTS, 2), dtype=np.int64)
    off = np.zeros((len(places), PARTS, 2), dtype=np.int64)
    stood: dict[str, tuple[int, int, int, int]] = {}
    for message in archive.read(folder, "games.events"):
        event = message.record
        if not isinstance(event, GameEvent) or event.event_id not in places or not event.period:
            continue
        situation = event.situation if isinstance(event.situation, Soccer) else None
        was = stood.get(event.event_id, (0, 0, 0, 0))
        reds = (situation.home_reds, situation.away_reds) if situation else was[2:]
        now = (event.home_score, event.away_score, *reds)
        stood[event.event_id] = now
        place, part = places[event.event_id], _part(event)
        scored[place, part] += np.subtract(now[:2], was[:2])
        off[place, part] += np.subtract(now[2:], was[2:])
    strengths = np.ones((len(places), 2))
    columns = [NAMES.index("home_strength"), NAMES.index("away_strength")]
    strengths[moments.game] = moments.values[:, columns]
    return Matches(strengths, scored, np.cumsum(scored, axis=1) - scored, np.cumsum(off, axis=1) - off)


class Walked(NamedTuple):
    """What was said of every fifth minute: ``moments`` by profiles of earlier matches, ``plain`` by none.

    ``by_block`` are the profiles of earlier matches, ``profile`` is that of all.
    """

    moments: Moments
    plain: Moments
    block: Any
    by_block: dict[int, Profile]
    profile: Profile
    learnt_from: dict[str, Any]


def walked(folder: Path, told: Callable[[int], None] = lambda _: None) -> Walked:
    """An archive's matches in time order, and the profile of all. Raises UsageError where there are none."""
    found = games.read(folder, SPORT, told)
    moments = minutes(found.moments)
    if len(moments.games) < 2:
        raise UsageError(f"{folder} holds no two finished matches of football to learn from")
    matches, block = read(folder, moments), boosting.blocks(moments)
    closing = closing_strengths(folder, moments.games)
    closing = np.where(np.isnan(closing), matches.strengths, closing)
    by_block = in_time_order(moments, matches, block)
    leagues = sorted({ids.parse(event_id).league for event_id in moments.games})
    return Walked(
        said_by_block(moments, by_block, block),
        said(moments, PLAIN, np.arange(len(moments.game)), closing),
        block,
        by_block,
        fit(matches, np.arange(len(moments.games))),
        {
            "archive": found.digest,
            "from": moments.days[0],
            "until": moments.days[-1],
            "games": len(moments.games),
            "moments": len(moments.game),
            "leagues": {league: data.leagues()[league].name for league in leagues},
        },
    )


def scores(walk: Walked, seed: int) -> dict[str, Any]:
    """Of the profile and of plain goals on all but the first block."""
    later = walk.block > walk.block.min()
    found = {}
    for name, moments in (("profile", walk.moments.where(later)), ("plain", walk.plain.where(later))):
        chances = boosting.chances(moments.closed)
        score = evaluation.score(chances, moments, seed)._asdict()
        score["rps"] = float(rps(chances, moments.label).mean())
        found[name] = {key: round(value, 6) for key, value in score.items()}
    return found


def write(walk: Walked, seed: int, out: Path) -> Fitted:
    """A new folder with the profile, its provenance and its card."""
    fitted = Fitted(profile=walk.profile, learnt_from=walk.learnt_from, scores=scores(walk, seed))
    written(fitted, out)
    (out / profile_card.CARD).write_text(profile_card.written(fitted))
    return fitted


def written(fitted: Fitted, out: Path) -> None:
    """A new folder with a profile, all but its card."""
    out.mkdir(parents=True)
    (out / PROFILE).write_bytes(msgspec.json.format(msgspec.json.encode(fitted)) + b"\n")


def minutes(moments: Moments) -> Moments:
    """Each moment once: in added time the clock stands, and only its first record is of the minute."""
    clock = moments.values[:, NAMES.index("left_min")]
    keys = np.stack([moments.game, moments.period, clock], axis=1)
    _, first = np.unique(keys, axis=0, return_index=True)
    return moments.where(np.isin(np.arange(len(clock)), first))


def fit(matches: Matches, chosen: Any) -> Profile:
    """The profile that is likeliest by the goals of some matches, held to `BELIEVED`."""
    terms, usual, goals = _terms(matches, chosen)
    believed, held = np.array(BELIEVED), np.array(HELD)
    found = believed.copy()
    for _ in range(NEWTON_STEPS):
        expected = usual * np.exp(terms @ found)
        slope = terms.T @ (goals - expected) - held * (found - believed)
        curve = terms.T @ (terms * expected[:, None]) + np.diag(held)
        found = found + np.linalg.solve(curve, slope)
    level, rise, *added, near_behind, far_behind, near_ahead, far_ahead, red = found.tolist()
    profile = Profile(
        level=0.0,
        rise=round(rise, DIGITS),
        added_min=(round(math.exp(added[0]), DIGITS), round(math.exp(added[1]), DIGITS)),
        behind=(round(near_behind, DIGITS), round(far_behind, DIGITS)),
        ahead=(round(near_ahead, DIGITS), round(far_ahead, DIGITS)),
        red=round(red, DIGITS),
    )
    level += math.log(soccer.whole_min(profile) / PLAIN_MIN)
    return msgspec.structs.replace(profile, level=round(level, DIGITS))


def in_time_order(moments: Moments, matches: Matches, block: Any) -> dict[int, Profile]:
    """For each block the profile of the blocks before it; of the first plain goals."""
    found = {}
    for number in np.unique(block).tolist():
        earlier = np.unique(moments.game[block < number])
        found[number] = fit(matches, earlier) if len(earlier) else PLAIN
    return found


def said_by_block(moments: Moments, by_block: dict[int, Profile], block: Any) -> Moments:
    """The moments of each block as the closed form sees them with its profile."""
    for number, profile in by_block.items():
        moments = said(moments, profile, np.flatnonzero(block == number))
    return moments


def said(moments: Moments, profile: Profile, rows: Any, strengths: Any = None) -> Moments:
    """Moments whose rows are answered by a profile, perhaps from other strengths by match."""
    values, closed = moments.values.copy(), moments.closed.copy()
    for row in rows:
        one = dict(zip(NAMES, moments.values[row].tolist(), strict=True))
        league = ids.league_of(moments.games[moments.game[row]])
        period = int(moments.period[row])
        position = Position(
            GameStatus.LIVE,
            period,
            60.0 * one["left_min"] - (league.periods - period) * league.period_s,
            round(one["home_score"]),
            round(one["away_score"]),
            Soccer(home_reds=round(one["home_reds"]), away_reds=round(one["away_reds"])),
        )
        before = (one["home_strength"], one["away_strength"])
        strong = Strengths(*(before if strengths is None else strengths[moments.game[row]]))
        home_rate, away_rate = soccer.rates_to_come(league, strong, position, profile)
        ended = outcomes(home_rate, away_rate, position.home_score, position.away_score)
        scores = [math.log(UNSETTLED + (1.0 - 3.0 * UNSETTLED) * chance) for chance in ended]
        one |= {"home_rate": home_rate, "away_rate": away_rate}
        one["win_log_odds"] = scores[0] - scores[1]
        one["draw_log_odds"] = scores[2] - (scores[0] + scores[1]) / 2.0
        values[row] = [one[name] for name in NAMES]
        closed[row] = scores
    return moments._replace(values=values, closed=closed, anchor=closed.copy())


def closing_strengths(folder: Path, games: tuple[str, ...]) -> Floats:
    """Plain rates that reproduce one book's last prices before the start; NaN where it had none."""
    places = {event_id: place for place, event_id in enumerate(games)}
    found = np.full((len(games), 2), np.nan)
    for message in archive.read(folder, "odds.snapshots"):
        record = message.record
        if not isinstance(record, OddsSnapshot) or record.event_id not in places:
            continue
        typical = league_strengths(ids.league_of(record.event_id))
        for line in record.lines:
            if (line.book, line.market) == (BASELINE_BOOK, "h2h_3way"):
                found[places[record.event_id]] = rates(power_devig(line.prices), None, typical)
    return found


def rps(chances: Floats, label: Ints) -> Floats:
    """The ranked probability score of each moment: home, draw and away in their order."""
    order = [0, 2, 1]
    gap = np.cumsum((chances - np.eye(3)[label])[:, order], axis=1)[:, :2]
    result: Floats = (gap**2).sum(axis=1) / 2.0
    return result


def _part(event: GameEvent) -> int:
    """The minute of play, or what is added to its half; all that comes after regulation is its last part."""
    period = min(event.period, 2)
    minute = HALF_MIN if event.clock_s <= 0.0 or event.period > 2 else HALF_MIN - event.clock_s / 60.0
    return (period - 1) * (HALF_MIN + 1) + min(int(minute), HALF_MIN)


def _terms(matches: Matches, chosen: Any) -> tuple[Floats, Floats, Floats]:
    """Of each side and part: what changes its rate, its plain rate and its goals."""
    part = np.arange(PARTS)
    minute, half = part % (HALF_MIN + 1), part // (HALF_MIN + 1)
    added = [(minute == HALF_MIN) & (half == number) for number in (0, 1)]
    middle = np.where(added[0] | added[1], MIDDLE, (HALF_MIN * half + minute + 0.5) / (2.0 * HALF_MIN))
    before, reds = matches.before[chosen], matches.reds[chosen]
    lead, more = before[..., 0] - before[..., 1], reds[..., 1] - reds[..., 0]
    columns, usual, goals = [], [], []
    for side in (0, 1):
        own = lead if side == 0 else -lead
        players = np.clip(more if side == 0 else -more, -MOST_REDS, MOST_REDS)
        of_time = np.stack([np.ones(PARTS), middle - MIDDLE, *added], axis=1).astype(float)
        of_play = [own == -1, own <= -MOST_LEAD, own == 1, own >= MOST_LEAD, players]
        columns.append(
            np.concatenate(
                [np.broadcast_to(of_time, (len(own), PARTS, 4)), np.stack(of_play, axis=2).astype(float)], 2
            ).reshape(-1, 9)
        )
        usual.append(np.repeat(matches.strengths[chosen, side] / PLAIN_MIN, PARTS))
        goals.append(matches.goals[chosen, :, side].ravel().astype(float))
    return np.concatenate(columns), np.concatenate(usual), np.concatenate(goals)
