import asyncio
import logging
import random
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.responses import RedirectResponse, Response

from producers.live.call import Answer, Call, Failure, Why
from producers.live.fetch import (
    LONGEST_WAIT_S,
    MOST_BYTES,
    TRIES,
    Fetcher,
    Secret,
    Validators,
    client,
    retry_after_s,
)
from tests.producers import faults
from tests.producers.faults import Fault, Service

KEY = "0123456789abcdef"
PATH = "/odds"
BODY = b'[{"id": "one", "home_team": "Kansas City Chiefs"}]'
NOW_MS = 1_757_868_600_000
IN_QUERY, UNKNOWN = Secret(KEY, query="apiKey"), Validators()


class Gate:
    """Lets everything through and writes down what it hears."""

    def __init__(self, *, bars: bool = False) -> None:
        self.bars, self.entered = bars, 0
        self.left: list[tuple[bool, bool]] = []

    async def enter(self, call: Call) -> Failure | None:
        self.entered += 1
        return Failure(call, Why.QUOTA, "the credits are spent", NOW_MS) if self.bars else None

    async def leave(self, call: Call, headers: Mapping[str, str] | None, sent: bool) -> None:
        self.left.append((headers is not None, sent))


class Asking:
    """A fetcher against a service, and the pauses that it made."""

    def __init__(self, service: Service) -> None:
        self.service, self.gate, self.pauses_s = service, Gate(), list[float]()

    def __call__(
        self, *script: Fault, secret: Secret = IN_QUERY,
        known: Validators = UNKNOWN, url: str = "",
    ) -> Answer | Failure:  # fmt: skip
        self.service.script[PATH].extend(script)
        call = Call("the-odds-api", "odds nfl", url or self.service.url + PATH, (("regions", "us"),))
        return asyncio.run(self._ask(call, secret, known))

    async def _ask(self, call: Call, secret: Secret, known: Validators) -> Answer | Failure:
        async with client(read_s=1.0) as http:
            fetcher = Fetcher(http, lambda: NOW_MS, random.Random(7), sleep=self._pause, whole_s=1.5)
            return await fetcher.fetch(call, secret, known, self.gate)

    async def _pause(self, seconds: float) -> None:
        self.pauses_s.append(seconds)


@pytest.fixture
def ask() -> Iterator[Asking]:
    service = Service()
    service.bodies[PATH] = BODY
    with faults.served(service) as up:
        yield Asking(up)


def failure(outcome: Answer | Failure) -> Failure:
    assert isinstance(outcome, Failure)
    return outcome


def answer(outcome: Answer | Failure) -> Answer:
    assert isinstance(outcome, Answer)
    return outcome


def test_an_answer_comes_whole_with_its_parameters_and_key_asked_for(ask: Asking) -> None:
    assert answer(ask()).body == BODY
    assert ask.service.asked[0].query == {"regions": "us", "apiKey": KEY}
    assert ask.gate.left == [(True, True)]


def test_a_key_may_go_into_a_header(ask: Asking) -> None:
    ask(secret=Secret(KEY, header="X-Auth-Token"))

    asked = ask.service.asked[0]
    assert asked.headers["x-auth-token"] == KEY
    assert asked.query == {"regions": "us"}


@pytest.mark.parametrize(
    "fault",
    [
        pytest.param(faults.status(429), id="429 without Retry-After"),
        pytest.param(faults.status(429, retry_after="1"), id="429 that asks for a second"),
        pytest.param(faults.status(500), id="500"),
        pytest.param(faults.status(503), id="503"),
        pytest.param(faults.drip(0.2), id="slow bytes"),
        pytest.param(faults.cut, id="cut connection"),
    ],
)
def test_what_may_pass_is_tried_again(ask: Asking, fault: Fault) -> None:
    assert answer(ask(fault, fault)).body == BODY
    assert ask.service.count(PATH) == TRIES
    assert ask.gate.entered == TRIES


@pytest.mark.parametrize(
    ("fault", "why"),
    [
        pytest.param(faults.status(401), Why.UNAUTHORIZED, id="401"),
        pytest.param(faults.status(422), Why.REFUSED, id="422"),
        pytest.param(faults.status(501), Why.SERVER, id="501"),
        pytest.param(faults.body(b" " * (MOST_BYTES + 1)), Why.TOO_LARGE, id="too large"),
        pytest.param(lambda _: RedirectResponse("https://other.example/odds"), Why.REFUSED, id="redirect"),
        pytest.param(lambda _: RedirectResponse("http://127.0.0.1:1/odds"), Why.REFUSED, id="another port"),
    ],
)
def test_what_will_not_pass_is_not_tried_again(ask: Asking, fault: Fault, why: Why) -> None:
    assert failure(ask(fault)).why is why
    assert ask.service.count(PATH) == 1


@pytest.mark.parametrize(
    ("fault", "why"),
    [
        pytest.param(faults.status(429), Why.TOO_MANY, id="429"),
        pytest.param(faults.status(500), Why.SERVER, id="500"),
        pytest.param(faults.drip(0.2), Why.TIMEOUT, id="slow bytes"),
        pytest.param(faults.cut, Why.CONNECTION, id="cut connection"),
        pytest.param(
            lambda _: Response(b"no gzip", headers={"Content-Encoding": "gzip"}), Why.UNREADABLE, id="no gzip"
        ),
    ],
)
def test_what_lasts_is_a_failure_after_three_tries(ask: Asking, fault: Fault, why: Why) -> None:
    failed = failure(ask(*[fault] * TRIES))

    assert failed.why is why
    assert ask.service.count(PATH) == TRIES


def test_pauses_between_tries_grow(ask: Asking) -> None:
    ask(*[faults.status(500)] * TRIES)

    first_s, second_s = ask.pauses_s
    assert 0.25 <= first_s <= 0.75
    assert 0.5 <= second_s <= 1.5


def test_who_asks_for_a_minute_is_given_it_by_the_loop(ask: Asking) -> None:
    failed = failure(ask(faults.status(429, retry_after="60")))

    assert (failed.why, failed.wait_s) == (Why.TOO_MANY, 60.0)
    assert ask.pauses_s == []
    assert ask.service.count(PATH) == 1


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        pytest.param({}, 0.0, id="none"),
        pytest.param({"retry-after": "7"}, 7.0, id="seconds"),
        pytest.param({"retry-after": "99999"}, LONGEST_WAIT_S, id="a day"),
        pytest.param({"retry-after": "-5"}, 0.0, id="below zero"),
        pytest.param({"retry-after": "soon"}, 0.0, id="a word"),
        pytest.param({"retry-after": "Sun, 14 Sep 2025 16:50:30 GMT"}, 30.0, id="a date"),
        pytest.param({"retry-after": "Sun, 14 Sep 2025 16:00:00 GMT"}, 0.0, id="a date that is over"),
        pytest.param(
            {"retry-after": "Sun, 14 Sep 2025 16:45:30 GMT", "date": "Sun, 14 Sep 2025 16:45:00 GMT"},
            30.0,
            id="a date of a clock five minutes behind",
        ),
    ],
)
def test_how_long_a_source_asks_to_be_left_alone(headers: dict[str, str], seconds: float) -> None:
    assert retry_after_s(headers, NOW_MS) == seconds


@given(st.text(max_size=40))
def test_whatever_a_source_says_a_wait_is_bounded(text: str) -> None:
    assert 0.0 <= retry_after_s({"retry-after": text}, NOW_MS) <= LONGEST_WAIT_S


def test_what_has_not_changed_has_no_body(ask: Asking) -> None:
    ask.service.versions = True
    first = answer(ask())

    again = answer(ask(known=Validators.of(first.headers)))

    assert (again.status, again.body) == (304, None)


def test_a_redirect_on_the_same_host_keeps_the_key(ask: Asking) -> None:
    ask.service.bodies["/v4/odds"] = b"[]"

    assert answer(ask(lambda _: RedirectResponse("/v4/odds"))).body == b"[]"
    assert ask.service.asked[-1].query["apiKey"] == KEY


def test_redirects_in_a_circle_end(ask: Asking) -> None:
    assert failure(ask(*[lambda _: RedirectResponse(PATH)] * 10)).why is Why.REFUSED


def test_where_nobody_listens_nothing_was_sent(ask: Asking) -> None:
    failed = failure(ask(url="http://127.0.0.1:1/odds"))

    assert failed.why is Why.CONNECTION
    assert ask.gate.left == [(False, False)] * TRIES


def test_what_the_gate_bars_is_not_asked(ask: Asking) -> None:
    ask.gate.bars = True

    assert failure(ask()).why is Why.QUOTA
    assert ask.service.asked == []


def test_the_sources_own_words_are_told(ask: Asking) -> None:
    said = {"message": "Usage quota has been reached.", "error_code": "OUT_OF_USAGE_CREDITS"}

    text = failure(ask(faults.status(401, said=said))).text

    assert text == "odds nfl: 401 OUT_OF_USAGE_CREDITS Usage quota has been reached."


def test_a_key_is_in_no_failure_no_answer_and_no_log(ask: Asking, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    echoed: dict[str, Any] = {"message": f"{'x' * 190}{KEY} is not valid"}
    scripts: list[list[Fault]] = [
        [faults.status(401, said=echoed)],
        [faults.cut] * TRIES,
        [faults.drip(0.2)] * TRIES,
        [lambda _: RedirectResponse(f"https://other.example/?apiKey={KEY}")],
        [faults.body(f'{{"apiKey": "{KEY}"}}'.encode())],
    ]

    outcomes = [ask(*script) for script in scripts] + [ask(url="ht!tp://no address")]

    assert KEY[:8] not in repr(outcomes) + caplog.text
    assert KEY not in repr(Secret(KEY, query="apiKey"))
    assert not [record for record in caplog.records if record.name.startswith(("httpx", "httpcore"))]
