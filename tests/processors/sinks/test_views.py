"""docs/history.md: each of its questions is asked of what a simulated evening leaves, and has an answer."""

import re
from collections import defaultdict
from contextlib import closing
from typing import Any

import pytest

from pipeline.codec import encode
from pipeline.records import ChangeKind
from pipeline.replay.archive import Message
from processors.sinks import database
from processors.sinks.database import Writer
from processors.sinks.entries import entry
from tests.conftest import ROOT
from tests.gateway.evening import answers
from tests.make_records import example
from tests.postgres import asked, fresh_database

TEXT = (ROOT / "docs" / "history.md").read_text()
QUESTIONS = dict(re.findall(r"\n([^\n]+):\n\n```sql\n(.*?)```", TEXT, re.DOTALL))
EXAMPLE_EVENT = "sim-nba:2025-09-14:pin-umb"
GAMES, MINUTES = 6, 40.0


def stored(url: str, messages: list[Message]) -> None:
    with closing(database.connect(url)) as connection:
        database.migrate(connection)
        writer = Writer(connection, database.logs(connection, {one.topic: "evening" for one in messages}))
        entries = [
            entry((one.topic, one.partition, one.offset), *encode(one.topic, one.record), one.at_ms)
            for one in messages
        ]
        assert writer.write(entries, {}) == len(messages)


@pytest.fixture(scope="module")
def evening() -> list[Message]:
    """Answers of some minutes of simulated games, and one result, since none of them has ended."""
    found = [message for message in answers(GAMES, MINUTES) if message.record is not None]
    return [*found, Message("bets.results", "", 0, 10**6, found[-1].at_ms, example("bets.results"))]


@pytest.fixture(scope="module")
def url(postgres_server: str, evening: list[Message]) -> str:
    url = fresh_database(postgres_server)
    stored(url, evening)
    return url


def test_there_are_five_questions() -> None:
    assert len(QUESTIONS) == 5


@pytest.mark.parametrize("question", QUESTIONS)
def test_each_question_has_an_answer(url: str, evening: list[Message], question: str) -> None:
    query = QUESTIONS[question]
    live = next(one.record.event_id for one in evening if one.topic == "games.probabilities")

    assert asked(url, query.replace(EXAMPLE_EVENT, live)), question


def test_probabilities_are_those_that_were_published(url: str, evening: list[Message]) -> None:
    said = [one.record for one in evening if one.topic == "games.probabilities"]

    query = (
        "SELECT event, revision, home, regulation_draw, impact, home_score FROM probabilities ORDER BY 1, 2"
    )
    assert asked(url, query) == sorted(
        (
            one.event_id,
            one.revision,
            one.game[0] if one.game else None,
            one.regulation[2] if one.regulation else None,
            one.impact,
            one.home_score,
        )
        for one in said
    )


@pytest.mark.parametrize(
    ("view", "topic", "listed"),
    [("value_changes", "bets.value", "bets"), ("arbitrage_changes", "bets.arbitrage", "arbitrages")],
)
def test_changes_are_those_that_were_published_with_their_terms(
    url: str, evening: list[Message], view: str, topic: str, listed: str
) -> None:
    expected = []
    for one in evening:
        if one.topic == topic:
            terms = {each.id: each for each in getattr(one.record, listed)}
            for change in one.record.changes:
                line = terms[change.id].line if change.id in terms else None
                expected.append(
                    (one.record.event_id, one.record.revision, change.id, change.change, change.reason, line)
                )
    kinds = {change for _, _, _, change, _, _ in expected}

    found = asked(url, f"SELECT event, revision, id, change, reason, line FROM {view}")

    assert ChangeKind.OPENED in kinds
    assert ChangeKind.WITHDRAWN in kinds
    assert sorted(found, key=str) == sorted(expected, key=str)


def test_of_a_batch_that_was_done_again_the_later_answer_holds(postgres_server: str) -> None:
    url = fresh_database(postgres_server)
    lost = example("bets.value")
    again = example("bets.value", changes=(*lost.changes, *lost.changes))
    stored(url, [Message("bets.value", "", 0, offset, 0, one) for offset, one in enumerate((lost, again))])

    changes = defaultdict[Any, int](int)
    for id, change in asked(url, "SELECT id, change FROM value_changes"):
        changes[id, change] += 1

    assert set(changes.values()) == {2}
    assert len(changes) == len(lost.changes)


def test_a_result_that_was_taken_back_is_told_as_it_is_now(postgres_server: str) -> None:
    url = fresh_database(postgres_server)
    first, then = example("bets.results", profit=0.9), example("bets.results", profit=-1.0, revision=9)
    stored(url, [Message("bets.results", "", 0, offset, 0, one) for offset, one in enumerate((first, then))])

    assert asked(url, "SELECT revision, profit FROM results") == [(9, -1.0)]
