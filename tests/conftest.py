"""What tests of every part share: the recorded data beside the tree, Hypothesis' profile, real brokers."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from pipeline.local.broker import broker, own_broker

ROOT = Path(__file__).parents[1]
SHARED = ROOT.parent / "shared"

# Shared machines are slow at times, hence no deadline; a failure prints the blob that reproduces it.
settings.register_profile(
    "sharpline",
    deadline=None,
    max_examples=100,
    print_blob=True,
    suppress_health_check=[HealthCheck.too_slow],
)
settings.load_profile("sharpline")


@pytest.fixture(scope="session")
def kafka() -> Iterator[str]:
    """Bootstrap address of the broker that the whole session shares; topics are those that its tests left."""
    with broker(short_lived=True) as shared:
        yield shared.bootstrap


@pytest.fixture
def fresh_kafka() -> Iterator[str]:
    """Bootstrap address of a broker on empty data that only this test sees; never a given one."""
    with own_broker(short_lived=True) as own:
        yield own.bootstrap
