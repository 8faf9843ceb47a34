"""Where one markets worker is saturated: how fast it catches up, and at which rate it falls behind.

Run it: ``make bench ARGS=saturation``. First it finds a long log and reads it; then a load rises step by step
beside it, from a process of its own, and broker, load and worker share the machine's cores.
"""

from collections.abc import Sequence
from itertools import pairwise

import click

from tests.benchmarks.board import Load
from tests.benchmarks.latency import delays, last_answers, percentiles
from tests.benchmarks.system import SNAPSHOTS, Run, Sample, system

PRELOADED = 12_000
#: Of what was preloaded, where the steady part begins and ends.
STEADY = (0.2, 0.9)
RISING = (400.0, 600.0, 800.0, 1_000.0, 1_200.0, 1_400.0)
STEP_S = 6.0
#: Of a second: a worker that ends a step further behind than this does not keep up.
BEHIND_S = 0.5


def rate_of(samples: Sequence[Sample]) -> float:
    """Snapshots read a second."""
    first, last = samples[0], samples[-1]
    return 1e9 * (last.read - first.read) / (last.at_ns - first.at_ns)


def catching_up() -> None:
    """Print how fast a worker reads what has been waiting for it."""
    load = Load(rates=((200.0, PRELOADED / 200.0),))
    with system() as running:
        running.append(load, whole=True)
        running.start()
        samples = running.samples_until(lambda sample: sample.read >= STEADY[1] * load.snapshots, 0.2)
    steady = [sample for sample in samples if sample.read >= STEADY[0] * load.snapshots]
    cpu_ms = Run([], [], steady).cpu_ms
    parts = [rate_of([one, other]) for one, other in pairwise(steady[::5])]
    slowest, fastest = min(parts), max(parts)
    click.echo(
        f"catching up on {load.snapshots:,} snapshots of {load.lines} lines: {rate_of(steady):,.0f} a second"
        f" ({slowest:,.0f} to {fastest:,.0f} over each second), {cpu_ms:.2f} ms of CPU each"
    )


def rising() -> None:
    """Print how far behind a worker is at the end of each step of a rising load."""
    load = Load(rates=tuple((rate, STEP_S) for rate in RISING))
    with system() as running:
        running.append(load, whole=False)
        running.start()
        run = running.run(load, every_s=0.2)
    sent = sorted(mark.sent_ns for mark in run.marks if mark.topic == SNAPSHOTS)
    last = last_answers(run.answers)
    click.echo(
        f"{'sent a second':>14}{'read a second':>15}{'behind':>8}{'p50 ms':>8}{'p99 ms':>8}{'load late':>11}"
    )
    for place, rate in enumerate(RISING):
        begun_ns = sent[0] + int(place * STEP_S * 1e9)
        ended_ns = begun_ns + int(STEP_S * 1e9)
        within = [sample for sample in run.samples if begun_ns <= sample.at_ns <= ended_ns]
        marks = [mark for mark in run.marks if begun_ns <= mark.sent_ns < ended_ns]
        due = load.events + sum(at_ns <= within[-1].at_ns for at_ns in sent)
        behind = max(0, due - within[-1].read)
        step = run._replace(marks=marks)
        p50, p99, _ = percentiles(delays(step, SNAPSHOTS, last).polled_ms)
        late_ms = percentiles([mark.late_ms for mark in marks])[1]
        fails = "  falls behind" if behind > BEHIND_S * rate else ""
        click.echo(
            f"{rate:>14,.0f}{rate_of(within):>15,.0f}{behind:>8,}{p50:>8.1f}{p99:>8.1f}{late_ms:>11.2f}{fails}"
        )


def main() -> None:
    """Measure and print."""
    catching_up()
    rising()


if __name__ == "__main__":
    main()
