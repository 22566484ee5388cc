"""Leases with fencing tokens, in PostgreSQL."""

from functools import partial

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
from onex.mixins.alerting import MixinAlerting
from onex.mixins.database import MixinDatabase
from onex.mixins.metrics import MixinMetrics
from onex.node import Context, NodeEffect
from onex.postgres import Inbox, reachable

NAME = "node_distributed_lock_effect"


class NodeDistributedLockEffect(MixinAlerting, MixinDatabase, MixinMetrics, NodeEffect):
    """A command that is delivered again returns its first result: a lease is not acquired twice."""

    async def start(self) -> None:
        self._inbox = Inbox(self.database.pool, NAME, (LockAcquired, LockDenied, LockRenewed, LockReleased, LockLost))
        await self.database.ensure(leases.TABLES)
        await reachable(self._inbox.prepare())

    async def acquire(self, command: AcquireLock, context: Context) -> LockAcquired | LockDenied:
        decision = await reachable(self._inbox.once(context, partial(leases.acquire, command=command)))
        self._count(decision)
        return decision

    async def renew(self, command: RenewLock, context: Context) -> LockRenewed | LockLost:
        decision = await reachable(self._inbox.once(context, partial(leases.renew, command=command)))
        self._count(decision)
        return decision

    async def release(self, command: ReleaseLock, context: Context) -> LockReleased | LockLost:
        decision = await reachable(self._inbox.once(context, partial(leases.release, command=command)))
        self._count(decision)
        return decision

    def _count(self, decision: LockAcquired | LockDenied | LockRenewed | LockReleased | LockLost) -> None:
        name = type(decision).__name__.removeprefix("Lock").lower()
        self.metrics.increment("lock_decisions", decision=name)
