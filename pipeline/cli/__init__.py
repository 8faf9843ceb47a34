"""The command ``sharpline``. Apps are started as processes of their own, never imported."""

import os
import sys

import click

from pipeline import cluster
from pipeline.cli.alias import alias, unmatched
from pipeline.cli.arbitrage import arbitrage
from pipeline.cli.calc import calc
from pipeline.cli.evaluate import evaluate
from pipeline.cli.explain import explain
from pipeline.cli.fit import fit_weights
from pipeline.cli.fit_leaders import fit_leaders
from pipeline.cli.fit_ratings import fit_ratings
from pipeline.cli.lag import lag, lag_exporter
from pipeline.cli.look import replay, tail
from pipeline.cli.parlay import parlay
from pipeline.cli.portfolio import portfolio
from pipeline.cli.scores import scores
from pipeline.cli.shadow import shadow
from pipeline.cli.source import source
from pipeline.cli.token import token
from pipeline.cli.train import train
from pipeline.cli.up import up
from pipeline.cli.verify import verify
from pipeline.errors import SharplineError
from pipeline.settings import Settings
from pipeline.stages import STAGES


class Group(click.Group):
    """Prints an error of ours as one sentence instead of a trace."""

    def invoke(self, ctx: click.Context) -> object:
        """Run the command that was named."""
        try:
            return super().invoke(ctx)
        except SharplineError as error:
            click.echo(f"sharpline: {error}", err=True)
            sys.exit(2)
        except BrokenPipeError:
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            sys.exit(1)


@click.group(cls=Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="sharpline")
def main() -> None:
    """Live sports betting analytics as an event-streaming pipeline on Kafka.

    \b
    sharpline up                   the whole pipeline on this machine, simulated games
    sharpline tail bets.arbitrage  what it finds, record by record
    """


PASSED_ON = {"ignore_unknown_options": True, "allow_extra_args": True, "help_option_names": []}


def _app(name: str, module: str, summary: str) -> None:
    """A command that becomes the process of an app; its own --help says the rest."""

    @main.command(name, help=summary, context_settings=PASSED_ON, add_help_option=False)
    @click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
    def command(arguments: tuple[str, ...]) -> None:
        os.execv(sys.executable, [sys.executable, "-m", module, *arguments])


_app("produce", "producers", "Publish odds and game events from a source.")
_app("reparse", "producers.reparse", "Make records again from raw answers, after a parser was mended.")
_app("process", "processors", "Run one fold: games, markets or bets.")
_app("sink", "processors.sinks", "Keep every answer in Postgres, for history.")
_app("serve", "gateway", "Serve WebSocket streams and HTTP views of the derived topics.")
_app("quota", "producers.live.spending", "What a month's calls have cost, and what is left.")
main.add_command(up)
main.add_command(replay)
main.add_command(tail)
main.add_command(verify)
main.add_command(explain)
main.add_command(arbitrage)
main.add_command(fit_weights)
main.add_command(fit_leaders)
main.add_command(fit_ratings)
main.add_command(train)
main.add_command(evaluate)
main.add_command(scores)
main.add_command(shadow)
main.add_command(calc)
main.add_command(portfolio)
main.add_command(parlay)
main.add_command(source)
main.add_command(token)
main.add_command(alias)
main.add_command(unmatched)
main.add_command(lag)
main.add_command(lag_exporter)


@main.command(
    epilog="Example: sharpline topics --kafka 127.0.0.1:9092",
)
@click.option("--kafka", metavar="ADDRESS", help="Bootstrap address; default is SHARPLINE_KAFKA.")
def topics(kafka: str | None) -> None:
    """Make every topic, changelog and start offset; safe to run twice."""
    settings = Settings.read()
    address = required(kafka or settings.kafka)
    made = cluster.create_topics(address, settings, STAGES.values())
    click.echo(f"made  {', '.join(made.created) or 'nothing'}")
    click.echo(f"found {', '.join(made.existing) or 'nothing'}")


def required(address: str) -> str:
    """The address, or the sentence that says how to give one."""
    if not address:
        raise click.UsageError("no Kafka named: give --kafka ADDRESS or set SHARPLINE_KAFKA")
    return address
