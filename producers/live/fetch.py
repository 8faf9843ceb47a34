"""One call over HTTP: three tries, and whatever can go wrong is one typed outcome.

A secret is added here and nowhere else, and taken out of whatever leaves: httpx's errors and logs carry URLs.
"""

import asyncio
import logging
import random
import re
from collections.abc import Awaitable, Callable, Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import NamedTuple, Protocol
from urllib.parse import quote

import httpx
import msgspec

from producers.live.call import Answer, Call, Failure, Why

TRIES = 3
CONNECT_S, READ_S = 5.0, 10.0
#: An answer that drips is read no longer than this, headers and body.
WHOLE_S = 30.0
#: Of a body, unpacked. A full Sunday of 40 books is some 2 MB.
MOST_BYTES = 16_000_000
MOST_REDIRECTS = 3
#: Before the second try; it doubles.
BACKOFF_S = 0.5
#: A source that asks for more patience is left alone by the loop, and no try waits for it here.
LONGEST_PAUSE_S = 5.0
#: However long it asks for.
LONGEST_WAIT_S = 900.0
_SERVER_IS_BUSY = {408, 425, 500, 502, 503, 504, 520, 521, 522, 523, 524}
_REDIRECTS = {301, 302, 303, 307, 308}
_UNFAMILIAR = re.compile(r"[^\x20-\x7e\u00a0-\uffff]+")

# They log every URL, and some sources want their key in it.
for noisy in ("httpx", "httpcore"):
    logging.getLogger(noisy).setLevel(logging.WARNING)


class Secret(NamedTuple):
    """A source's key, and the query parameter or header that it wants it in; empty for none."""

    value: str = ""
    query: str = ""
    header: str = ""

    def __repr__(self) -> str:
        return "Secret(***)" if self.value else "Secret()"

    def out_of(self, text: str) -> str:
        """The text without the key."""
        return (
            text.replace(self.value, "***").replace(quote(self.value, safe=""), "***") if self.value else text
        )

    def out_of_bytes(self, body: bytes) -> bytes:
        """The body without the key."""
        return body.replace(self.value.encode(), b"***") if self.value else body


class Validators(NamedTuple):
    """What an earlier answer said of its version, to ask for something newer only."""

    etag: str = ""
    last_modified: str = ""

    @classmethod
    def of(cls, headers: Mapping[str, str]) -> "Validators":
        """As an answer's headers have them."""
        return cls(headers.get("etag", ""), headers.get("last-modified", ""))

    def headers(self) -> dict[str, str]:
        """As a request has them."""
        given = {"If-None-Match": self.etag, "If-Modified-Since": self.last_modified}
        return {name: value for name, value in given.items() if value}


class Gate(Protocol):
    """What stands before each try and hears of its end: a source's own rate, its credits."""

    async def enter(self, call: Call) -> Failure | None:
        """Wait until it may be tried; the failure where it may not."""

    async def leave(self, call: Call, headers: Mapping[str, str] | None, sent: bool) -> None:
        """A try has ended: with these headers where there was an answer; whether anything was ever sent."""


class _Failed(Exception):
    """A try that came to nothing: why, in words, and whether another one may do better."""

    def __init__(self, why: Why, text: str, *, again: bool, wait_s: float = 0.0, sent: bool = True) -> None:
        super().__init__(text)
        self.why, self.text, self.again, self.wait_s, self.sent = why, text, again, wait_s, sent
        self.headers: Mapping[str, str] | None = None


class Fetcher:
    """Makes calls with one pool of connections."""

    def __init__(
        self,
        client: httpx.AsyncClient,
        now_ms: Callable[[], int],
        rng: random.Random,
        *,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        whole_s: float = WHOLE_S,
    ) -> None:
        self._client, self._now_ms, self._rng = client, now_ms, rng
        self._sleep, self._whole_s = sleep, whole_s

    async def fetch(self, call: Call, secret: Secret, known: Validators, gate: Gate) -> Answer | Failure:
        """The answer, or why there is none after all tries."""
        for attempt in range(TRIES):
            if (barred := await gate.enter(call)) is not None:
                return barred
            try:
                answer = await self._try(call, secret, known)
            except _Failed as failed:
                await gate.leave(call, failed.headers, failed.sent)
                pause_s = failed.wait_s or BACKOFF_S * 2**attempt * self._rng.uniform(0.5, 1.5)
                if not failed.again or attempt == TRIES - 1 or pause_s > LONGEST_PAUSE_S:
                    text = secret.out_of(f"{call.name}: {failed.text}")
                    return Failure(call, failed.why, text, self._now_ms(), failed.wait_s)
                await self._sleep(pause_s)
            else:
                await gate.leave(call, answer.headers, sent=True)
                return answer
        raise AssertionError("the last try returns")

    async def _try(self, call: Call, secret: Secret, known: Validators) -> Answer:
        """One try. Raises _Failed."""
        try:
            async with asyncio.timeout(self._whole_s):
                return await self._ask(call, secret, known)
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
            why = Why.CONNECTION if isinstance(error, httpx.ConnectError) else Why.TIMEOUT
            raise _Failed(why, f"no connection ({_kind(error)})", again=True, sent=False) from None
        except TimeoutError:
            raise _Failed(Why.TIMEOUT, f"not whole after {self._whole_s:g} s", again=True) from None
        except httpx.TimeoutException as error:
            raise _Failed(Why.TIMEOUT, f"no answer in time ({_kind(error)})", again=True) from None
        except httpx.DecodingError:
            raise _Failed(Why.UNREADABLE, "its compression cannot be undone", again=True) from None
        except (httpx.InvalidURL, httpx.UnsupportedProtocol) as error:
            text = f"its address cannot be asked ({_kind(error)})"
            raise _Failed(Why.REFUSED, text, again=False, sent=False) from None
        except (httpx.HTTPError, httpx.StreamError) as error:
            raise _Failed(Why.CONNECTION, f"the connection broke ({_kind(error)})", again=True) from None

    async def _ask(self, call: Call, secret: Secret, known: Validators) -> Answer:
        url = httpx.URL(call.url).copy_merge_params(httpx.QueryParams(call.params))
        headers = known.headers()
        if secret.header and secret.value:
            headers[secret.header] = secret.value
        asked_at_ms = self._now_ms()
        for _ in range(MOST_REDIRECTS + 1):
            keyed = url.copy_merge_params({secret.query: secret.value}) if secret.query else url
            async with self._client.stream("GET", keyed, headers=headers) as response:
                if response.status_code in _REDIRECTS:
                    url = _on_the_same_host(url, response)
                    continue
                try:
                    return await self._read(call, secret, response, asked_at_ms)
                except _Failed as failed:
                    failed.headers = response.headers
                    raise
        raise _Failed(Why.REFUSED, f"more than {MOST_REDIRECTS} redirects", again=False)

    async def _read(self, call: Call, secret: Secret, response: httpx.Response, asked_at_ms: int) -> Answer:
        """The whole answer. Raises _Failed where its status is no success or it is too large."""
        status = response.status_code
        if status == 304:
            return Answer(call, status, response.headers, None, asked_at_ms, self._now_ms())
        body = bytearray()
        async for piece in response.aiter_bytes():
            body += piece
            if len(body) > MOST_BYTES:
                raise _Failed(Why.TOO_LARGE, f"more than {MOST_BYTES:,} bytes", again=False)
        if 200 <= status < 300:
            whole = secret.out_of_bytes(bytes(body))
            return Answer(call, status, response.headers, whole, asked_at_ms, self._now_ms())
        wait_s = retry_after_s(response.headers, self._now_ms())
        text = f"{status} {_said(secret.out_of_bytes(bytes(body)))}".strip()
        if status in (401, 403):
            raise _Failed(Why.UNAUTHORIZED, text, again=False)
        if status == 429:
            raise _Failed(Why.TOO_MANY, text, again=True, wait_s=wait_s)
        if status in _SERVER_IS_BUSY:
            raise _Failed(Why.SERVER, text, again=True, wait_s=wait_s)
        raise _Failed(Why.SERVER if status >= 500 else Why.REFUSED, text, again=False)


def client(read_s: float = READ_S) -> httpx.AsyncClient:
    """The pool that all sources share."""
    return httpx.AsyncClient(
        timeout=httpx.Timeout(read_s, connect=CONNECT_S),
        limits=httpx.Limits(max_connections=20, max_keepalive_connections=20),
        headers={"User-Agent": "sharpline", "Accept": "application/json"},
        follow_redirects=False,
    )


def retry_after_s(headers: Mapping[str, str], now_ms: int) -> float:
    """How long a source asks to be left alone, capped; 0 where it does not say.

    A date is counted from the source's own clock where it tells that, which may not be ours.
    """
    given = headers.get("retry-after", "").strip()
    if not given:
        return 0.0
    if given.isascii() and given.isdigit():
        return min(float(given), LONGEST_WAIT_S)
    until = _date(given)
    if until is None:
        return 0.0
    since = _date(headers.get("date", "")) or datetime.fromtimestamp(now_ms / 1000, UTC)
    return min(max(0.0, (until - since).total_seconds()), LONGEST_WAIT_S)


def _date(text: str) -> datetime | None:
    try:
        at = parsedate_to_datetime(text)
    except ValueError:
        return None
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def _on_the_same_host(url: httpx.URL, response: httpx.Response) -> httpx.URL:
    """Where a redirect leads. Raises _Failed where that is another host: it must not be given the key."""
    try:
        target = url.join(response.headers.get("location", ""))
    except httpx.InvalidURL:
        raise _Failed(Why.REFUSED, "a redirect to no address", again=False) from None
    upgraded = target.host == url.host and (url.scheme, target.scheme) == ("http", "https")
    if upgraded or (target.scheme, target.host, target.port) == (url.scheme, url.host, url.port):
        return target
    raise _Failed(Why.REFUSED, f"{response.status_code} redirects to another host", again=False)


def _said(body: bytes) -> str:
    """A source's own words on what is wrong, short; nothing of a page that is meant for a browser."""
    try:
        said = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return ""
    words = [said.get(name) for name in ("error_code", "message")] if isinstance(said, dict) else []
    return _UNFAMILIAR.sub(" ", " ".join(word for word in words if isinstance(word, str)))[:200]


def _kind(error: Exception) -> str:
    return type(error).__name__
