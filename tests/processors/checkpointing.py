"""A worker of the chain that is always writing checkpoints, slowly: ``checkpointing FOLDER WORKER``."""

import sys
from pathlib import Path

from processors import checkpoint
from processors.worker import run
from tests.processors.chain import chain

if __name__ == "__main__":
    # Due with every few rows, one row to a block: a kill at any moment comes in the middle of one.
    checkpoint.MINIMUM_BYTES, checkpoint.BLOCK_BYTES, checkpoint.PAUSE_S = 1, 1, 0.02
    folder, worker = sys.argv[1:]
    run(chain(), Path(folder), worker=worker)
