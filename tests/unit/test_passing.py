"""Which failures of PostgreSQL pass, with the classes that asyncpg raises."""

import asyncio

import asyncpg
import pytest

from onex.errors import OutageError, TransientError
from onex.postgres import passing, reachable, unreachable


@pytest.mark.parametrize(
    "error",
    [
        asyncpg.PostgresConnectionError("x"),
        asyncpg.ConnectionDoesNotExistError("x"),
        asyncpg.ProtocolViolationError("server login failed: sent by PgBouncer"),
        asyncpg.TooManyConnectionsError("x"),
        asyncpg.DiskFullError("x"),
        asyncpg.InvalidPasswordError("x"),
        asyncpg.InvalidAuthorizationSpecificationError("x"),
        asyncpg.InvalidCatalogNameError("x"),
        asyncpg.ReadOnlySQLTransactionError("x"),
        asyncpg.AdminShutdownError("x"),
        asyncpg.CrashShutdownError("x"),
        asyncpg.CannotConnectNowError("x"),
        asyncpg.InterfaceError("cannot perform operation: connection is closed"),
        asyncpg.InterfaceError("pool is closing"),
        asyncpg.InternalClientError("got result for unknown protocol state 3"),
    ],
    ids=lambda error: f"{type(error).__name__} {error}"[:50],
)
def test_a_database_that_is_away_is_an_outage(error: Exception) -> None:
    assert isinstance(passing(error), OutageError)


@pytest.mark.parametrize(
    "error",
    [
        asyncpg.SerializationError("x"),
        asyncpg.DeadlockDetectedError("x"),
        asyncpg.QueryCanceledError("statement timeout"),
        asyncpg.OutOfMemoryError("x"),
        asyncpg.InternalClientError("x"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_what_the_statement_may_have_caused_is_an_attempt(error: Exception) -> None:
    found = passing(error)
    assert isinstance(found, TransientError)
    assert not isinstance(found, OutageError)


@pytest.mark.parametrize(
    "error",
    [
        asyncpg.UniqueViolationError("x"),
        asyncpg.UndefinedTableError("x"),
        asyncpg.DataError("invalid input for query argument: connection is closed"),
        asyncpg.InterfaceError("the server expects 1 argument for this query, 0 were passed"),
        asyncpg.InterfaceError("cannot perform operation: another operation is in progress"),
        OSError("another service"),
        KeyError("x"),
    ],
    ids=lambda error: f"{type(error).__name__} {error}"[:50],
)
def test_everything_else_is_what_it_is(error: Exception) -> None:
    assert passing(error) is None


@pytest.mark.parametrize("error", [ConnectionRefusedError(), TimeoutError(), OSError("no route")], ids=repr)
def test_a_failing_network_is_an_outage_of_a_call_that_asks_only_the_database(error: Exception) -> None:
    async def fails() -> None:
        raise error

    assert isinstance(unreachable(error), OutageError)
    with pytest.raises(OutageError):
        asyncio.run(reachable(fails()))
