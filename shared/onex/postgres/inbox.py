"""Inbox: the work of a message and its result are written in one database transaction.

A message may be delivered again, because the process ended before its offset was committed, or sent again under the
same idempotency key. The inbox then returns the stored result, and the work is not done twice.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar, cast

import asyncpg

from onex.capability.health import HealthCheck
from onex.model.message import Message
from onex.node import Context
from onex.node.idempotent_result import dump_result, load_result, require_same_work
from onex.postgres.reachable import acquired, pool_check, reachable
from onex.util.failpoint import failpoint

Result = TypeVar("Result", bound=Message | Sequence[Message] | None)
_TABLES = """
CREATE TABLE IF NOT EXISTS onex_inbox_answer (
    node     text NOT NULL,
    key      text NOT NULL,
    answer   jsonb,
    taken_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (node, key)
);
ALTER TABLE onex_inbox_answer ADD COLUMN IF NOT EXISTS digest text;
CREATE INDEX IF NOT EXISTS onex_inbox_answer_taken_at ON onex_inbox_answer (taken_at);
"""
_CHECK = "inbox"
"""Name of the health check."""
_LOCK = 7_001_003
"""Advisory lock, so that two instances that start together do not both create the tables."""
_RETENTION = "30 days"
"""Longer than Kafka retains any command, so that no older message can be delivered again."""


class Inbox:
    """The stored results of a node, by idempotency key."""

    def __init__(self, pool: asyncpg.Pool, node: str, models: Sequence[type[Message]]) -> None:
        """``models`` are all types of messages in results."""
        self._pool = pool
        self._node = node
        self._models = {model.__name__: model for model in models}

    async def prepare(self) -> None:
        """Create the tables, and delete results of messages that cannot be delivered again."""
        async with acquired(self._pool) as connection, connection.transaction():
            await connection.execute("SELECT pg_advisory_xact_lock($1)", _LOCK)
            await connection.execute(_TABLES)
        outdated = f"DELETE FROM onex_inbox_answer WHERE taken_at < now() - interval '{_RETENTION}'"
        await reachable(self._pool.execute(outdated))

    def dependency_check(self) -> HealthCheck:
        """Return the check of the database, for the agent."""
        return pool_check(_CHECK, self._pool)

    async def once(self, context: Context, work: Callable[[asyncpg.Connection], Awaitable[Result]]) -> Result:
        """Run ``work`` in a transaction and return its result, or return the stored result of an earlier run.

        Raise RejectedError when the idempotency key is stored for a message of another type or content. Rows of
        earlier versions have no digest and are not compared.
        """
        async with acquired(self._pool, _CHECK) as connection:
            async with connection.transaction():
                failpoint("inbox.begun")
                # A concurrent second delivery waits here until the transaction of the first one ends.
                inserted = await connection.fetchval(
                    "INSERT INTO onex_inbox_answer (node, key, digest) VALUES ($1, $2, $3) "
                    "ON CONFLICT DO NOTHING RETURNING 1",
                    self._node,
                    context.idempotency_key,
                    context.digest or None,
                )
                if inserted is None:
                    return cast(Result, await self._stored(connection, context))
                result = await work(connection)
                failpoint("inbox.worked")
                await connection.execute(
                    "UPDATE onex_inbox_answer SET answer = $3 WHERE node = $1 AND key = $2",
                    self._node,
                    context.idempotency_key,
                    dump_result(result),
                )
            failpoint("inbox.committed")
            return result

    async def _stored(self, connection: asyncpg.Connection, context: Context) -> object:
        row = await connection.fetchrow(
            "SELECT answer, digest FROM onex_inbox_answer WHERE node = $1 AND key = $2",
            self._node,
            context.idempotency_key,
        )
        require_same_work(context.idempotency_key, row["digest"] or "", context.digest)
        return load_result(row["answer"], self._models)
