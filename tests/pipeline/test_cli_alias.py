import pytest
from click.testing import CliRunner

from pipeline.cli.alias import alias, check_name, unmatched, waiting
from pipeline.cluster import create_topics
from pipeline.errors import UsageError
from pipeline.records import UnmatchedState
from pipeline.replay.append import append
from pipeline.replay.current import current
from pipeline.settings import Settings
from tests.make_records import AT_MS, example


@pytest.mark.parametrize(
    ("league", "name", "team", "source", "sentence"),
    [
        pytest.param("nlf", "KC", "kc", "", "there is no league 'nlf'", id="league"),
        pytest.param("nfl", "KC", "kcc", "", "no team of nfl has the code 'kcc'", id="team"),
        pytest.param("nfl", "KC", "kc", "epsn", "there is no source 'epsn'", id="source"),
        pytest.param("nfl", " ", "kc", "", "an empty name", id="no name"),
        pytest.param("epl", "Arsenal Women", "arsenal", "", "a side of women, and arsenal", id="women"),
        pytest.param("epl", "Arsenal U21", "arsenal", "", "a side of young, and arsenal", id="young"),
    ],
)
def test_a_name_that_cannot_mean_this_team_is_refused(
    league: str, name: str, team: str, source: str, sentence: str
) -> None:
    with pytest.raises(UsageError, match=sentence):
        check_name(league, name, team, source, is_new=False)


def test_a_new_team_has_a_code_that_event_ids_can_hold() -> None:
    check_name("epl", "Marine", "marine", "", is_new=True)
    with pytest.raises(UsageError, match="is no code of a team"):
        check_name("epl", "Marine", "Marine FC", "", is_new=True)


@pytest.mark.kafka
def test_what_a_person_says_is_in_the_log_and_listed(fresh_kafka: str) -> None:
    create_topics(fresh_kafka, Settings(), [])

    def run(*arguments: str) -> str:
        result = CliRunner().invoke(alias, [*arguments, "--kafka", fresh_kafka], catch_exceptions=False)
        assert result.exit_code == 0
        return result.output

    assert run("list") == "nothing was said\n"
    assert run("add", "nfl", "KC  Chiefs", "kc", "--source", "espn").startswith("'KC  Chiefs' is kc in nfl")
    run("add", "nfl", "kc chiefs", "kc", "--source", "espn")  # the same key: the newest word holds
    run("event", "espn", "401", "nfl:2025-09-14:kc-phi")

    said = current(fresh_kafka, "sources.aliases")
    assert set(said) == {"nfl|espn|kc chiefs", "espn|401"}
    assert said["nfl|espn|kc chiefs"].team == "kc"
    assert said["espn|401"].event_id == "nfl:2025-09-14:kc-phi"
    assert "kc chiefs" in run("list")
    assert '"origin":"sharpline alias"' in run("list", "--json")


@pytest.mark.kafka
def test_what_waits_is_listed_the_longest_first(fresh_kafka: str) -> None:
    create_topics(fresh_kafka, Settings(), [])
    states = [("new", AT_MS, UnmatchedState.WAITING), ("old", AT_MS - 1, UnmatchedState.WAITING)]
    states += [("solved", AT_MS - 2, UnmatchedState.SOLVED), ("over", AT_MS - 3, UnmatchedState.GIVEN_UP)]
    for source_id, since_ms, state in states:
        append(fresh_kafka, example("sources.unmatched", source_id=source_id, since_ms=since_ms, state=state))

    shown = CliRunner().invoke(unmatched, ["--kafka", fresh_kafka], catch_exceptions=False)

    assert [one.source_id for one in waiting(fresh_kafka)] == ["old", "new"]
    assert "KC Chiefs = kc 0.91" in shown.output
