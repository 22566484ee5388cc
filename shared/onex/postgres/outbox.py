"""Outbox: events that are written in the same database transaction as the work that they report.

The agent publishes them: :mod:`onex.agent.effect.outbox_relay`.
"""

import asyncio
from collections.abc import Sequence
from contextlib import suppress

import asyncpg
from typing_extensions import override

from onex.capability.health import HealthCheck
from onex.model.message import Message
from onex.node import Context
from onex.node.outbox import OutboxEvent, ProtocolOutbox
from onex.postgres.pool import is_pooled
from onex.postgres.reachable import acquired, pool_check, reachable
from onex.wire.ids import derived_id

_TABLES = """
CREATE TABLE IF NOT EXISTS onex_outbox_event (
    number         bigserial PRIMARY KEY,
    node           text NOT NULL,
    id             text NOT NULL,
    type           text NOT NULL,
    body           jsonb NOT NULL,
    key            text NOT NULL,
    correlation_id text NOT NULL,
    causation_id   text NOT NULL
);
"""
_LOCK = 7_001_004
_CHANNEL = "onex_outbox"


class Outbox(ProtocolOutbox):
    """An outbox in PostgreSQL. Assign it to ``self.outbox`` in the node's ``start``."""

    def __init__(self, pool: asyncpg.Pool, node: str) -> None:
        self._pool = pool
        self._node = node
        self._leader: asyncpg.Connection | None = None
        self._has_new = asyncio.Event()

    async def prepare(self) -> None:
        """Create the table."""
        async with acquired(self._pool) as connection, connection.transaction():
            await connection.execute("SELECT pg_advisory_xact_lock($1)", _LOCK)
            await connection.execute(_TABLES)

    def dependency_check(self) -> HealthCheck:
        """Return the check of the database, for the agent."""
        return pool_check("outbox", self._pool)

    async def put(self, connection: asyncpg.Connection, context: Context, *events: Message, key: str = "") -> None:
        """Write events in the transaction of ``connection``: they are published if and only if it commits."""
        for index, event in enumerate(events):
            await connection.execute(
                "INSERT INTO onex_outbox_event (node, id, type, body, key, correlation_id, causation_id) "
                "VALUES ($1, $2, $3, $4, $5, $6, $7)",
                self._node,
                derived_id(self._node, context.idempotency_key, type(event).__name__, str(index)),
                type(event).__name__,
                event.to_stored_json(),
                key,
                context.correlation_id,
                context.message_id,
            )
        await connection.execute(f"NOTIFY {_CHANNEL}")

    @override
    async def lead(self) -> bool:
        """Return whether this process has the advisory lock of the node, on a connection of its own.

        Behind a pooler the lock belongs to a transaction that stays open. There are no notifications about new events
        then, and ``wait`` returns after its time.
        """
        if self._leads():
            return True
        connection = await reachable(self._pool.acquire())
        try:
            self._leader = connection if await reachable(self._lock(connection)) else None
        finally:
            if self._leader is not connection:
                await reachable(self._pool.release(connection))
        return self._leader is not None

    def _leads(self) -> bool:
        try:
            return self._leader is not None and not self._leader.is_closed()
        except asyncpg.InterfaceError:  # the connection was lost, and the pool has taken it back
            return False

    async def _lock(self, connection: asyncpg.Connection) -> bool:
        if await is_pooled(connection):
            return await self._lock_with_transaction(connection)
        query = "SELECT pg_try_advisory_lock($1, hashtext($2))"
        if not await connection.fetchval(query, _LOCK, self._node):
            return False
        await connection.add_listener(_CHANNEL, lambda *_: self._has_new.set())
        return True

    async def _lock_with_transaction(self, connection: asyncpg.Connection) -> bool:
        """Lock in an open transaction. It has read no table, so it delays neither vacuum nor other transactions."""
        transaction = connection.transaction()
        await transaction.start()
        await connection.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
        if await connection.fetchval("SELECT pg_try_advisory_xact_lock($1, hashtext($2))", _LOCK, self._node):
            return True
        await transaction.rollback()
        return False

    @override
    async def take(self, most: int) -> Sequence[OutboxEvent]:
        rows = await reachable(
            self._pool.fetch(
                "SELECT number, id, type, body, key, correlation_id, causation_id FROM onex_outbox_event "
                "WHERE node = $1 ORDER BY number LIMIT $2",
                self._node,
                most,
            )
        )
        return [OutboxEvent(*row.values()) for row in rows]

    @override
    async def done(self, numbers: Sequence[int]) -> None:
        await reachable(
            self._pool.execute("DELETE FROM onex_outbox_event WHERE number = ANY($1::bigint[])", list(numbers))
        )

    @override
    async def wait(self, seconds: float) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._has_new.wait()
        self._has_new.clear()
