"""A worker of the chain as a process of its own, whole or sabotaged."""

import argparse
import sys
from pathlib import Path

from pipeline.errors import SharplineError
from processors.worker import run
from tests.processors.chain import chain
from tests.processors.faults import FAULTS, Now
from tests.processors.sabotage import WITHOUT, sabotage, shorten

if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("name")
    parser.add_argument("folder", type=Path)
    parser.add_argument("worker")
    parser.add_argument("port", type=int)
    parser.add_argument("layout", type=int)
    parser.add_argument("--without", action="append", default=[], choices=WITHOUT)
    parser.add_argument("--fault", choices=FAULTS)
    parser.add_argument("--session", type=float)
    parser.add_argument("--standstill", type=float)
    given = parser.parse_args()
    shorten(given.session, given.standstill)
    sabotage(given.without, given.fault, Now(given.folder / f"{given.worker}.now"))
    try:
        run(chain(given.name, given.layout), given.folder, port=given.port, worker=given.worker)
    except SharplineError as error:
        sys.exit(f"{error}")
