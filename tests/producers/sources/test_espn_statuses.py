import pytest

from pipeline.errors import Refused
from pipeline.records import GameStatus
from pipeline.records.kinds import EVENT_KINDS
from producers.sources.espn_statuses import Type, standing


@pytest.mark.parametrize(
    ("name", "state", "completed", "status", "kind"),
    [
        ("STATUS_SCHEDULED", "pre", False, GameStatus.SCHEDULED, "scheduled"),
        ("STATUS_DELAYED", "pre", False, GameStatus.SCHEDULED, "delayed"),
        ("STATUS_DELAYED", "in", False, GameStatus.SUSPENDED, "suspension"),
        ("STATUS_RAIN_DELAY", "in", False, GameStatus.SUSPENDED, "suspension"),
        ("STATUS_IN_PROGRESS", "in", False, GameStatus.LIVE, "clock"),
        ("STATUS_HALFTIME", "in", False, GameStatus.LIVE, "period_end"),
        ("STATUS_END_PERIOD", "in", False, GameStatus.LIVE, "period_end"),
        ("STATUS_SHOOTOUT", "in", False, GameStatus.LIVE, "clock"),
        ("STATUS_FINAL", "post", True, GameStatus.FINAL, "final"),
        ("STATUS_FULL_TIME", "post", True, GameStatus.FINAL, "final"),
        ("STATUS_FINAL_PEN", "post", True, GameStatus.FINAL, "final"),
        ("STATUS_POSTPONED", "post", False, GameStatus.POSTPONED, "postponed"),
        ("STATUS_POSTPONED", "pre", False, GameStatus.POSTPONED, "postponed"),
        ("STATUS_CANCELED", "post", False, GameStatus.CANCELLED, "cancelled"),
        ("STATUS_ABANDONED", "post", True, GameStatus.ABANDONED, "abandoned"),
        ("STATUS_SUSPENDED", "post", False, GameStatus.SUSPENDED, "suspension"),
    ],
)
def test_each_word_of_espn_for_how_a_game_stands(
    name: str, state: str, completed: bool, status: GameStatus, kind: str
) -> None:
    assert standing(Type(name, state, completed)) == (status, kind)
    assert kind in EVENT_KINDS


@pytest.mark.parametrize(
    ("name", "state", "completed"),
    [
        pytest.param("STATUS_COFFEE_BREAK", "in", False, id="a word nobody has met"),
        pytest.param("STATUS_FORFEIT", "post", True, id="a result that was not played"),
        pytest.param("STATUS_SCHEDULED", "in", False, id="scheduled and in play"),
        pytest.param("STATUS_IN_PROGRESS", "post", False, id="in play and over"),
        pytest.param("STATUS_FINAL", "post", False, id="final and not completed"),
        pytest.param("STATUS_DELAYED", "post", False, id="delayed and over"),
    ],
)
def test_a_word_that_is_not_known_or_contradicts_itself_is_refused(
    name: str, state: str, completed: bool
) -> None:
    with pytest.raises(Refused, match=f"'{name}'.*espn_statuses"):
        standing(Type(name, state, completed))
