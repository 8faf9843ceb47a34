"""The scenarios of ``make chaos``, each on a broker of its own."""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pipeline.local.broker import own_broker
from pipeline.settings import Settings
from pipeline.stages import STAGES
from tests.chaos.bad_input import bad_input
from tests.chaos.broker_kills import kills_of_leaders, kills_of_the_only_one
from tests.chaos.brokers import three_brokers
from tests.chaos.ground import Ground, Outcome, Say, ground
from tests.chaos.judging import CHAIN
from tests.chaos.kills import kills
from tests.chaos.made_anew import made_anew_while_running, made_anew_while_stopped
from tests.chaos.pauses import pauses
from tests.chaos.producer_kills import producer_kills

ALL = tuple(STAGES)
WORKERS = {"games": 1, "markets": 2, "bets": 1}


@dataclass(frozen=True)
class Amount:
    """How much is asked for; ``scale`` 1 is what the targets name."""

    seed: int
    scale: float
    load_minutes: float

    def times(self, standard: int) -> int:
        """So many of what is done ``standard`` times at scale 1."""
        return max(1, round(standard * self.scale))


Scenario = Callable[[Amount, Say], Outcome]


@contextmanager
def _folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix="sharpline-chaos-", ignore_cleanup_errors=True) as made:
        yield Path(made)


def _killed(amount: Amount, say: Say) -> Outcome:
    """SIGKILL of processors, one to three of each stage, also while they start; workers added and stopped."""
    with _folder() as folder, own_broker() as broker:
        with ground("kills", broker.bootstrap, ALL, amount.seed, folder, say) as it:
            it.start(WORKERS)
            kills(it, amount.times(50))
            _end(it)
    return it.outcome


def _killed_chain(amount: Amount, say: Say) -> Outcome:
    """The same to the chain, whose every row depends on the order of all inputs before it."""
    with _folder() as folder, own_broker() as broker:
        with ground("kills-chain", broker.bootstrap, [CHAIN.name], amount.seed, folder, say) as it:
            it.start({CHAIN.name: 3})
            kills(it, amount.times(20))
            _end(it)
    return it.outcome


def _paused(amount: Amount, say: Say) -> Outcome:
    """SIGSTOP of processors for shorter and longer than their session, then SIGCONT."""
    with _folder() as folder, own_broker() as broker:
        with ground("pauses", broker.bootstrap, ALL, amount.seed, folder, say) as it:
            it.start(WORKERS)
            pauses(it, amount.times(8))
            _end(it)
    return it.outcome


def _broker(amount: Amount, say: Say) -> Outcome:
    """SIGKILL of the only broker, started again on its data."""
    with _folder() as folder, own_broker() as broker:
        with ground("broker", broker.bootstrap, ALL, amount.seed, folder, say) as it:
            it.start(WORKERS)
            kills_of_the_only_one(it, broker, amount.times(10))
            _end(it)
    return it.outcome


def _three(amount: Amount, say: Say) -> Outcome:
    """SIGKILL of those of three brokers that lead: replication 3, two in sync."""
    settings = Settings(replication=3)
    with _folder() as folder, three_brokers(folder, say) as brokers:
        stages = [CHAIN.name]
        with ground("three brokers", brokers.bootstrap, stages, amount.seed, folder, say, settings) as it:
            it.start({CHAIN.name: 2})
            kills_of_leaders(it, brokers, amount.times(10))
            _end(it)
    return it.outcome


def _bad(amount: Amount, say: Say) -> Outcome:
    """Bad messages of every kind in every input topic; good ones twice, late, out of order, clocks off."""
    whole = Outcome("bad input")
    for stage in (*ALL, CHAIN.name):
        with _folder() as folder, own_broker() as broker:
            with ground("bad input", broker.bootstrap, [stage], amount.seed, folder, say) as it:
                it.fleet.add(stage, "w0")
                bad_input(it)
        whole.take(it.outcome)
    return whole


def _anew(amount: Amount, say: Say) -> Outcome:
    """A topic deleted and made again, while the stage is stopped and while it runs."""
    whole = Outcome("made anew")
    for act in (
        lambda it: made_anew_while_stopped(it, refilled=False),
        lambda it: made_anew_while_stopped(it, refilled=True),
        made_anew_while_running,
    ):
        with _folder() as folder, own_broker() as broker:
            with ground("made anew", broker.bootstrap, [CHAIN.name], amount.seed, folder, say) as it:
                it.start({CHAIN.name: 1})
                act(it)
        whole.take(it.outcome)
    return whole


def _producer(amount: Amount, say: Say) -> Outcome:
    """SIGKILL of the producer in the middle of an evening, and its start after that."""
    with _folder() as folder, own_broker() as broker:
        with ground("producer", broker.bootstrap, ALL, amount.seed, folder, say) as it:
            for stage in ALL:
                it.fleet.add(stage, "w0")
            producer_kills(it, amount.times(3))
    return it.outcome


def _lasting(amount: Amount, say: Say) -> Outcome:
    """Kills after a minute of load and after --load-minutes of it, side by side."""
    with _folder() as folder, own_broker() as broker:
        with ground("lasting", broker.bootstrap, ALL, amount.seed, folder, say) as it:
            it.start(WORKERS)
            for minutes in (1.0, amount.load_minutes):
                before = len(it.outcome.blows)
                say(f"{minutes:g} minutes of load")
                it.rest(minutes * 60)
                kills(it, amount.times(10))
                for blow in it.outcome.blows[before:]:
                    blow.kind += f", after {minutes:g} min of load"
            _end(it)
    return it.outcome


def _end(it: Ground) -> None:
    it.drain()
    it.judge()


SCENARIOS: dict[str, Scenario] = {
    "kills": _killed,
    "kills-chain": _killed_chain,
    "pauses": _paused,
    "broker": _broker,
    "three-brokers": _three,
    "bad-input": _bad,
    "made-anew": _anew,
    "producer": _producer,
    "lasting": _lasting,
}
