from producers.identity import Identities
from producers.sources.identified import Shown, identified
from tests.producers.moments import at_ms

NOON, NIGHT = at_ms("2026-07-05T16:00:00Z"), at_ms("2026-07-05T23:00:00Z")
YANKEES, RED_SOX = "New York Yankees", "Boston Red Sox"


def test_the_earlier_of_two_games_is_the_first_and_what_was_given_stays() -> None:
    identities = Identities("espn")
    shown = [Shown("b", "mlb", NIGHT, RED_SOX, YANKEES), Shown("a", "mlb", NOON, RED_SOX, YANKEES)]

    known, given = identified(shown, NOON, identities, lambda *_: None)
    again, nothing = identified([shown[0]._replace(starts_at_ms=NOON - 1)], NOON, identities, lambda *_: None)

    assert known == {"a": "mlb:2026-07-05:bos-nyy", "b": "mlb:2026-07-05:bos-nyy:2"}
    assert [event.source_id for event in given] == ["a", "b"]
    assert (again, nothing) == ({"b": known["b"]}, [])


def test_who_is_not_known_or_has_changed_sides_is_refused_with_its_id() -> None:
    identities = Identities("espn")
    identified([Shown("a", "mlb", NOON, RED_SOX, YANKEES)], NOON, identities, lambda *_: None)
    refused: list[tuple[str, str]] = []
    shown = [
        Shown("a", "mlb", NOON, YANKEES, RED_SOX),
        Shown("b", "mlb", NOON, RED_SOX, "Atlantis"),
        Shown("c", "cricket", NOON, RED_SOX, YANKEES),
    ]

    known, given = identified(shown, NOON, identities, lambda *why: refused.append(why))

    assert (known, given) == ({}, [])
    assert [where.rpartition("id ")[2] for _, where in refused] == ["a", "b", "c"]
    assert "sides" in refused[0][0]
    assert "Atlantis" in refused[1][0]
    assert "cricket" in refused[2][0]
