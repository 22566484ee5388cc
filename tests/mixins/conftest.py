"""Real servers for capabilities that work with some."""

import pytest

from onex.local import LocalPostgres


@pytest.fixture(scope="session")
def database_url(postgres: LocalPostgres) -> str:
    """Address of a real PostgreSQL."""
    return postgres.start()
