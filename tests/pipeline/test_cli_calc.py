import json
import re
import shlex
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner, Result

from pipeline.calculator import CALCULATORS, calculate
from pipeline.cli import main
from pipeline.domain.devig import METHODS
from tests.conftest import ROOT

TEXT = (ROOT / "docs" / "calculators.md").read_text()


def calc(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["calc", *arguments], catch_exceptions=False)


def told(*arguments: str) -> Any:
    done = calc(*arguments, "--json")
    assert done.exit_code == 0, done.output
    return json.loads(done.output)


def test_there_is_a_command_for_each_calculator() -> None:
    listed = calc("--help").output.partition("Commands:")[2]

    assert {line.split()[0] for line in listed.splitlines() if line.startswith("  ")} >= set(CALCULATORS)


@pytest.mark.parametrize("what", CALCULATORS)
def test_the_help_of_each_shows_an_example_that_works(what: str) -> None:
    text = " ".join(calc(what, "--help").output.split())
    example = text.rpartition("Example: sharpline calc ")[2].split()

    assert example[0] == what
    assert calc(*example).exit_code == 0


@pytest.mark.parametrize(
    ("arguments", "shows"),
    [
        pytest.param(
            ("devig", "1.33", "3.40"), ["73.429% (1.362)", "spread", "overround 4.600%"], id="devig"
        ),
        pytest.param(("devig", "1.04", "13", "151.0"), ["left out: the additive method"], id="refused"),
        pytest.param(("devig", "-110", "-110"), ["50.000% (2.000)"], id="minus is a price"),
        pytest.param(
            ("arbitrage", "2.15", "2.05", "--unit", "1"),
            ["488.00", "512.00", "arbitrage: worst outcome 49.20 for 1,000.00; 4.9405%"],
            id="arbitrage",
        ),
        pytest.param(
            ("arbitrage", "1.90", "1.80"), ["no arbitrage: worst outcome -", "; hold 7.5"], id="no arbitrage"
        ),
        pytest.param(
            ("arbitrage", "2.15", "2.05", "--unit", "10", "--most", "300,500"),
            ["300.00", "310.00", "arbitrage: worst outcome 25.50 for 610.00"],
            id="limits",
        ),
        pytest.param(
            ("arbitrage", "2.15", "2.05", "--unit", "10,1", "--least", "-,600"),
            ["nothing to lock in: no stakes in these units and limits"],
            id="impossible",
        ),
        pytest.param(("arbitrage", "2.15", "1.80", "--filled", "488,-"), ["-488.00", "1.8696"], id="filled"),
        pytest.param(
            ("middle", "away", "+6.5", "-105", "home", "-3", "1.95@2%", "--mean", "4", "--sd", "13"),
            [
                "home's margin",
                "to 2",
                "3  ",
                " pushed",
                "4 to 6",
                "from 7",
                "on away +6.5",
                "both win 9.159%",
            ],
            id="middle",
        ),
        pytest.param(
            ("middle", "over", "3", "2.1", "under", "4", "2.1"),
            ["a miss costs -50.00", "; no number wins both in full"],
            id="middle without a window",
        ),
        pytest.param(
            ("rules", "h2h_3way", "home:2.9:regulation", "draw:3.9", "away:3.1@1%:48h:listed", "--unit", "1"),
            ["draw", "overtime", "listed_pitcher", "resumed_within_hours"],
            id="rules",
        ),
        pytest.param(("rules", "btts", "yes:2.1", "no:2.1"), ["clean: all legs stand or fall"], id="clean"),
        pytest.param(
            ("arbitrage", "2.10", "--lay", "1.98@5%", "--total", "100"),
            ["lay 1.98", "108.8", "3.36"],
            id="lay",
        ),
        pytest.param(("kelly", "1.95", "48%", "--push", "0.1"), ["+3.600%", "4.211%", "1.053%"], id="kelly"),
        pytest.param(("value", "1.82", "65%"), ["+18.300%", "+10.055 points"], id="value"),
        pytest.param(
            ("value", "+280", "--market", "1.33,3.40", "--outcome", "1"),
            ["worst method", "power"],
            id="market",
        ),
        pytest.param(("convert", "-110", "5/2"), ["1.9091", "10/11", "+250", "52.381%"], id="convert"),
    ],
)
def test_a_person_is_shown_a_table(arguments: tuple[str, ...], shows: list[str]) -> None:
    done = calc(*arguments)

    assert done.exit_code == 0
    for text in shows:
        assert text in done.output


def test_a_program_is_told_all_digits_and_the_question() -> None:
    answer = told("arbitrage", "2.10@2%", "+105", "--total", "500.50", "--unit", "0.50")

    assert answer["asked"] == {
        "prices": [2.1, 2.05],
        "commissions": [0.02, 0.0],
        "lay": None,
        "total_minor": 50_050,
        "unit_minor": 50,
        "least_minor": [],
        "most_minor": [],
        "filled_minor": [],
    }
    assert sum(answer["stakes_minor"]) == 50_050
    assert told("convert", "EVEN")["prices"][0]["decimal"] == 2.0
    assert told("kelly", "2.0", "55%")["kelly"] == pytest.approx(0.1)
    assert told("value", "2.0", "0.55")["expected_value"] == pytest.approx(0.1)
    assert list(told("devig", "1.9", "1.9", "--method", "shin")["methods"]) == ["shin"]


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("convert", "150"), "prices[0]: '150' may be decimal or American: write 150.0 or +150"),
        (("devig", "1.9"), "prices: Expected `array` of length >= 2"),
        (("devig", "1.9", "1.9", "--metod", "shin"), "prices[2]: "),
        (("arbitrage", "2.1@x", "2.1"), "prices: 'x' is no share"),
        (("arbitrage", "2.1", "2.1", "--total", "1e3"), "total: '1e3' is no sum of money"),
        (("arbitrage", "2.1", "2.1", "--unit", "0.001"), "unit: '0.001' is no sum of money"),
        (("arbitrage", "2.1", "2.1", "--total", "-5"), "total: '-5' is no sum of money"),
        (("arbitrage", "2.1", "2.1", "--most", "5,x"), "most: 'x' is no sum of money"),
        (("arbitrage", "2.1", "2.1", "--most", "5"), "most_minor: 1 of them for 2 legs"),
        (("middle", "over", "44.5", "1.95"), "legs: give two, each as SIDE LINE PRICE"),
        (("middle", "over", "x", "1.95", "under", "47.5", "1.95"), "line: 'x' is no number"),
        (("rules", "h2h", "home:2.1:golden_goal", "away:2.1"), "legs: no rule 'golden_goal'; there are"),
        (("kelly", "2.0", "half"), "win: 'half' is no share; write 0.05 or 5%"),
        (("kelly", "2.0", "nan"), "win: Expected `float`"),
        (("value", "2.0"), "probability: give either it or a market"),
    ],
)
def test_what_cannot_be_computed_is_one_sentence(arguments: tuple[str, ...], sentence: str) -> None:
    done = calc(*arguments)

    assert done.exit_code == 2
    assert done.stderr.startswith(f"sharpline: {sentence}")
    assert len(done.stderr.splitlines()) == 1


def test_the_documented_commands_print_what_the_document_shows() -> None:
    blocks = "".join(re.findall(r"```console\n(.*?)```", TEXT, re.DOTALL))
    said = re.findall(r"^\$ sharpline calc (.+)\n((?:[^$].*\n)*)", blocks, re.MULTILINE)

    assert {shlex.split(command)[0] for command, _ in said} == set(CALCULATORS)
    for command, shows in said:
        done = calc(*shlex.split(command))
        assert done.exit_code == 0
        shown = [line.rstrip() for line in done.output.splitlines()]
        assert not shows or shown == shows.splitlines()


def test_the_documented_questions_are_answered() -> None:
    said = re.findall(r"/v1/calculate/(\w+) -d '(.+)'$", TEXT, re.MULTILINE)

    assert {what for what, _ in said} == set(CALCULATORS)
    for what, question in said:
        assert calculate(what, question.encode())


def test_every_field_and_method_is_documented() -> None:
    for what, (question, answer) in CALCULATORS.items():
        (row,) = re.findall(rf"^\| `{what}` \|.*$", TEXT, re.MULTILINE)
        answered = msgspec.inspect.type_info(answer.__annotations__["return"])
        told = [field.name for field in answered.fields if field.name != "asked"]  # type: ignore[attr-defined]
        for field in [*question.__struct_fields__, *told]:
            assert f"`{field}`" in row, f"{field} of {what}"
    for method in METHODS:
        assert f"| `{method}` |" in TEXT
