"""Units of work over a connection of the pool."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import asyncpg
import structlog
from asyncpg.transaction import Transaction

from onex.errors import CallTimeoutError, CompositionError
from onex.mixins.database import ProtocolDatabase
from onex.mixins.transactions.model_transactions_subcontract import ModelTransactionSubcontract
from onex.util.clock import ProtocolClock

log = structlog.get_logger(__name__)


class UnitOfWork:
    """See :class:`ProtocolUnitOfWork`. ``begun`` is None where transactions are switched off."""

    def __init__(
        self, settings: ModelTransactionSubcontract, connection: asyncpg.Connection, begun: Transaction | None
    ) -> None:
        self._settings = settings
        self._connection = connection
        self._begun = begun
        self.ended = ""
        """How: ``committed`` or ``rolled back``."""

    @property
    def connection(self) -> asyncpg.Connection:
        """See the protocol."""
        self._must_be_open()
        return self._connection

    async def commit(self) -> None:
        """See the protocol."""
        self._must_be_open()
        if self._begun is not None:
            await self._begun.commit()
        self.ended = "committed"

    async def rollback(self) -> None:
        """See the protocol."""
        if not self._settings.rollback_support:
            raise CompositionError("rollback_support is off; raise an exception to undo the work")
        self._must_be_open()
        await self.undo()

    async def undo(self) -> None:
        """Roll back, whoever wants it."""
        if self._begun is not None:
            await self._begun.rollback()
        self.ended = "rolled back"

    def _must_be_open(self) -> None:
        if self.ended:
            raise CompositionError(f"this unit of work is {self.ended}; begin another one")

    @asynccontextmanager
    async def nested(self) -> "AsyncIterator[UnitOfWork]":
        """See the protocol."""
        if not self._settings.enable_savepoints:
            raise CompositionError("enable_savepoints is off; a unit of work cannot hold another one")
        async with _unit(self._settings, self.connection) as inner:
            yield inner


class TransactionsEngine:
    """See :class:`ProtocolTransactions`."""

    def __init__(
        self, settings: ModelTransactionSubcontract, database: ProtocolDatabase, clock: ProtocolClock
    ) -> None:
        self._settings = settings
        self._database = database
        self._clock = clock
        self._ends = {"committed": 0, "rolled back": 0}

    @asynccontextmanager
    async def begin(self) -> AsyncIterator[UnitOfWork]:
        """See the protocol."""
        began, limit = self._clock.monotonic(), self._settings.transaction_timeout_ms / 1000
        ended = "rolled back"
        try:
            async with asyncio.timeout(limit) as limited, self._database.pool.acquire() as connection:
                async with _unit(self._settings, connection) as unit:
                    yield unit
                ended = unit.ended
        except TimeoutError:
            if not limited.expired():
                raise
            raise CallTimeoutError(f"a unit of work took longer than {limit:g} s and was undone") from None
        finally:
            self._ends[ended] += 1
            if self._settings.enable_transaction_logging:
                log.info("unit of work", ended=ended, seconds=round(self._clock.monotonic() - began, 6))

    def reported_metrics(self) -> Mapping[str, float]:
        """Units committed and rolled back."""
        return {name.replace(" ", "_"): float(count) for name, count in self._ends.items()}


@asynccontextmanager
async def _unit(settings: ModelTransactionSubcontract, connection: asyncpg.Connection) -> AsyncIterator[UnitOfWork]:
    begun: Transaction | None = None
    if settings.transaction_enabled:
        nested = connection.is_in_transaction()
        begun = connection.transaction(isolation=None if nested else settings.isolation_level.lower())
        await begun.start()
    unit = UnitOfWork(settings, connection, begun)
    try:
        yield unit
    except BaseException:
        if not unit.ended:
            await unit.undo()
        raise
    if unit.ended:
        return
    if settings.auto_commit or begun is None:
        await unit.commit()
    else:
        log.warning("a unit of work ended without commit; it is undone")
        await unit.undo()
