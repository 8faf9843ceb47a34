"""Which event a source's own id means: found out once, then kept."""

from collections import Counter

from pipeline import ids
from pipeline.errors import Refused
from pipeline.records import SourceEvent

#: An event id counts the games of the same sides on one day with one digit.
MOST_GAMES_A_DAY = 9


class Identities:
    """The event ids that one source's own ids were given.

    Sticky: a moved start changes nothing. A second own id for the same sides on the same league-local day is
    their second game that day, and ends in ``:2``.
    """

    def __init__(self, source: str) -> None:
        self.source = source
        self._given: dict[str, SourceEvent] = {}
        self._games: Counter[str] = Counter()

    def known(self, source_id: str) -> str:
        """The event id, empty where none was given yet."""
        given = self._given.get(source_id)
        return given.event_id if given else ""

    def sides(self, source_id: str) -> tuple[str, str]:
        """Home and away as the source wrote them when the id was given."""
        given = self._given[source_id]
        return given.home, given.away

    def give(
        self, source_id: str, league: str, starts_at_ms: int, home: str, away: str, received_at_ms: int,
        *, neutral: bool = False,  # noqa: ARG002
    ) -> SourceEvent:  # fmt: skip
        """Give an event id by the scheduled start and the sides' names.

        ``neutral``: neither side is at home. It counts where sources meet, and here there is one.

        Raises Refused where a name is not surely known.
        """
        first = ids.identify(league, starts_at_ms, home, away, self.source)
        game = self._games[first] + 1
        if game > MOST_GAMES_A_DAY:
            raise Refused(f"{first}: a tenth game of the same sides on one day is not believed")
        given = SourceEvent(
            source=self.source,
            source_id=source_id,
            event_id=str(ids.parse(first)._replace(game=game)),
            received_at_ms=received_at_ms,
            starts_at_ms=starts_at_ms,
            home=home,
            away=away,
        )
        ids.parse(given.event_id)
        self._games[first] = game
        self._given[source_id] = given
        return given
