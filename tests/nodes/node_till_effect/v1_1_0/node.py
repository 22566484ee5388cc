"""Work, answer and event in one database transaction."""

from functools import partial

import asyncpg
from node_till_effect.v1_1_0.models import MoneyTaken, TakeMoney, TillChanged

from onex.node import Context, NodeEffect
from onex.postgres import Inbox, Outbox, reachable
from onex.settings import Settings

_TABLE = """
SELECT pg_advisory_xact_lock(hashtext('till'));
CREATE TABLE IF NOT EXISTS till (name text, amount int)
"""
"""Under a lock: instances that start together would both find the table missing, and one would fail."""


class NodeTillEffect(NodeEffect):
    """Inbox and outbox as the guarantees describe them."""

    _pool: asyncpg.Pool | None = None

    async def start(self) -> None:
        pool = self._pool = await reachable(
            asyncpg.create_pool(Settings.load().database_url.get_secret_value(), min_size=1, max_size=4, timeout=10)
        )
        assert pool is not None
        self._inbox = Inbox(pool, "node_till_effect", (MoneyTaken,))
        self._outbox = self.outbox = Outbox(pool, "node_till_effect")
        await reachable(self._inbox.prepare())
        await reachable(self._outbox.prepare())
        await reachable(pool.execute(_TABLE))

    async def stop(self) -> None:
        if self._pool is not None:
            self._pool.terminate()
            self._pool = None

    async def take(self, command: TakeMoney, context: Context) -> MoneyTaken | TillChanged:
        return await reachable(self._inbox.once(context, partial(self._take, command, context)))

    async def _take(self, command: TakeMoney, context: Context, connection: asyncpg.Connection) -> MoneyTaken:
        await connection.execute("INSERT INTO till VALUES ($1, $2)", command.till, command.amount)
        await self._outbox.put(connection, context, TillChanged(till=command.till, amount=command.amount))
        return MoneyTaken(till=command.till, amount=command.amount, note=command.note)
