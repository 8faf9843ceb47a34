"""The whole HTTP API asked by its own document, what it allows and what not, of a gateway that has answers.

No answer may be a fault of ours, and each must be one that the document tells of. The requests are the same
each time.
"""

import json
from collections.abc import Iterator
from http import HTTPStatus
from itertools import islice
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, settings
from schemathesis.checks import load_all_checks, not_a_server_error
from schemathesis.specs.openapi.checks import positive_data_acceptance

from gateway import openapi
from pipeline.settings import Settings
from pipeline.topics import ANSWERS
from producers.simulator import simulate
from tests.gateway.evening import standing
from tests.gateway.running import Running, message, serving
from tests.make import T0
from tests.make_records import EVENT

EXAMPLES = 8
GAMES, MINUTES = 6, 8.0
#: May be refused though it is a text as the schema says: what counts is what it stands for.
MEANT = "cursor"


def document() -> dict[str, Any]:
    """The document, with events in it that there are: texts by chance would be none."""
    found: dict[str, Any] = json.loads(openapi.text())
    known = sorted({record.event_id for record in islice(simulate(1, GAMES, T0), 200)})
    made_up = {"type": "string", "minLength": 1, "maxLength": 60}
    found["components"]["parameters"]["event"]["schema"] = {"anyOf": [{"enum": [EVENT, *known]}, made_up]}
    return found


load_all_checks()
api = schemathesis.openapi.from_dict(document())


@pytest.fixture(scope="module")
def evening() -> Iterator[Running]:
    """A gateway with some minutes of a simulated evening, and an event of which everything is known."""
    with serving(Settings()) as running:
        places = standing(GAMES, MINUTES).values()
        running.publish(*(message(place.topic, place.offset, place.record) for place in places))
        running.publish(*(message(topic) for topic in ANSWERS))
        yield running


@api.parametrize()
@settings(
    max_examples=EXAMPLES,
    derandomize=True,
    deadline=None,
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=list(HealthCheck),
)
def test_every_answer_is_as_the_document_says(case: schemathesis.Case, evening: Running) -> None:
    answer = case.call(base_url=evening.http, timeout=60)
    # What is posted is judged by all of its fields together, and the registry takes nothing at all.
    may_be_refused = case.method == "POST" or MEANT in (case.query or {})
    excluded = [positive_data_acceptance] if may_be_refused else []
    if answer.status_code == HTTPStatus.NOT_IMPLEMENTED:  # there is no database here
        excluded += [not_a_server_error, positive_data_acceptance]
    case.validate_response(answer, excluded_checks=excluded)
