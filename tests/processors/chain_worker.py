"""A worker of the chain as a process of its own: ``chain_worker NAME FOLDER WORKER [PORT] [LAYOUT]``."""

import sys
from pathlib import Path

from pipeline.errors import SharplineError
from processors.worker import run
from tests.processors.chain import chain

if __name__ == "__main__":
    name, folder, worker, port, layout = sys.argv[1:]
    try:
        run(chain(name, int(layout)), Path(folder), int(port), worker)
    except SharplineError as error:
        sys.exit(f"{error}")
