"""Real servers for capabilities that need them."""

import pytest

from onex.local import LocalPostgres


@pytest.fixture(scope="session")
def database_url(postgres: LocalPostgres) -> str:
    """The URL of a real PostgreSQL."""
    return postgres.start()
