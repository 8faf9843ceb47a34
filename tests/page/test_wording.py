"""What the page makes of numbers without a browser: its modules, run by Node."""

import json
import shutil
import subprocess
from typing import Any

import pytest

from tests.conftest import ROOT

RUNNER = """
const [module, lines] = JSON.parse(process.argv[1]);
const { default: _, ...given } = await import(module);
console.log(JSON.stringify(new Function(...Object.keys(given), lines)(...Object.values(given))));
"""


def ran(module: str, lines: str) -> Any:
    """What lines of JavaScript return that may use everything of a module of the page."""
    node = shutil.which("node")
    assert node is not None, (
        "the page is tested in Node: install 20.10 or later (Debian: apt-get install nodejs)"
    )
    address = (ROOT / "gateway" / "page" / module).as_uri()
    command = [
        node,
        "--no-warnings",
        "--experimental-default-type=module",
        "--input-type=module",
        "--eval",
        RUNNER,
    ]
    done = subprocess.run(
        [*command, json.dumps([address, lines])], capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize(
    ("decimal", "written"),
    [
        (1.5, ["1.50", "−200", "1/2"]),
        (2.0, ["2.00", "+100", "1/1"]),
        (2.5, ["2.50", "+150", "3/2"]),
        (1.909, ["1.91", "−110", "10/11"]),
        (12.0, ["12.0", "+1100", "11/1"]),
        (0, ["–", "–", "–"]),
    ],
)
def test_prices_in_three_notations(decimal: float, written: list[str]) -> None:
    lines = f"""return ["decimal", "american", "fractional"].map((notation) => {{
        writePricesIn(notation);
        return price({decimal});
    }});"""

    assert ran("wording.js", lines) == written


@pytest.mark.parametrize(
    ("entry", "written"),
    [
        ({"market": "spread", "scope": "game", "line": -3.5, "outcome": 0}, "Handicap KC −3.5"),
        ({"market": "spread", "scope": "game", "line": -3.5, "outcome": 1}, "Handicap PHI +3.5"),
        ({"market": "spread", "scope": "h1", "line": 0, "outcome": 1}, "Handicap PHI level, h1"),
        ({"market": "total", "scope": "game", "line": 44.5, "outcome": 1}, "Total 44.5 under"),
        ({"market": "h2h", "scope": "game", "line": 0, "outcome": 0}, "Winner KC"),
        (
            {"market": "h2h_3way", "scope": "regulation", "line": 0, "outcome": 2},
            "Winner or draw, regulation draw",
        ),
    ],
)
def test_a_bet_names_its_side_with_its_own_line(entry: dict[str, Any], written: str) -> None:
    assert ran("wording.js", f"return bet('nfl:2025-09-14:kc-phi', {json.dumps(entry)});") == written


@pytest.mark.parametrize(
    ("state", "written"),
    [
        ({"sport": "basketball", "period": 4, "clock_s": 65.4}, "Q4 1:05"),
        ({"sport": "basketball", "period": 6, "clock_s": 300}, "Overtime 2 5:00"),
        ({"sport": "hockey", "period": 4, "clock_s": 299}, "Overtime 4:59"),
        ({"sport": "soccer", "period": 2, "clock_s": -1}, "Half 2"),
        ({"sport": "baseball", "period": 7, "clock_s": -1, "situation": {"half": "bottom"}}, "bottom 7"),
    ],
)
def test_a_moment_is_told_as_its_sport_tells_it(state: dict[str, Any], written: str) -> None:
    assert ran("wording.js", f"return moment({json.dumps({'status': 'live', **state})});") == written


def test_what_stood_goes_on_in_the_chart_until_another_is_said() -> None:
    model, market = [[1000, 0.5, 0.4, 0.6], [3000, 0.7, 0.65, 0.75]], [[2000, 0.55], [4000, None]]

    found = ran("chart.js", f"return columns({json.dumps(model)}, {json.dumps(market)});")

    assert found == [
        [1, 2, 3, 4],
        [0.6, 0.6, 0.75, 0.75],
        [0.4, 0.4, 0.65, 0.65],
        [0.5, 0.5, 0.7, 0.7],
        [None, 0.55, 0.55, None],
    ]
