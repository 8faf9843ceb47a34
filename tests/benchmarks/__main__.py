"""``make bench``: every benchmark in turn, or those named: ``python -m tests.benchmarks replay``."""

import os
import platform
import sys
from datetime import UTC, datetime

import click

from tests.benchmarks import markets_fold, replay, truth

BENCHMARKS = {"markets_fold": markets_fold.main, "replay": replay.main, "truth": truth.main}

click.echo(f"{os.cpu_count()} cores, Python {platform.python_version()}, {datetime.now(UTC):%Y-%m-%d}")
for name in sys.argv[1:] or BENCHMARKS:
    click.echo(f"\n{name}")
    BENCHMARKS[name]()
