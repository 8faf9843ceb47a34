"""How fast all that is open can be looked through: 1,000 events for arbitrage, 100,000 markets through Shin.

Run it: ``make bench ARGS=scan``. One core, no Kafka; the ratios are to bare loops over the same prices.
"""

import random
import time
from collections.abc import Callable

import click
import numpy as np

from pipeline.domain.devig import shin_devig
from pipeline.domain.devig_arrays import devig_arrays
from pipeline.settings import Rules
from pipeline.stages.fold import Input, first_row, fold
from pipeline.stages.markets import MARKETS
from pipeline.stages.markets.arbitrage import arbitrages
from pipeline.stages.markets.fair import opinion
from pipeline.stages.markets.offers import moment, offers
from tests.benchmarks import board
from tests.benchmarks.board import Board, Load

EVENTS, THREE_WAY, ROUNDS = 1_000, 100_000, 5


def seconds(work: Callable[[], object]) -> float:
    """The best of some rounds, of this thread's CPU time."""
    took = []
    for _ in range(ROUNDS):
        begun = time.thread_time()
        work()
        took.append(time.thread_time() - begun)
    return min(took)


def arbitrage() -> None:
    """Every market of every event, as the fold looks for arbitrage in it."""
    rules = Rules()
    boards = []
    for number in range(EVENTS):
        shown = Board(number, Load(), board.START_MS + 86_400_000).snapshot(board.START_MS)
        row = first_row(MARKETS, shown.event_id, {})
        state = fold(MARKETS, rules, row, Input("odds.snapshots", 0, 0, shown))[0].state
        now = moment(rules, state)
        for key in state.markets:
            usable = offers(now, key)
            boards.append((now, key, usable, opinion(rules, usable)))
    found = [lock for each in boards for lock in arbitrages(*each)]
    took = seconds(lambda: [arbitrages(*each) for each in boards])
    bare = seconds(
        lambda: [
            [max(prices) for prices in zip(*[o[2].prices for o in each[2]], strict=True)] for each in boards
        ]
    )
    kinds = {kind: sum(lock.kind == kind for lock in found) for kind in ("arbitrage", "low_hold")}
    click.echo(
        f"{EVENTS:,} events, {len(boards):,} markets of {board.BOOKS} books: {took:.3f} s, "
        f"{took / bare:.1f} of a bare search for the best prices; found {kinds}"
    )


def shin() -> None:
    """Three-way markets, all at once and one by one."""
    draw = random.Random(1)
    prices = [
        [draw.uniform(1.5, 6.0), draw.uniform(3.0, 4.5), draw.uniform(1.5, 6.0)] for _ in range(THREE_WAY)
    ]
    market = [each for each in prices if sum(1.0 / price for price in each) > 1.0]
    prices = (market * (THREE_WAY // len(market) + 1))[:THREE_WAY]
    array = np.array(prices)
    many = seconds(lambda: devig_arrays(array, "shin"))
    each = seconds(lambda: [shin_devig(row) for row in prices])
    bare = seconds(lambda: [sum(1.0 / price for price in row) for row in prices])
    click.echo(
        f"{THREE_WAY:,} three-way markets through Shin: {many:.3f} s in arrays, {each:.3f} s one by one, "
        f"{many / bare:.1f} and {each / bare:.1f} of a bare sum over the prices"
    )


def main() -> None:
    """Measure and print."""
    arbitrage()
    shin()


if __name__ == "__main__":
    main()
