"""What is published where games are found, wait, move, and are said to be others."""

from typing import Any

import msgspec
import pytest

from pipeline.errors import Refused
from pipeline.records import (
    GameEvent,
    GameStatus,
    Line,
    OddsSnapshot,
    Record,
    SnapshotKind,
    SourceAlias,
    SourceEvent,
    Unmatched,
    UnmatchedState,
)
from producers.live import who as module
from producers.live.claims import OwnClaims, Told
from producers.live.who import OVER_MS, Stood, Who
from producers.resume import NOTHING, Held
from producers.tally import Tally
from tests.producers.moments import at_ms

AT = at_ms("2026-07-07T18:16Z")
CARDINALS, BREWERS = "St. Louis Cardinals", "Milwaukee Brewers"
EVENT = "mlb:2026-07-07:stl-mil"
MINUTE_MS = 60_000


class Listed:
    """A log in memory."""

    partitions = 1

    def __init__(self) -> None:
        self.tally, self.safe_at_s = Tally(), 0.0
        self.records: list[Record] = []

    def send(self, record: Record) -> None:
        self.records.append(record)

    def rest(self, seconds: float) -> None:
        pass

    def held(self) -> Held:
        return NOTHING

    def close(self) -> None:
        pass


class Said(OwnClaims):
    """Claims of one process, and what a person says."""

    def say(self, **fields: Any) -> None:
        nothing = {"league": "", "source": "", "name": "", "team": "", "source_id": "", "event_id": ""}
        alias = SourceAlias(**(nothing | fields), received_at_ms=AT, origin="said by a person")
        self._told.append(Told(alias, -1))


class World:
    """Who is who before a log in memory, and sources that show games."""

    def __init__(self) -> None:
        self.log = Listed()
        self.claims = Said(self.log.send)
        self.who = Who(self.log, self.claims)
        self.minutes = 0

    def show(
        self,
        source: str = "the-odds-api",
        source_id: str = "a",
        home: str = CARDINALS,
        away: str = BREWERS,
        starts_at_ms: int = AT,
        price: float = 1.5,
        **give: Any,
    ) -> None:
        """A source shows a game: as a parser does it, an identity first where there is none yet."""
        self.minutes += 1
        now_ms = AT - 600 * MINUTE_MS + self.minutes * MINUTE_MS
        identities = self.who.of(source)
        if not identities.known(source_id):
            self.who.send(identities.give(source_id, "mlb", starts_at_ms, home, away, now_ms, **give))
        self.who.send(snapshot(identities.known(source_id), source, now_ms, starts_at_ms, price))

    def shown(self, source: str = "the-odds-api") -> list[OddsSnapshot]:
        return [
            record
            for record in self.log.records
            if isinstance(record, OddsSnapshot) and record.source == source
        ]

    def unmatched(self) -> list[Unmatched]:
        return [record for record in self.log.records if isinstance(record, Unmatched)]

    def given(self) -> list[SourceEvent]:
        return [record for record in self.log.records if isinstance(record, SourceEvent)]


def snapshot(event_id: str, source: str, at: int, starts_at_ms: int, price: float) -> OddsSnapshot:
    line = Line(book="pinnacle", market="h2h", prices=(price, 2.6))
    return OddsSnapshot(
        event_id=event_id,
        source=source,
        kind=SnapshotKind.FULL,
        received_at_ms=at,
        starts_at_ms=starts_at_ms,
        lines=(line,),
    )


def test_a_game_is_claimed_before_anything_is_said_of_it() -> None:
    world = World()

    world.show()

    claim, shown = world.log.records
    assert isinstance(claim, SourceEvent)
    assert isinstance(shown, OddsSnapshot)
    assert claim.event_id == shown.event_id == EVENT
    assert claim.basis == "new"


def test_sources_meet_in_one_event_and_the_claim_says_why() -> None:
    world = World()

    world.show("the-odds-api", "a")
    world.show("espn", "401", starts_at_ms=AT - MINUTE_MS)

    assert [record.event_id for record in world.shown("espn")] == [EVENT]
    assert world.given()[-1].basis == "starts with the-odds-api"


def test_what_was_given_is_known_after_a_restart() -> None:
    world = World()
    world.show(source_id="a", starts_at_ms=AT)
    world.show(source_id="b", starts_at_ms=AT + 330 * MINUTE_MS)
    claims = Said(world.log.send)
    claims._told += [Told(claim, -1) for claim in reversed(world.given())]

    again = Who(world.log, claims).of("the-odds-api")

    assert [again.known("a"), again.known("b")] == [EVENT, f"{EVENT}:2"]
    assert again.sides("a") == (CARDINALS, BREWERS)


def test_an_unknown_name_waits_and_says_what_it_may_be() -> None:
    world = World()
    world.show("the-odds-api", "a")

    world.show("espn", "401", home="Cards")

    assert world.shown("espn") == []
    said = world.unmatched()[-1]
    assert (said.state, said.waiting, said.home) == (UnmatchedState.WAITING, 1, "Cards")
    assert (said.candidates[0].team, said.candidates[0].event_id) == ("stl", EVENT)


def test_an_alias_added_later_gives_the_stream_that_it_gives_when_it_is_known_from_the_start() -> None:
    def evening(world: World, said_after: int) -> list[OddsSnapshot]:
        for poll in range(6):
            if poll == said_after:
                world.claims.say(league="mlb", source="espn", name="Cards", team="stl")
                world.who.look()
            world.show("the-odds-api", "a", price=1.5 + poll / 10)
            world.show("espn", "401", home="Cards", price=1.6 + poll / 10)
        return world.shown("espn")

    later, first = World(), World()

    assert evening(later, 4) == evening(first, 0)
    assert later.shown() == first.shown()
    assert [one.state for one in later.unmatched()][-1] == UnmatchedState.SOLVED
    assert later.unmatched()[-1].event_id == EVENT
    assert first.unmatched() == []


def test_what_waits_is_published_without_another_word_of_its_source() -> None:
    world = World()
    world.show("espn", "401", home="Cards")

    world.claims.say(league="mlb", source="", name="Cards", team="stl")
    world.who.look()

    assert [record.event_id for record in world.shown("espn")] == [EVENT]


def test_only_the_newest_of_what_waits_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "KEPT", 3)
    world = World()
    for poll in range(5):
        world.show("espn", "401", home="Cards", price=1.5 + poll)

    world.claims.say(league="mlb", source="espn", name="Cards", team="stl")
    world.who.look()

    assert [record.lines[0].prices[0] for record in world.shown("espn")] == [3.5, 4.5, 5.5]


def test_a_game_that_moved_while_it_waited_is_found_by_its_new_start() -> None:
    world = World()
    world.show("the-odds-api", "a", starts_at_ms=AT)
    evening = AT + 330 * MINUTE_MS

    world.show("espn", "401", starts_at_ms=evening)
    assert world.shown("espn") == []
    world.show("espn", "401", starts_at_ms=AT + MINUTE_MS)

    assert [record.event_id for record in world.shown("espn")] == [EVENT, EVENT]


def test_a_second_game_waits_until_the_first_is_there_too() -> None:
    world = World()
    world.show("the-odds-api", "a", starts_at_ms=AT)
    world.show("espn", "402", starts_at_ms=AT + 330 * MINUTE_MS)
    assert world.shown("espn") == []

    world.show("espn", "401", starts_at_ms=AT)
    world.who.look()

    assert sorted(record.event_id for record in world.shown("espn")) == [EVENT, f"{EVENT}:2"]


def test_a_moved_start_is_told_to_others_and_changes_no_id() -> None:
    world = World()
    world.show("the-odds-api", "a", starts_at_ms=AT)

    world.show("the-odds-api", "a", starts_at_ms=AT + 120 * MINUTE_MS)
    world.show("espn", "401", starts_at_ms=AT + 125 * MINUTE_MS)

    assert {record.event_id for record in (*world.shown(), *world.shown("espn"))} == {EVENT}
    assert [claim.starts_at_ms - AT for claim in world.given()] == [0, 120 * MINUTE_MS, 125 * MINUTE_MS]


def test_a_source_that_has_the_sides_the_other_way_round_is_turned() -> None:
    world = World()
    world.show("the-odds-api", "a", neutral=True)

    world.show("espn", "401", home=BREWERS, away=CARDINALS, price=4.5, neutral=True)

    (found,) = world.shown("espn")
    assert (found.event_id, found.lines[0].prices) == (EVENT, (2.6, 4.5))


def test_what_a_person_says_of_one_game_holds() -> None:
    world = World()
    world.show("the-odds-api", "a")
    world.show("espn", "401", home=BREWERS, away=CARDINALS)
    assert world.shown("espn") == []

    world.claims.say(source="espn", source_id="401", event_id=EVENT)
    world.who.look()

    (found,) = world.shown("espn")
    assert (found.event_id, found.lines[0].prices) == (EVENT, (2.6, 1.5))


def test_a_game_that_was_given_the_wrong_event_is_moved_to_the_one_that_a_person_says() -> None:
    world = World()
    world.show("the-odds-api", "a", starts_at_ms=AT)
    world.show("the-odds-api", "b", starts_at_ms=AT + 330 * MINUTE_MS)
    world.show("espn", "401", starts_at_ms=AT)
    stand_in = world.who.of("espn").known("401")

    world.claims.say(source="espn", source_id="401", event_id=f"{EVENT}:2")
    world.who.look()
    # The source's comparison of answers misses the stand-in and says that its game is gone.
    gone = msgspec.structs.replace(
        snapshot(stand_in, "espn", AT, AT, 1.5), kind=SnapshotKind.GONE, lines=(), starts_at_ms=0
    )
    world.who.send(gone)
    world.show("espn", "401", starts_at_ms=AT)

    assert world.who.of("espn").known("401") == f"{EVENT}:2"
    assert [(record.event_id, record.kind) for record in world.shown("espn")] == [
        (EVENT, SnapshotKind.FULL),
        (EVENT, SnapshotKind.GONE),
        (f"{EVENT}:2", SnapshotKind.FULL),
    ]


def test_a_game_that_is_over_is_waited_for_no_longer() -> None:
    world = World()
    world.show("espn", "401", home="Cards")
    stand_in = world.who.of("espn").known("401")

    for _ in range(2):
        world.who.send(snapshot(stand_in, "espn", AT + OVER_MS + 1, AT, 1.5))

    assert [one.state for one in world.unmatched()][-1] == UnmatchedState.GIVEN_UP
    assert world.shown("espn") == []
    assert sum(world.log.tally.refused.values()) >= 1


def test_how_long_a_game_waits_is_known_after_a_restart() -> None:
    world = World()
    world.show("espn", "401", home="Cards")
    first = world.unmatched()[0]
    claims = Said(world.log.send)
    claims._told.append(Told(first, -1))
    world.claims, world.who = claims, Who(world.log, claims)

    for _ in range(3):
        world.show("espn", "401", home="Cards")

    assert world.unmatched()[-1].since_ms == first.since_ms


def test_what_no_alias_could_help_is_refused_as_it_is_shown() -> None:
    world = World()

    with pytest.raises(Refused):
        world.show(away=CARDINALS)

    assert world.log.records == []


def test_records_that_are_of_no_game_pass() -> None:
    world = World()
    event = GameEvent(
        event_id=EVENT, source="nflverse", kind="clock", received_at_ms=AT, sequence=1, status=GameStatus.LIVE
    )

    world.who.send(event)

    assert world.log.records == [event]


def test_whoever_listens_hears_the_ids_that_hold() -> None:
    heard: list[Any] = []
    log = Listed()
    who = Who(log, OwnClaims(log.send), heard.append)
    identities: Stood = who.of("espn")

    who.send(identities.give("401", "mlb", AT, CARDINALS, BREWERS, AT))
    who.send(snapshot(identities.known("401"), "espn", AT, AT, 1.5))

    assert [type(one) for one in heard] == [SourceEvent, OddsSnapshot]
    assert {one.event_id for one in heard} == {EVENT}
