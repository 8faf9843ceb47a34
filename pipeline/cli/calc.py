"""``sharpline calc``: the calculators of `pipeline.calculator` for a person at a terminal."""

from collections.abc import Callable
from typing import Any

import click
import msgspec
from rich.console import Console
from rich.table import Table

from pipeline.calculator import calculate
from pipeline.calculator.arbitrage import ArbitrageAnswer
from pipeline.calculator.markets import ALL, ConvertAnswer, DevigAnswer, KellyAnswer, ValueAnswer
from pipeline.calculator.middles import MiddleAnswer
from pipeline.calculator.rules import RulesAnswer
from pipeline.cli.money import money
from pipeline.errors import UsageError

#: So that -110 is a price and not an option.
PRICES = {"ignore_unknown_options": True}

#: How a person writes a book's rules.
RULES: dict[str, dict[str, Any]] = {
    "overtime": {"overtime": True},
    "regulation": {"overtime": False},
    "listed": {"listed_pitcher": True},
    "action": {"listed_pitcher": False},
    **{word: {"retirement": word} for word in ("ball_served", "one_set", "full_match")},
}

#: A table, and lines below it.
Shown = tuple[Table | str, ...]


@click.group(
    epilog="Example: sharpline calc devig 1.33 3.40; prices in any notation: 1.91, -110, +150, 5/2, EVEN.",
)
def calc() -> None:
    """Work out arbitrage, middles, devig, Kelly stakes and value; convert prices."""


def _command(what: str, example: str) -> Callable[[Callable[..., Any]], click.Command]:
    def made(function: Callable[..., Any]) -> click.Command:
        as_json = click.option("--json", "as_json", is_flag=True, help="One JSON object, all digits.")
        epilog = f"Example: sharpline calc {what} {example}"
        return calc.command(what, epilog=epilog, context_settings=PRICES)(as_json(function))

    return made


@_command("devig", "1.33 3.40 --method shin")
@click.argument("prices", nargs=-1, required=True)
@click.option("--method", default=ALL, show_default=True, help="One of them, or all.")
def devig(prices: tuple[str, ...], method: str, as_json: bool) -> None:
    """Fair probabilities of a market: the PRICES of all its outcomes at one book."""

    def shown(answer: DevigAnswer) -> Shown:
        table = _table("method", *[f"{price:g}" for price in answer.asked.prices])
        for name, fair in answer.methods.items():
            pairs = zip(fair.probabilities, fair.prices, strict=True)
            table.add_row(name, *[f"{p:.3%} ({price:.3f})" for p, price in pairs])
        if len(answer.methods) > 1:
            table.add_row("spread", *[f"{each:.3%}" for each in answer.spread])
        refused = [f"left out: {reason}" for reason in answer.refused.values()]
        margin = f"overround {answer.overround:.3%}, hold {answer.hold:.3%}; in brackets the fair price"
        return table, *refused, margin

    _answer("devig", {"prices": prices, "method": method}, as_json, shown)


@_command("arbitrage", "2.15 2.05 --total 1000 --unit 1")
@click.argument("prices", nargs=-1, required=True)
@click.option(
    "--lay", metavar="PRICE[@SHARE]", help="Of the same outcome; then one PRICE, and TOTAL is on it."
)
@click.option(
    "--total", default="1000", show_default=True, help="To stake, in money with up to two decimals."
)
@click.option("--unit", default="0.01", show_default=True, help="Stakes are multiples of it, or one EACH.")
@click.option("--least", metavar="EACH", help="Least stake of each leg, as 10,- where one has none.")
@click.option("--most", metavar="EACH", help="Most stake of each leg.")
@click.option(
    "--filled", metavar="EACH", help="What is staked already; shows how far the other prices may move."
)
def arbitrage(
    prices: tuple[str, ...],
    lay: str | None,
    total: str,
    unit: str,
    least: str | None,
    most: str | None,
    filled: str | None,
    as_json: bool,
) -> None:
    """Stakes on all outcomes of a market; a PRICE from which a commission goes is PRICE@SHARE, as 2.10@5%.

    \b
    sharpline calc arbitrage 3.60 3.50@2% 2.45
    sharpline calc arbitrage 2.10 --lay 1.98@5% --total 100
    sharpline calc arbitrage 2.15 2.05 --unit 10 --most 300,500
    sharpline calc arbitrage 2.15 2.05 --filled 488,-
    """
    legs = [_with_commission("prices", each) for each in prices]
    question: dict[str, Any] = {
        "prices": [price for price, _ in legs],
        "commissions": [commission for _, commission in legs],
        "total_minor": _minor("total", total),
        "unit_minor": _by_leg("unit", unit) if "," in unit else _minor("unit", unit),
    }
    for field, each in {"least": least, "most": most, "filled": filled}.items():
        if each is not None:
            question[f"{field}_minor"] = _by_leg(field, each)
    if lay is not None:
        question["lay"] = dict(zip(("price", "commission"), _with_commission("lay", lay), strict=True))

    def shown(answer: ArbitrageAnswer) -> Shown:
        moved = ("break-even price",) if answer.break_even_prices else ()
        table = _table("leg", "price", "net of commission", "stake", "profit if it wins", *moved)
        legs = [f"{price:g}" for price in answer.asked.prices]
        if answer.asked.lay is not None:
            legs.append(f"lay {answer.asked.lay.price:g}")
        rows = zip(legs, answer.net_prices, answer.stakes_minor, answer.profits_minor, strict=True)
        even = [("" if price is None else f"{price:.4f}",) for price in answer.break_even_prices]
        for number, (price, net, stake, profit) in enumerate(rows, 1):
            last = even[number - 1] if even else ()
            table.add_row(str(number), price, f"{net:.4f}", money(stake), money(profit), *last)
        verdict = "arbitrage" if answer.is_arbitrage else "no arbitrage"
        worst = f"worst outcome {money(answer.worst_profit_minor)} for {money(answer.outlay_minor)}"
        share = f"{answer.roi:.4%}" if answer.hold is None else f"hold {answer.hold:.4%}"
        obstacle = [f"nothing to lock in: {answer.obstacle}"] if answer.obstacle else []
        return table, *obstacle, f"{verdict}: {worst}; {share} before rounding"

    _answer("arbitrage", question, as_json, shown)


@_command("middle", "over 44.5 1.95 under 47.5 1.95 --total 1000")
@click.argument("legs", nargs=-1, required=True, metavar="SIDE LINE PRICE SIDE LINE PRICE")
@click.option("--total", default="1000", show_default=True, help="To stake, in money.")
@click.option("--unit", default="0.01", show_default=True, help="Stakes are multiples of it.")
@click.option("--mean", help="Of the total, or of home's margin, taken as normal.")
@click.option("--sd", help="Its standard deviation.")
def middle(
    legs: tuple[str, ...], total: str, unit: str, mean: str | None, sd: str | None, as_json: bool
) -> None:
    """Stakes on two lines between which both win; each LINE as its book writes it, PRICE@SHARE as ever.

    \b
    sharpline calc middle home -3.5 1.95 away +6.5 1.95@2% --mean 4 --sd 13
    """
    if len(legs) != 6:
        raise UsageError("legs: give two, each as SIDE LINE PRICE: over 44.5 1.95 under 47.5 1.95")
    question: dict[str, Any] = {
        "legs": [_middle_leg(*legs[:3]), _middle_leg(*legs[3:])],
        "total_minor": _minor("total", total),
        "unit_minor": _minor("unit", unit),
    }
    for field, text in {"mean": mean, "sd": sd}.items():
        if text is not None:
            question[field] = _number(field, text)

    def shown(answer: MiddleAnswer) -> Shown:
        names = [
            f"{leg.side} {leg.line:{'g' if leg.side in ('over', 'under') else '+g'}}"
            for leg in answer.asked.legs
        ]
        table = _table("total" if names[0][0] in "ou" else "home's margin", *names, "profit")
        for each in answer.stretches:
            numbers = [str(number) for number in (each.least, each.most) if number is not None]
            start = "to" if each.least is None else "from" if each.most is None else ""
            row = f"{start} {numbers[0]}" if start else " to ".join(dict.fromkeys(numbers))
            table.add_row(row, *each.results, money(each.profit_minor))
        stakes = zip(answer.stakes_minor, names, strict=True)
        lines = ["stakes: " + ", ".join([f"{money(stake)} on {name}" for stake, name in stakes])]
        lines.append(f"a miss costs {money(answer.cost_minor)} of {money(answer.outlay_minor)}")
        if answer.break_even_chance is None:
            lines[-1] += "; no number wins both in full"
        else:
            lines[-1] += f", made up for where both win {answer.break_even_chance:.3%} of the time"
        if answer.expected_profit_minor is not None:
            expected = f"expected {answer.expected_profit_minor / 100:+,.2f} ({answer.expected_value:+.3%})"
            lines.append(f"both win {answer.window_chance:.3%} of the time by mean and sd; {expected}")
        return table, *lines

    _answer("middle", question, as_json, shown)


@_command("rules", "h2h home:2.05:ball_served away:2.05:one_set --total 1000")
@click.argument("market")
@click.argument("legs", nargs=-1, required=True, metavar="OUTCOME:PRICE[:RULE]...")
@click.option("--line", default="0", show_default=True, help="Of a total; of a spread home's handicap.")
@click.option("--total", default="1000", show_default=True, help="To stake, in money.")
@click.option("--unit", default="0.01", show_default=True, help="Stakes are multiples of it.")
@click.option("--stakes", metavar="EACH", help="Of each leg, instead of those of an arbitrage.")
def rules(
    market: str, legs: tuple[str, ...], line: str, total: str, unit: str, stakes: str | None, as_json: bool
) -> None:
    """What legs lose where their books settle by other rules: h2h, h2h_3way, spread, total or btts.

    A RULE is overtime or regulation, listed (pitcher) or action, ball_served, one_set or full_match, and 24h:
    until when a game that is broken off has to be finished. What is not given is overtime, action, one_set,
    24h.

    \b
    sharpline calc rules total over:2.10:listed under:2.05@2%:action --line 8.5
    """
    question: dict[str, Any] = {
        "market": market,
        "legs": [_ruled_leg(each) for each in legs],
        "line": _number("line", line),
        "total_minor": _minor("total", total),
        "unit_minor": _minor("unit", unit),
    }
    if stakes is not None:
        question["stakes_minor"] = _by_leg("stakes", stakes)

    def shown(answer: RulesAnswer) -> Shown:
        table = _table("leg", "net price", "stake", "profit if it wins")
        rows = zip(
            answer.asked.legs, answer.net_prices, answer.stakes_minor, answer.profits_minor, strict=True
        )
        for leg, net, stake, profit in rows:
            table.add_row(leg.outcome, f"{net:.4f}", money(stake), money(profit))
        if answer.clean:
            return table, "clean: all legs stand or fall together"
        apart = _table("rules differ in", "worst profit")
        for way in answer.differences:
            apart.add_row(way.rule, money(way.worst_profit_minor))
        return table, apart

    _answer("rules", question, as_json, shown)


@_command("kelly", "1.95 0.48 --push 10%")
@click.argument("price")
@click.argument("win")
@click.option("--push", default="0", metavar="SHARE", help="Chance that the stake comes back.")
@click.option(
    "--half-win", default="0", metavar="SHARE", help="Chance that half of it wins, half comes back."
)
@click.option("--half-lose", default="0", metavar="SHARE", help="Chance that half comes back, half is lost.")
@click.option(
    "--multiplier", default="0.25", show_default=True, metavar="SHARE", help="Of the full Kelly stake."
)
@click.option("--cap", default="0.05", show_default=True, metavar="SHARE", help="Of the bankroll, at most.")
def kelly(price: str, win: str, as_json: bool, **shares: str) -> None:
    """Share of the bankroll to stake at PRICE where the chance of winning is WIN, as 0.48 or 48%."""

    def shown(answer: KellyAnswer) -> Shown:
        return _facts(
            f"{answer.asked.price:g}",
            {
                "win": f"{answer.asked.win:.3%}",
                "lose": f"{answer.lose:.3%}",
                "expected value": f"{answer.expected_value:+.3%}",
                "edge": f"{100 * answer.edge:+.3f} points",
                "full Kelly": f"{answer.kelly:.3%} of the bankroll",
                "stake": f"{answer.stake:.3%}, {answer.asked.multiplier:g} of it to {answer.asked.cap:.1%}",
            },
        )

    given = {name: _share(name, each) for name, each in {"win": win, **shares}.items()}
    _answer("kelly", {"price": price, **given}, as_json, shown)


@_command("value", "+110 --market -105,-105")
@click.argument("price")
@click.argument("probability", required=False)
@click.option("--market", metavar="PRICES", help="Of all outcomes at a book you trust, commas between.")
@click.option("--outcome", default=0, show_default=True, help="Which of them PRICE is for, counted from 0.")
@click.option("--method", default="power", show_default=True, help="That takes the margin out.")
def value(
    price: str, probability: str | None, market: str | None, outcome: int, method: str, as_json: bool
) -> None:
    """What PRICE is worth against a fair PROBABILITY, as 0.52 or 52%, or against another book's market."""
    question: dict[str, Any] = {"price": price}
    if probability is not None:
        question["probability"] = _share("probability", probability)
    if market is not None:
        question |= {"market": market.split(","), "outcome": outcome, "method": method}

    def shown(answer: ValueAnswer) -> Shown:
        facts = {
            "fair": f"{answer.probability:.3%}, price {answer.fair_price:.3f}",
            "expected value": f"{answer.expected_value:+.3%}",
            "edge": f"{100 * answer.edge:+.3f} points",
            "full Kelly": f"{answer.kelly:.3%} of the bankroll",
        }
        if answer.worst is not None:
            facts["worst method"] = f"{answer.worst.method}: {answer.worst.expected_value:+.3%}"
            facts["spread"] = f"{100 * (answer.spread or 0.0):.3f} points between methods"
        return _facts(f"{answer.asked.price:g}", facts)

    _answer("value", question, as_json, shown)


@_command("convert", "-110 5/2 EVEN 1.95")
@click.argument("prices", nargs=-1, required=True)
def convert(prices: tuple[str, ...], as_json: bool) -> None:
    """Show PRICES in every notation; American and fractional odds are the nearest that are in use."""

    def shown(answer: ConvertAnswer) -> Shown:
        table = _table("given", "decimal", "American", "fractional", "implied")
        for given, each in zip(prices, answer.prices, strict=True):
            table.add_row(given, f"{each.decimal:.4f}", each.american, each.fractional, f"{each.implied:.3%}")
        return (table,)

    _answer("convert", {"prices": prices}, as_json, shown)


def _answer(what: str, question: dict[str, Any], as_json: bool, shown: Callable[[Any], Shown]) -> None:
    answer = calculate(what, msgspec.json.encode(question))
    if as_json:
        click.echo(msgspec.json.encode(answer))
    else:
        Console(highlight=False).print(*shown(answer), sep="\n")


def _table(first: str, *columns: str) -> Table:
    table = Table(first, box=None, header_style="bold", caption_justify="left", pad_edge=False)
    for column in columns:
        table.add_column(column, justify="right")
    return table


def _facts(price: str, facts: dict[str, str]) -> Shown:
    table = Table("price", price, box=None, header_style="bold", pad_edge=False)
    for name, fact in facts.items():
        table.add_row(name, fact)
    return (table,)


def _share(field: str, text: str) -> float:
    """0.05 or 5%."""
    try:
        return float(text[:-1]) / 100.0 if text.endswith("%") else float(text)
    except ValueError:
        raise UsageError(f"{field}: {text[:40]!r} is no share; write 0.05 or 5%") from None


def _number(field: str, text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise UsageError(f"{field}: {text[:40]!r} is no number") from None


def _middle_leg(side: str, line: str, price: str) -> dict[str, Any]:
    decimal, commission = _with_commission("price", price)
    return {"side": side, "line": _number("line", line), "price": decimal, "commission": commission}


def _ruled_leg(text: str) -> dict[str, Any]:
    outcome, _, rest = text.partition(":")
    price, *words = rest.split(":")
    decimal, commission = _with_commission("legs", price)
    leg: dict[str, Any] = {"outcome": outcome, "price": decimal, "commission": commission}
    for word in words:
        if word in RULES:
            leg |= RULES[word]
        elif word.endswith("h") and word[:-1].isdecimal():
            leg["resumed_within_hours"] = int(word[:-1])
        else:
            raise UsageError(f"legs: no rule {word[:40]!r}; there are {', '.join(RULES)} and hours, as 24h")
    return leg


def _with_commission(field: str, text: str) -> tuple[str, float]:
    price, at, commission = text.partition("@")
    return price, _share(field, commission) if at else 0.0


def _minor(field: str, text: str) -> int:
    """Money in hundredths."""
    whole, _, part = text.partition(".")
    if not (whole + part).isascii() or not (whole + part).isdigit() or len(part) > 2:
        raise UsageError(f"{field}: {text[:40]!r} is no sum of money; write 1000 or 1000.50")
    return int(whole or "0") * 100 + int(part.ljust(2, "0"))


def _by_leg(field: str, text: str) -> list[int | None]:
    """Money for each leg, commas between; - where a leg has none."""
    return [None if each == "-" else _minor(field, each) for each in text.split(",")]
