"""``make chaos``: the long form, scenario by scenario, and the tables of docs/reliability.md at the end."""

import os
import platform
import secrets
import sys
import time
from datetime import UTC, datetime

import click

from tests.chaos.ground import Outcome
from tests.chaos.report import tables
from tests.chaos.scenarios import SCENARIOS, Amount

#: What the standard amount takes on two quiet cores.
STANDARD_MINUTES = 30.0
#: Only when asked for.
APART = "lasting"


@click.command(
    epilog="Example: python -m tests.chaos kills broker --seed 7 --minutes 10",
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.argument("names", nargs=-1, type=click.Choice(list(SCENARIOS)))
@click.option(
    "--seed", type=int, help="Decides who is struck, how and when; one is drawn and printed if not given."
)
@click.option(
    "--minutes",
    type=click.FloatRange(min=0.1),
    default=STANDARD_MINUTES,
    show_default=True,
    help="About how long all scenarios may take together; what is done in each shrinks and grows with it.",
)
@click.option(
    "--load-minutes",
    type=click.FloatRange(min=1.0),
    help=f"For how long the scenario `{APART}` lets the load run before its second round of kills.",
)
def main(names: tuple[str, ...], seed: int | None, minutes: float, load_minutes: float | None) -> None:
    """Strike real processes on a real broker, and judge what they leave by folding it again.

    Without names all scenarios run, `lasting` only with --load-minutes. Exits with 1 where one does not hold.
    """
    seed = secrets.randbelow(1_000_000) if seed is None else seed
    wanted = names or [name for name in SCENARIOS if name != APART or load_minutes]
    started_s = time.monotonic()

    def say(line: str) -> None:
        click.echo(f"{time.monotonic() - started_s:7.1f} s  {line}", err=True)

    amount = Amount(seed, minutes / STANDARD_MINUTES, load_minutes or 60.0)
    machine = f"{os.cpu_count()} cores, Python {platform.python_version()}"
    said = f"seed {seed}, {machine}, {datetime.now(UTC):%Y-%m-%d}"
    click.echo(said)
    outcomes: list[Outcome] = []
    try:
        for name in wanted:
            say(f"== {name}: {SCENARIOS[name].__doc__}")
            outcomes.append(SCENARIOS[name](amount, say))
            click.echo(f"{name}: {'holds' if outcomes[-1].holds else 'DOES NOT HOLD'}")
    finally:  # also after Ctrl-C: what was measured until then
        click.echo(f"\n{said}, load average {os.getloadavg()[2]:.1f} over the last 15 minutes\n")
        click.echo(tables(outcomes))
    sys.stdout.flush()
    # Not sys.exit: librdkafka's handles wait for their broker as the interpreter ends, and it is gone.
    os._exit(0 if all(outcome.holds for outcome in outcomes) else 1)


if __name__ == "__main__":
    main(prog_name="python -m tests.chaos")
