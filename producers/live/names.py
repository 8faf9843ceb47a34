"""What a source's names mean: the shipped tables, what a person has said since, and what a name is like."""

import re
import unicodedata
from difflib import SequenceMatcher
from functools import lru_cache
from typing import NamedTuple

from pipeline import data, ids
from pipeline.records import SourceAlias

#: Words that half of all clubs have in their name.
_OF_MANY = frozenset({"fc", "afc", "cf", "sc", "ac", "ss", "ssc", "as", "acf", "cfc", "club", "the", "de"})


class Like(NamedTuple):
    """A team whose spelling a name is like, and how much: 0 to 1."""

    team: str
    spelling: str
    score: float


NOTHING = Like("", "", 0.0)


class Names:
    """The names of teams, and the games, that a person has said the meaning of; else the tables'."""

    def __init__(self) -> None:
        self._teams: dict[tuple[str, str, str], str] = {}
        self.events: dict[tuple[str, str], str] = {}
        """What a source's own ids of games were said to mean."""

    def tell(self, alias: SourceAlias) -> None:
        """Take in what a person said, in the order in which it was said."""
        if alias.source_id:
            self.events[alias.source, alias.source_id] = alias.event_id
        else:
            self._teams[alias.league, alias.source, ids.folded(alias.name)] = alias.team

    def team(self, league: str, name: str, source: str) -> str:
        """The team's code within its league. Raises Refused where the name is not surely known."""
        folded = ids.folded(name)
        said = self._teams.get((league, source, folded)) or self._teams.get((league, "", folded))
        return said or ids.team(league, name, source)


@lru_cache(maxsize=1_024)
def like(league: str, name: str) -> tuple[Like, ...]:
    """The league's teams by how much the name is like a way in which they are written, best first.

    For a person to choose from. Sides of women, of the young and reserves are like their own kind alone.
    """
    best: dict[str, Like] = {}
    for row in data.teams():
        if row.league == league and ids.marks(row.alias) == ids.marks(name):
            found = Like(row.team, row.alias, likeness(name, row.alias))
            if found.score > best.get(row.team, NOTHING).score:
                best[row.team] = found
    return tuple(sorted(best.values(), key=lambda one: (-one.score, one.team)))


def likeness(first: str, second: str) -> float:
    """How much two names are alike, 0 to 1: half by their letters, half by the words of the shorter one.

    Examples
    --------
    >>> likeness("Man City", "Manchester City FC") > likeness("Man City", "Leicester City")
    True
    """
    one, other = _words(first), _words(second)
    if not one or not other:
        return 0.0
    letters = SequenceMatcher(None, " ".join(one), " ".join(other), autojunk=False).ratio()
    shared = sum(any(_begins(word, with_) for with_ in other) for word in one)
    return round((letters + shared / max(len(one), len(other))) / 2, 3)


def _begins(word: str, other: str) -> bool:
    shorter, longer = sorted((word, other), key=len)
    return word == other or (len(shorter) >= 3 and longer.startswith(shorter))


def _words(name: str) -> list[str]:
    plain = unicodedata.normalize("NFKD", name.casefold())
    words = re.findall(r"[a-z0-9]+", "".join(letter for letter in plain if not unicodedata.combining(letter)))
    return [word for word in words if word not in _OF_MANY] or words
