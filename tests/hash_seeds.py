"""What a program says under different orders of sets, which Python's hash seed decides."""

import os
import subprocess
import sys

from tests.conftest import ROOT


def printed(program: str) -> set[str]:
    """What a program prints under two hash seeds: one thing where it does not depend on them."""
    return {
        subprocess.run(
            [sys.executable, "-c", program],
            cwd=ROOT,
            env={**os.environ, "PYTHONHASHSEED": seed},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for seed in ("0", "4711")
    }
