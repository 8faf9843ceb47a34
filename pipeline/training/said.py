"""What was published, as it is scored: the moments that count, and each voice's word at every one of them."""

import re
from collections import defaultdict
from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np

from pipeline import ids
from pipeline.models.boosted import VOICES
from pipeline.models.features import SHEETS
from pipeline.records import AmericanFootball, Baseball, GameStatus
from pipeline.training.games import Floats, Moments
from pipeline.training.published import Published

BLEND = "blend"
#: Of a record at the beginning of a minute of soccer.
MINUTE = re.compile(r"/m(\d+)$")
EVERY_MIN = 5
NONE = float("nan")


class Said(NamedTuple):
    """Probabilities by voice, shape (n, outcomes), the answer itself first.

    ``market``: the fair price that stood, NaN where there was none, and in ``market_age_s`` how old it was.
    """

    moments: Moments
    voices: dict[str, Floats]
    market: Floats
    market_age_s: Floats


def counts(sport: str, row: Published) -> bool:
    """Whether a record is one that its sport is scored on.

    Snaps of regulation with a down; regulation of basketball while there is time; plays of baseball; every
    fifth minute of a soccer match that regulation ends.
    """
    league = ids.league_of(row.event_id)
    if league.sport != sport or row.status is not GameStatus.LIVE or not row.game:
        return False
    regulation = 1 <= row.period <= league.periods
    match sport:
        case "american-football":
            return regulation and isinstance(row.situation, AmericanFootball) and row.situation.down > 0
        case "basketball":
            return regulation and (row.period < league.periods or row.clock_s > 0.0)
        case "baseball":
            return isinstance(row.situation, Baseball) and row.situation.outs < 3
        case "soccer":
            minute = MINUTE.search(row.source_event_id)
            whole = minute is not None and int(minute[1]) % EVERY_MIN == 0
            return whole and league.overtime_draw == 1.0
    return False


def gathered(rows: Iterable[Published], sport: str) -> Said:
    """The moments that count, by day, event and time. Of two outcomes games that ended level do not count.

    A voice that said nothing at a moment had left it to the closed form, which then is its word.
    """
    outcomes = 3 if sport == "soccer" else 2
    names = dict(zip(VOICES[1:], (SHEETS[sport].anchor_name, *VOICES[2:]), strict=True))
    places: dict[tuple[str, str], int] = {}
    kept: dict[str, list[Any]] = defaultdict(list)
    for row in rows:
        lead = row.home_final - row.away_final
        label = 0 if lead > 0 else 1 if lead < 0 else 2
        if label >= outcomes or not counts(sport, row):
            continue
        kept["game"].append(places.setdefault((row.day, row.event_id), len(places)))
        kept["id"].append(row.source_event_id)
        kept["period"].append(row.period)
        kept["label"].append(label)
        kept[BLEND].append(row.game[:outcomes])
        by_name = {one.model: one.game[:outcomes] for one in row.opinions}
        closed = row.opinions[0].game[:outcomes] if row.opinions else row.game[:outcomes]
        kept["closed"].append(closed)
        for voice, name in names.items():
            kept[voice].append(by_name.get(name, closed))
        kept["market"].append(row.market.chances[:outcomes] if row.market else (NONE,) * outcomes)
        kept["age_s"].append(row.market.age_ms / 1000.0 if row.market else NONE)
    return _sorted(list(places), kept, outcomes, names)


def _sorted(
    seen: list[tuple[str, str]], kept: dict[str, list[Any]], outcomes: int, names: dict[str, str]
) -> Said:
    games = sorted(seen)
    place_of = {game: place for place, game in enumerate(games)}
    game = np.array([place_of[seen[place]] for place in kept["game"]], dtype=np.int64)
    order = np.argsort(game, kind="stable")

    def column(name: str) -> Any:
        return np.array(kept[name])[order]

    def chances(name: str) -> Floats:
        rows = np.array(kept[name], dtype=float).reshape(-1, outcomes)[order]
        result: Floats = rows / rows.sum(axis=1, keepdims=True)
        return result

    voices = {BLEND: chances(BLEND)}
    if outcomes == 2:  # of soccer the closed form with its profile is the answer
        voices |= {
            names.get(voice, voice) if voice == "anchor" else voice: chances(voice) for voice in VOICES
        }
    logs = np.log(np.clip(chances("closed"), 1e-12, 1.0))
    moments = Moments(
        games=tuple(event_id for _, event_id in games),
        days=tuple(day for day, _ in games),
        game=game[order],
        source_event_ids=tuple(column("id").tolist()),
        period=column("period").astype(np.int64),
        values=np.zeros((len(order), 0)),
        closed=logs,
        anchor=logs,
        label=column("label").astype(np.int64),
    )
    return Said(moments, voices, chances("market"), column("age_s").astype(float))
