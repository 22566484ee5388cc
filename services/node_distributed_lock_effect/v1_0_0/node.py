"""Leases with fencing tokens, in PostgreSQL."""

from functools import partial

import asyncpg

from node_distributed_lock_effect.v1_0_0 import leases
from node_distributed_lock_effect.v1_0_0.models import (
    AcquireLock,
    LockAcquired,
    LockDenied,
    LockLost,
    LockReleased,
    LockRenewed,
    ReleaseLock,
    RenewLock,
)
from onex.node import Context, NodeConfig, NodeEffect, TransientError
from onex.postgres import Inbox, reachable
from onex.settings import Settings

NAME = "node_distributed_lock_effect"
_SCHEMA_LOCK = 7_001_005
"""Advisory lock: two instances that start at once must not both create the table."""


class NodeDistributedLockEffect(NodeEffect):
    """A command delivered again gives the answer it gave: a lease is not taken twice."""

    class Config(NodeConfig):
        pool_size: int

    config: Config
    _pool: asyncpg.Pool | None = None

    async def start(self) -> None:
        url = Settings.load().database_url
        if not url:
            raise TransientError("no database: run `onex up`, or set DATABASE_URL")
        pool = self._pool = await reachable(
            asyncpg.create_pool(url, min_size=1, max_size=self.config.pool_size, timeout=10)
        )
        self._inbox = Inbox(pool, NAME, (LockAcquired, LockDenied, LockRenewed, LockReleased, LockLost))
        await reachable(self._prepare(pool))

    async def stop(self) -> None:
        if self._pool is not None:
            self._pool.terminate()
            self._pool = None

    async def acquire(self, command: AcquireLock, context: Context) -> LockAcquired | LockDenied:
        return await reachable(self._inbox.once(context, partial(leases.acquire, command=command)))

    async def renew(self, command: RenewLock, context: Context) -> LockRenewed | LockLost:
        return await reachable(self._inbox.once(context, partial(leases.renew, command=command)))

    async def release(self, command: ReleaseLock, context: Context) -> LockReleased | LockLost:
        return await reachable(self._inbox.once(context, partial(leases.release, command=command)))

    async def _prepare(self, pool: asyncpg.Pool) -> None:
        async with pool.acquire() as connection, connection.transaction():
            await connection.execute("SELECT pg_advisory_xact_lock($1)", _SCHEMA_LOCK)
            await connection.execute(leases.TABLES)
        await self._inbox.prepare()
