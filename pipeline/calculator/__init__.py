"""Calculators without memory: a question in JSON, its answer with the question as it was understood.

Prices are in any notation that `odds.read_price` can tell apart, as text or number; money is integer minor
units; shares and probabilities are of 1. What cannot be computed is a `UsageError`: one sentence, the field
first. Most take microseconds; what would hold up a server for more than some 50 milliseconds is refused. See
docs/calculators.md.
"""

import re
from collections.abc import Callable
from typing import Any, NamedTuple

import msgspec
from msgspec import Struct

from pipeline.calculator import arbitrage, markets, middles, rules
from pipeline.calculator.fields import Question
from pipeline.errors import UsageError


class Calculator(NamedTuple):
    """What is asked, and what answers it."""

    question: type[Question]
    answer: Callable[[Any], Struct]


CALCULATORS = {
    "arbitrage": Calculator(arbitrage.ArbitrageQuestion, arbitrage.arbitrage),
    "middle": Calculator(middles.MiddleQuestion, middles.middle),
    "rules": Calculator(rules.RulesQuestion, rules.rules),
    "devig": Calculator(markets.DevigQuestion, markets.devig),
    "kelly": Calculator(markets.KellyQuestion, markets.kelly),
    "value": Calculator(markets.ValueQuestion, markets.value),
    "convert": Calculator(markets.ConvertQuestion, markets.convert),
}


def calculate(what: str, question: bytes) -> Struct:
    """The answer to a question in JSON. Raises UsageError where there is none: the field and the reason."""
    if what not in CALCULATORS:
        raise UsageError(f"no calculator {what[:40]!r}; there are {', '.join(CALCULATORS)}")
    calculator = CALCULATORS[what]
    try:
        asked = msgspec.json.decode(question, type=calculator.question)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise UsageError(_sentence(str(error))) from error
    try:
        return calculator.answer(asked)
    except ValueError as error:  # each field may be, and all of them together not
        raise UsageError(f"{what}: {error}") from error


def _sentence(reason: str) -> str:
    """A reason of msgspec's with the field in front: ``Expected `int`, got `str` - at `$.unit_minor```."""
    found = re.fullmatch(r"(.*) - at `\$\.?(.+)`", reason, re.DOTALL)
    return f"{found[2]}: {found[1]}" if found else reason.removesuffix(" - at `$`")
