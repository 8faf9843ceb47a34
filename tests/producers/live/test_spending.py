"""``sharpline quota``."""

import json
import time

import pytest
from click.testing import CliRunner

from pipeline import cluster
from pipeline.settings import Settings
from pipeline.stages import STAGES
from producers.live.call import Call
from producers.live.ledger import NOTHING_SPENT, Account, spent
from producers.live.quota import KafkaQuota
from producers.live.spending import as_text, main, spending
from tests.producers.live.test_ledger import NOON, at, reserved, settled

SOURCE = "the-odds-api"


def test_an_account_as_a_person_reads_it() -> None:
    ledger = NOTHING_SPENT
    for entry in (
        reserved(30, 100),
        reserved(6, 100, call="odds nba"),
        settled(used=40, remaining=60),
        reserved(90, 100),
    ):
        ledger = spent(ledger, entry)

    assert as_text(spending(SOURCE, Account(100), ledger, at("2026-03-11"))).splitlines() == [
        "the-odds-api",
        "  budget            100  until 2026-04-01 00:00Z",
        "  spent              40 (40%)",
        "  left               60",
        "  projected         148  more than there is",
        "  calls               2  1 unanswered, 1 refused",
        "               30  odds nfl",
        "                6  odds nba",
        "                4  not by calls of ours, as the source counts",
    ]


def test_an_account_of_which_nothing_is_known_is_untouched() -> None:
    one = spending(SOURCE, Account(500), NOTHING_SPENT, NOON)

    assert (one.spent, one.left, one.projected) == (0, 500, 0)


@pytest.mark.parametrize(
    ("arguments", "environment", "reason"),
    [
        (["--source", "espn"], {}, "'espn' has no account in SHARPLINE_CREDITS; there are the-odds-api"),
        ([], {}, "no Kafka named"),
        ([], {"SHARPLINE_CREDITS": "the-odds-api=many"}, "SHARPLINE_CREDITS has"),
    ],
)
def test_what_cannot_be_told_is_one_sentence(
    arguments: list[str], environment: dict[str, str], reason: str
) -> None:
    result = CliRunner().invoke(main, arguments, env={"SHARPLINE_KAFKA": None, **environment})

    assert result.exit_code == 2
    assert reason in result.stderr


@pytest.mark.kafka
def test_the_command_reads_the_ledger(fresh_kafka: str) -> None:
    cluster.create_topics(fresh_kafka, Settings(), STAGES.values())
    now_ms = time.time_ns() // 1_000_000
    quota = KafkaQuota(fresh_kafka, {SOURCE: Account(500)}, now_ms)
    assert quota.reserve(Call(SOURCE, "odds nfl", "https://127.0.0.1", cost=3), now_ms)
    quota.close()

    result = CliRunner().invoke(main, ["--json", "--kafka", fresh_kafka])

    told = json.loads(result.stdout)
    assert (told["spent"], told["left"], told["by_call"]) == (3, 497, {"odds nfl": 3})
