"""Units of work on a connection of the pool."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager

import asyncpg
import structlog
from asyncpg.transaction import Transaction
from typing_extensions import override

from onex.errors import CallTimeoutError, CompositionError, OutageError
from onex.mixins.database import ProtocolDatabase
from onex.mixins.transactions.model_transactions_subcontract import ModelTransactionSubcontract
from onex.mixins.transactions.protocol_transactions import ProtocolTransactions, ProtocolUnitOfWork
from onex.postgres import acquired
from onex.util.clock import ProtocolClock

log = structlog.get_logger(__name__)


class UnitOfWork(ProtocolUnitOfWork):
    """One transaction of a connection. ``begun`` is None when transactions are disabled."""

    def __init__(
        self, settings: ModelTransactionSubcontract, connection: asyncpg.Connection, begun: Transaction | None
    ) -> None:
        self._settings = settings
        self._connection = connection
        self._begun = begun
        self.ended = ""
        """``committed`` or ``rolled back``. Empty while the unit is open."""

    @property
    @override
    def connection(self) -> asyncpg.Connection:
        self._must_be_open()
        return self._connection

    @override
    async def commit(self) -> None:
        self._must_be_open()
        if self._begun is not None:
            await self._begun.commit()
        self.ended = "committed"

    @override
    async def rollback(self) -> None:
        if not self._settings.rollback_support:
            raise CompositionError("rollback_support is false; raise an exception to roll back")
        self._must_be_open()
        await self.undo()

    async def undo(self) -> None:
        """Roll back, even without ``rollback_support``."""
        if self._begun is not None:
            await self._begun.rollback()
        self.ended = "rolled back"

    def _must_be_open(self) -> None:
        if self.ended:
            raise CompositionError(f"this unit of work is {self.ended}; begin a new one")

    @override
    @asynccontextmanager
    async def nested(self) -> "AsyncIterator[UnitOfWork]":
        if not self._settings.enable_savepoints:
            raise CompositionError("units of work cannot be nested while enable_savepoints is false")
        async with _unit(self._settings, self.connection) as inner:
            yield inner


class TransactionsEngine(ProtocolTransactions):
    """Begins units of work and counts how they end."""

    def __init__(
        self, settings: ModelTransactionSubcontract, database: ProtocolDatabase, clock: ProtocolClock
    ) -> None:
        self._settings = settings
        self._database = database
        self._clock = clock
        self._ends = {"committed": 0, "rolled back": 0}

    @override
    @asynccontextmanager
    async def begin(self) -> AsyncIterator[UnitOfWork]:
        began, limit = self._clock.monotonic(), self._settings.transaction_timeout_ms / 1000
        ended, begun = "rolled back", False
        try:
            async with asyncio.timeout(limit) as limited, acquired(self._database.pool) as connection:
                begun = True
                async with _unit(self._settings, connection) as unit:
                    yield unit
                ended = unit.ended
        except TimeoutError:
            if not limited.expired():
                raise
            if not begun:
                raise OutageError(f"PostgreSQL: no free connection within {limit:g} s") from None
            raise CallTimeoutError(f"a unit of work took longer than {limit:g} s and was rolled back") from None
        finally:
            self._ends[ended] += 1
            if self._settings.enable_transaction_logging:
                log.info("unit of work", ended=ended, seconds=round(self._clock.monotonic() - began, 6))

    def reported_metrics(self) -> Mapping[str, float]:
        """Committed units and rolled back units."""
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
        log.warning("a unit of work ended without commit and was rolled back")
        await unit.undo()
