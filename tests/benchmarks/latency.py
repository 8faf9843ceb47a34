"""How long an answer takes: from a record handed to a producer to its last answer polled by a consumer.

Run it: ``make bench ARGS=latency``. A real broker and markets worker, a load that keeps a steady pace from
a process of its own; snapshots that change nothing worth an answer do not count. The same for plays, which go
through games and markets. All of it shares the machine's cores, so a busy machine is slow.
"""

import statistics
from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import NamedTuple

import click

from tests.benchmarks.board import Load
from tests.benchmarks.system import SNAPSHOTS, Answered, Place, Run, system

RATES = (50.0, 200.0, 400.0)
WARM_S, MEASURED_S = 10.0, 20.0
PLAYS, PROBABILITIES = "games.events", "games.probabilities"


class Delays(NamedTuple):
    """Milliseconds from each record to its last answer: by the monotonic clock, and by their stamps."""

    polled_ms: list[float]
    stamped_ms: list[float]


def last_answers(answers: Iterable[Answered]) -> dict[Place, Answered]:
    """The last answer to each record that had any."""
    return {answer.cause: answer for answer in sorted(answers, key=lambda answer: answer.polled_ns)}


def delays(run: Run, topic: str, last: Mapping[Place, Answered]) -> Delays:
    """Of the records of a topic that were answered."""
    polled, stamped = [], []
    for mark in run.marks:
        answer = last.get(Place(mark.topic, mark.partition, mark.offset))
        if mark.topic == topic and answer is not None:
            polled.append((answer.polled_ns - mark.sent_ns) / 1e6)
            stamped.append(float(answer.stamp_ms - mark.stamp_ms))
    return Delays(polled, stamped)


def through_markets(answers: Iterable[Answered]) -> dict[Place, Answered]:
    """The last answer of markets to each play whose probabilities moved any."""
    by_topic: dict[str, list[Answered]] = defaultdict(list)
    for answer in answers:
        by_topic[answer.cause.topic].append(answer)
    markets = last_answers(by_topic[PROBABILITIES])
    hops = [answer for answer in by_topic[PLAYS] if answer.place in markets]
    return {hop.cause: markets[hop.place] for hop in hops}


def percentiles(values: list[float]) -> tuple[float, float, float]:
    """p50, p99 and the highest."""
    cuts = statistics.quantiles(values, n=100, method="inclusive")
    return cuts[49], cuts[98], max(values)


def said(name: str, run: Run, topic: str, found: Delays) -> None:
    """One line of the table."""
    sent = sum(mark.topic == topic for mark in run.marks)
    late_ms = percentiles([mark.late_ms for mark in run.marks])[1]
    if len(found.polled_ms) < 2:
        click.echo(f"{name:<34}{sent:>8}{len(found.polled_ms):>10}  too few answers")
        return
    polled = "".join(f"{value:>8.1f}" for value in percentiles(found.polled_ms))
    stamped = "".join(f"{value:>7.0f}" for value in percentiles(found.stamped_ms))
    click.echo(f"{name:<34}{sent:>8}{len(found.polled_ms):>10}{polled} {stamped}{late_ms:>11.2f}")


def main() -> None:
    """Measure and print."""
    click.echo(
        f"{'milliseconds, record to last answer':<34}{'':>18}{'sent to polled':>24} {'by their stamps':>21}"
    )
    columns = f"{'p50':>8}{'p99':>8}{'max':>8} {'p50':>7}{'p99':>7}{'max':>7}{'load late':>11}"
    click.echo(f"{f'over {MEASURED_S:.0f} s, after {WARM_S:.0f} s':<34}{'sent':>8}{'answered':>10}{columns}")
    for rate in RATES:
        load = Load(rates=((rate, WARM_S + MEASURED_S),))
        with system() as running:
            running.append(load, whole=False)
            running.start()
            run = running.run(load).after(WARM_S)
        name = f"snapshots of {load.lines} lines, {rate:.0f} a second"
        said(name, run, SNAPSHOTS, delays(run, SNAPSHOTS, last_answers(run.answers)))
    load = Load(rates=((200.0, WARM_S + MEASURED_S),), plays_s=20.0)
    with system() as running:
        running.append(load, whole=False)
        running.start()
        running.start("games")
        run = running.run(load).after(WARM_S)
    probabilities = [answer for answer in run.answers if answer.place.topic == PROBABILITIES]
    click.echo(f"the same at 200 a second, with {load.plays_s:.0f} plays a second beside them")
    said("play to probabilities", run, PLAYS, delays(run, PLAYS, last_answers(probabilities)))
    said("play to an answer of markets", run, PLAYS, delays(run, PLAYS, through_markets(run.answers)))
    said("snapshot to answers", run, SNAPSHOTS, delays(run, SNAPSHOTS, last_answers(run.answers)))
    load = Load(rates=((1.0, WARM_S + MEASURED_S),), plays_s=200.0, league="nfl")
    with system() as running:
        running.append(load, whole=False)
        running.start()
        running.start("games")
        run = running.run(load).after(WARM_S)
    probabilities = [answer for answer in run.answers if answer.place.topic == PROBABILITIES]
    boosted = f"{load.plays_s:.0f} plays a second, both boosters"
    said(boosted, run, PLAYS, delays(run, PLAYS, last_answers(probabilities)))


if __name__ == "__main__":
    main()
