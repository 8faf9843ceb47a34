"""``python -m producers.live.spending``, which is what ``sharpline quota`` becomes."""

import sys
import time
from datetime import UTC, datetime

import click
import msgspec

from pipeline.errors import SharplineError, UsageError
from pipeline.settings import Settings
from producers.live.ledger import NOTHING_SPENT, Account, Ledger, Month, accounts, ends_ms, periods, projected
from producers.live.quota import Books, since_ms


class Spending(msgspec.Struct, frozen=True, kw_only=True):
    """How the account of a source stands this month. ``others``: spent, and not by calls of ours."""

    source: str
    budget: int
    spent: int
    left: int
    others: int
    projected: int
    """At the end of the month, if it goes on as in the last days."""
    month_ends_at_ms: int
    calls: int
    unanswered: int
    """Calls whose end is not known, or not yet: they count as spent."""
    refused: int
    by_call: dict[str, int]
    """Credits, the most first."""


def spending(source: str, account: Account, ledger: Ledger, now_ms: int) -> Spending:
    """This month's."""
    month = ledger.get(periods(now_ms, account.day)[-1], Month())
    return Spending(
        source=source,
        budget=account.credits,
        spent=month.spent,
        left=max(0, account.credits - month.spent),
        others=month.others,
        projected=projected(month, now_ms, account.day),
        month_ends_at_ms=ends_ms(now_ms, account.day),
        calls=month.calls,
        unanswered=max(0, month.calls - month.settled),
        refused=month.refused,
        by_call=dict(sorted(month.by_call.items(), key=lambda item: (-item[1], item[0]))),
    )


def as_text(one: Spending) -> str:
    """A few lines for a person."""
    end = datetime.fromtimestamp(one.month_ends_at_ms / 1000, UTC)
    share = f" ({one.spent / one.budget:.0%})" if one.budget else ""
    lines = [
        one.source,
        f"  budget      {one.budget:>9,}  until {end:%Y-%m-%d %H:%M}Z",
        f"  spent       {one.spent:>9,}{share}",
        f"  left        {one.left:>9,}",
        f"  projected   {one.projected:>9,}" + ("  more than there is" if one.projected > one.budget else ""),
        f"  calls       {one.calls:>9,}  {one.unanswered:,} unanswered, {one.refused:,} refused",
    ]
    lines += [f"    {credits:>13,}  {call}" for call, credits in one.by_call.items()]
    if one.others:
        lines.append(f"    {one.others:>13,}  not by calls of ours, as the source counts")
    return "\n".join(lines)


@click.command(
    epilog="Example: sharpline quota --source the-odds-api --json",
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.option("--source", default=None, help="Only this source; default is all that have an account.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a line.")
@click.option(
    "--kafka", default=None, metavar="ADDRESS", help="Bootstrap address; default is SHARPLINE_KAFKA."
)
def main(source: str | None, as_json: bool, kafka: str | None) -> None:
    """What this month's calls have cost, what is left, and where it will end.

    Accounts are in SHARPLINE_CREDITS; docs/quota.md.
    """
    try:
        settings = Settings.read()
        wanted = accounts(settings.credits)
        if source is not None and source not in wanted:
            known = ", ".join(wanted) or "none"
            raise UsageError(f"{source!r} has no account in SHARPLINE_CREDITS; there are {known}")
        if not (bootstrap := kafka or settings.kafka):
            raise UsageError("no Kafka named: give --kafka ADDRESS or set SHARPLINE_KAFKA")
        now_ms = time.time_ns() // 1_000_000
        books = Books(bootstrap, since_ms(wanted, now_ms))
        try:
            books.catch_up()
        finally:
            books.close()
    except SharplineError as error:
        click.echo(f"sharpline quota: {error}", err=True)
        sys.exit(2)
    for name in [source] if source else wanted:
        one = spending(name, wanted[name], books.ledgers.get(name, NOTHING_SPENT), now_ms)
        click.echo(msgspec.json.encode(one).decode() if as_json else as_text(one))


if __name__ == "__main__":
    main(prog_name="sharpline quota")
