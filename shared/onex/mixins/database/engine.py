"""An asyncpg pool and its transactions."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Hashable, Mapping
from contextlib import asynccontextmanager
from typing import Final, TypeVar

import asyncpg
from tenacity import AsyncRetrying, retry_if_exception_type, stop_after_attempt
from typing_extensions import override

from onex.capability import AgentEnvironment, NodeIdentity, SharedResources
from onex.errors import CompositionError, NodeUseError, OutageError, TransientError
from onex.mixins.database.model_database_subcontract import EnumIsolation, EnumPooler, ModelDatabaseSubcontract
from onex.mixins.database.protocol_database import ProtocolDatabase
from onex.postgres import MeasuredPool, open_pool, passing, unreachable
from onex.util.backoff import doubling
from onex.util.clock import ProtocolClock

T = TypeVar("T")
_REPEATABLE = (asyncpg.SerializationError, asyncpg.DeadlockDetectedError)
_ENSURE_LOCK = 7_001_010
"""Advisory lock, so that instances that start together do not create the same table."""
_CLOSE_TIMEOUT = 5.0
DATABASE: Final = "database"
"""Name of the health check."""
_POOLED: Mapping[EnumPooler, bool | None] = {
    EnumPooler.AUTO: None,
    EnumPooler.NONE: False,
    EnumPooler.TRANSACTION: True,
}


class DatabaseEngine(ProtocolDatabase):
    """Transactions on a pool, which the nodes of a process share. Belongs to one event loop."""

    def __init__(
        self,
        settings: ModelDatabaseSubcontract,
        identity: NodeIdentity,
        environment: AgentEnvironment,
        shared: SharedResources | None = None,
        clock: ProtocolClock | None = None,
    ) -> None:
        self._settings = settings
        self._name = identity.name
        self._url = settings.url.get_secret_value() or environment.database_url
        self._shared = shared or SharedResources()
        self._clock = clock
        self._pool: MeasuredPool | None = None

    async def open(self) -> None:
        """Connect. Raise TransientError while the database is away; the agent retries."""
        if not self._url:
            raise TransientError("no database: run `onex up`, set DATABASE_URL, or set `url` in the contract")
        async with _reachable():
            self._pool = await self._shared.get(self._key, self._connected, _closed)

    @property
    def _key(self) -> Hashable:
        """All that the pool depends on. Not the name of the node: the pool has that of the first."""
        settings = self._settings
        return (
            "postgres",
            self._url,
            settings.pool_min,
            settings.pool_max,
            settings.connect_timeout_seconds,
            settings.statement_timeout_seconds,
            settings.pooler,
            settings.leak_after_seconds,
        )

    async def _connected(self) -> MeasuredPool:
        settings = self._settings
        return await open_pool(
            self._url,
            self._name[:63],
            min_size=settings.pool_min,
            max_size=settings.pool_max,
            connect_timeout=settings.connect_timeout_seconds,
            statement_timeout=settings.statement_timeout_seconds,
            pooled=_POOLED[settings.pooler],
            leak_after=settings.leak_after_seconds,
            clock=self._clock,
        )

    async def close(self) -> None:
        """Give up the pool. Its last user waits up to 5 seconds for running statements, then closes it."""
        pool, self._pool = self._pool, None
        if pool is not None:
            await self._shared.release(self._key)

    @property
    @override
    def pool(self) -> MeasuredPool:
        if self._pool is None:
            raise CompositionError("the database is not open; start the node first")
        return self._pool

    @override
    @asynccontextmanager
    async def transaction(
        self, *, isolation: EnumIsolation | None = None, readonly: bool = False
    ) -> AsyncIterator[asyncpg.Connection]:
        async with _reachable(passing), self._begun(isolation, readonly=readonly) as connection:
            yield connection

    @asynccontextmanager
    async def _begun(self, isolation: EnumIsolation | None, *, readonly: bool) -> AsyncIterator[asyncpg.Connection]:
        level = (isolation or self._settings.isolation).lower()
        try:
            connection = await self.pool.acquire(timeout=self._settings.acquire_timeout_seconds)
        except TimeoutError:
            waited = self._settings.acquire_timeout_seconds
            raise OutageError(f"PostgreSQL: no free connection within {waited:g} s", dependency=DATABASE) from None
        except Exception as error:
            raise _of_database(unreachable(error) or error) from error
        try:
            async with connection.transaction(isolation=level, readonly=readonly):
                yield connection
        except asyncpg.ReadOnlySQLTransactionError as error:
            if readonly:  # not a server that has become read-only
                raise NodeUseError(f"{error}; this transaction was begun with readonly=True") from error
            raise
        finally:
            await self.pool.release(connection)

    @override
    async def run(
        self, work: Callable[[asyncpg.Connection], Awaitable[T]], *, isolation: EnumIsolation | None = None
    ) -> T:
        delay = self._settings.retry_delay_seconds
        attempts = AsyncRetrying(
            stop=stop_after_attempt(self._settings.serialization_retries + 1),
            wait=doubling(delay, jitter=delay),
            retry=retry_if_exception_type(_REPEATABLE),
            reraise=True,
        )
        async with _reachable(passing):
            return await attempts(self._once, work, isolation)

    async def _once(self, work: Callable[[asyncpg.Connection], Awaitable[T]], isolation: EnumIsolation | None) -> T:
        async with self._begun(isolation, readonly=False) as connection:
            return await work(connection)

    @override
    async def ensure(self, statements: str) -> None:
        async with self.transaction() as connection:
            await connection.execute("SELECT pg_advisory_xact_lock($1)", _ENSURE_LOCK)
            await connection.execute(statements)

    @override
    async def ping(self) -> None:
        pool = self.pool
        pool.name_leaks()
        # The time limit also bounds the release of a connection that leads nowhere.
        async with _reachable(), pool.acquire(timeout=self._settings.check_timeout_seconds) as connection:
            try:
                await connection.fetchval("SELECT 1")
            except BaseException:
                # Others may lead nowhere as well: their next callers connect again, and see the outage.
                await pool.expire_connections()
                raise

    def reported_metrics(self) -> Mapping[str, float]:
        """The figures of the pool, which several nodes may share."""
        return {"connections": 0.0, "idle": 0.0} if self._pool is None else self._pool.figures


async def _closed(pool: MeasuredPool) -> None:
    try:
        async with asyncio.timeout(_CLOSE_TIMEOUT):
            await pool.close()
    except TimeoutError:
        pool.terminate()


@asynccontextmanager
async def _reachable(
    classify: Callable[[BaseException], TransientError | None] = unreachable,
) -> AsyncIterator[None]:
    """Turn failures that may pass into OutageError or TransientError."""
    try:
        yield
    except Exception as error:
        if (transient := classify(error)) is None:
            raise
        raise _of_database(transient) from error


def _of_database(error: Exception) -> Exception:
    match error:
        case OutageError():
            error.dependency = DATABASE
    return error
