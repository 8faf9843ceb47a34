"""The page in a headless browser, over a gateway without Kafka. `make browser` installs what this needs."""

import json
import shutil
import subprocess
from collections.abc import Iterator
from typing import Any

import httpx
import msgspec
import pytest

from gateway.answers import Message, wall_ms
from gateway.http import static
from pipeline.codec import encode
from pipeline.records import Change, ChangeKind
from pipeline.topics import partition_of
from tests.conftest import ROOT
from tests.gateway.evening import standing
from tests.gateway.running import Running, gateway, message
from tests.make_records import example

__all__ = ["gateway"]

MODULES = static.LIBRARY.parents[1]
AXE = """
await page.evaluate(axe);
const { violations } = await page.evaluate(() => axe.run());
const grave = violations.filter(({ impact }) => ["serious", "critical"].includes(impact));
return grave.map(({ id, nodes }) => [id, nodes[0].html]);
"""


class Browser:
    """A browser in a process of its own. ``do`` runs JavaScript that has `page`; gives what it returns."""

    def __init__(self, node: str, chromium: str) -> None:
        command = [node, str(ROOT / "tests" / "page" / "browser.mjs"), str(MODULES), chromium]
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def do(self, lines: str) -> Any:
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps(lines) + "\n")
        self.process.stdin.flush()
        said = json.loads(self.process.stdout.readline())
        assert "error" not in said, said["error"]
        return said["given"]

    def look(self, address: str, width: int = 1440, scheme: str = "light") -> None:
        self.do(
            f"await page.setViewportSize({{ width: {width}, height: 900 }});"
            f"await page.emulateMedia({{ colorScheme: {json.dumps(scheme)} }});"
            f"await page.goto({json.dumps(address)});"
            "await page.reload();"
        )

    def until(self, condition: str) -> None:
        """Wait until something holds of the page; the error names what did not."""
        # Playwright's own wait evaluates text in the page, which the page's policy forbids.
        self.do(
            f"for (const end = Date.now() + 30_000; !(await page.evaluate(() => {condition})); ) {{"
            f"if (Date.now() > end) throw new Error({json.dumps('not so: ' + condition)} + errors.join());"
            "await page.waitForTimeout(50); }"
        )


@pytest.fixture
def browser() -> Iterator[Browser]:
    node = shutil.which("node")
    chromium = shutil.which("chromium-headless-shell") or shutil.which("chromium")
    if node is None or chromium is None or not (MODULES / "playwright-core").is_dir():
        pytest.skip("no browser: apt-get install chromium-headless-shell, then make browser")
    found = Browser(node, chromium)
    yield found
    assert found.process.stdin is not None
    found.process.stdin.close()
    found.process.wait(60)


def state(revision: int, **fields: Any) -> Message:
    made = example("games.states")
    return message("games.states", revision, msgspec.structs.replace(made, revision=revision, **fields))


@pytest.fixture
def evening(gateway: Running) -> Running:
    """A gateway that holds a simulated evening as it stood after 40 minutes."""
    found = []
    for answer in standing(6, 40.0).values():
        key, value = encode(answer.topic, answer.record)
        place = partition_of(key.decode(), 4)
        found.append(Message(answer.topic, key.decode(), place, answer.offset, wall_ms(), value))
    gateway.publish(*found)
    return gateway


@pytest.mark.parametrize("width", [375, 768, 1440])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_views_fit_the_screen_and_are_accessible(
    evening: Running, browser: Browser, width: int, scheme: str
) -> None:
    event = httpx.get(f"{evening.http}/v1/events").json()["events"][0]["event"]
    for view in ("", "value", "arbitrage", f"game/{event}"):
        browser.look(f"{evening.http}/#/{view}", width, scheme)
        browser.until("document.getElementById('connection').dataset.state === 'live'")
        browser.until("document.querySelector('.game, .table h2 .count')")

        assert (
            browser.do("return page.evaluate(() => document.documentElement.scrollWidth - innerWidth)") <= 0
        ), view
        assert browser.do(AXE) == [], view
    assert browser.do("return errors") == []


def test_tables_are_what_the_api_says(evening: Running, browser: Browser) -> None:
    wanted = httpx.get(f"{evening.http}/v1/value-bets?limit=1000").json()["value_bets"]

    browser.look(f"{evening.http}/#/value")
    browser.until(f"document.querySelector('.table tbody').children.length === {len(wanted)}")
    shown = browser.do(
        "return page.evaluate(() => [...document.querySelector('.table tbody').children]"
        ".map((row) => [row.children[2].textContent, row.children[3].textContent]))"
    )

    assert wanted, "an evening without a value bet shows nothing"
    expected = [[row["bet"]["book"], row["bet"]["price"]] for row in wanted]
    assert sorted([book, float(price)] for book, price in shown) == sorted(
        [book, round(price, 2 if price < 10 else 1)] for book, price in expected
    )


def test_a_withdrawn_bet_is_struck_out_with_why(gateway: Running, browser: Browser) -> None:
    bets = example("bets.value")
    gateway.publish(message("bets.value", 1, bets))
    browser.look(f"{gateway.http}/#/value")
    browser.until("document.querySelectorAll('.table tbody tr:not(.gone)').length === 2")  # one is held back

    change = Change(id=bets.bets[0].id, change=ChangeKind.WITHDRAWN, reason="suspended")
    left = msgspec.structs.replace(bets, revision=8, bets=(), changes=(change,))
    gateway.publish(message("bets.value", 2, left))

    browser.until("document.querySelector('tr.gone .why')?.textContent === 'gone: suspended'")


def test_a_goal_taken_back_takes_its_mark_back(gateway: Running, browser: Browser) -> None:
    event = example("games.states").event_id
    happened = "[...document.querySelectorAll('td[data-title=What]')]"
    scored = f"{happened}.some((cell) => cell.textContent === 'touchdown')"
    gateway.publish(state(7))
    browser.look(f"{gateway.http}/#/game/{event}")
    browser.until("document.querySelector('.head .score')?.textContent === '7 – 3'")
    browser.until(f"{happened}.length === 1")

    gateway.publish(state(8, home_score=13, text="touchdown", source_event_id="8"))
    browser.until(scored)
    gateway.publish(state(9, home_score=7, text="no touchdown", source_event_id="9"))

    browser.until(f"document.querySelector('.head .score').textContent === '7 – 3' && !({scored})")


def test_a_lost_connection_is_said(gateway: Running, browser: Browser) -> None:
    gateway.publish(state(7))
    browser.look(f"{gateway.http}/#/")
    browser.until("document.querySelector('.game')")

    gateway.server.should_exit = True

    browser.until("document.getElementById('connection').textContent.startsWith('Connection lost')")
    assert browser.do("return page.isVisible('.game')")
