"""A steady load of the chain: ``python -m tests.chaos.load SEED RATE``, until SIGTERM.

A process apart from the monkey, so that what the monkey does in between never leaves a hole in the load.
"""

import signal
import sys
from types import FrameType

from pipeline.settings import Settings
from tests.processors.log import Load

LONGEST_S = 24 * 3600.0


def main(seed: int, rate: float) -> None:
    """Send until told to stop; ends with 0 when all that was sent is acknowledged."""
    asked: list[int] = []

    def ask(number: int, _: FrameType | None) -> None:
        asked.append(number)

    signal.signal(signal.SIGTERM, ask)
    load = Load(Settings.read().kafka, seed)
    for _ in load.stream(LONGEST_S, rate):
        if asked:
            break
    load.flush()


if __name__ == "__main__":
    main(int(sys.argv[1]), float(sys.argv[2]))
