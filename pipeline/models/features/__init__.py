"""The features of each sport that has a boosted model: one list each: formula, range, mirror image."""

from pipeline.models.features import american_football, baseball, basketball, soccer
from pipeline.models.features.seen import (
    NO_CONTEXT,
    Context,
    Ending,
    Feature,
    Seen,
    Sheet,
    mirror,
    mirrored,
    strange,
    vector,
)

__all__ = [
    "NO_CONTEXT",
    "SHEETS",
    "Context",
    "Ending",
    "Feature",
    "Seen",
    "Sheet",
    "mirror",
    "mirrored",
    "strange",
    "vector",
]

#: By sport, as in data/leagues.csv.
SHEETS: dict[str, Sheet] = {
    "american-football": american_football.SHEET,
    "baseball": baseball.SHEET,
    "basketball": basketball.SHEET,
    "soccer": soccer.SHEET,
}
