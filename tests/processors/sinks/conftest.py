from collections.abc import Iterator

import pytest

from tests.postgres import fresh_database, postgres


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[str]:
    with postgres() as url:
        yield url


@pytest.fixture
def database_url(postgres_server: str) -> str:
    """The address of a new database."""
    return fresh_database(postgres_server)
