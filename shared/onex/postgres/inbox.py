"""Inbox: a message's work and its answer are written in one database transaction.

Delivered again (the process died before its offset was committed), or sent again under the same idempotency
key, the message finds its answer: nothing is done twice, and the same answer is given.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import TypeVar, cast

import asyncpg

from onex.model.message import Message
from onex.node import Context
from onex.node.idempotent_result import dump_result, load_result, require_same_work
from onex.util.failpoint import failpoint

Answer = TypeVar("Answer", bound=Message | Sequence[Message] | None)
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
_LOCK = 7_001_003
"""Advisory lock: two instances that start at once must not both create the tables."""
_KEPT = "30 days"
"""Longer than Kafka keeps any command: what is older cannot be delivered again."""


class Inbox:
    """Remembers what a node has answered, by idempotency key."""

    def __init__(self, pool: asyncpg.Pool, node: str, models: Sequence[type[Message]]) -> None:
        """``models``: every type of message that an answer may hold."""
        self._pool = pool
        self._node = node
        self._models = {model.__name__: model for model in models}

    async def prepare(self) -> None:
        """Create the tables, forget what can no longer be delivered again."""
        async with self._pool.acquire() as connection, connection.transaction():
            await connection.execute("SELECT pg_advisory_xact_lock($1)", _LOCK)
            await connection.execute(_TABLES)
        await self._pool.execute(f"DELETE FROM onex_inbox_answer WHERE taken_at < now() - interval '{_KEPT}'")

    async def once(self, context: Context, work: Callable[[asyncpg.Connection], Awaitable[Answer]]) -> Answer:
        """Do ``work`` in a transaction unless it was done before; either way give its answer.

        Raises RejectedError when the idempotency key is known for a message of another type or content. Rows of
        earlier versions have no digest, and are not compared.
        """
        async with self._pool.acquire() as connection:
            async with connection.transaction():
                failpoint("inbox.begun")
                # A second delivery that arrives meanwhile waits here for the first one's transaction to end.
                taken = await connection.fetchval(
                    "INSERT INTO onex_inbox_answer (node, key, digest) VALUES ($1, $2, $3) "
                    "ON CONFLICT DO NOTHING RETURNING 1",
                    self._node,
                    context.idempotency_key,
                    context.digest or None,
                )
                if taken is None:
                    return cast(Answer, await self._kept(connection, context))
                answer = await work(connection)
                failpoint("inbox.worked")
                await connection.execute(
                    "UPDATE onex_inbox_answer SET answer = $3 WHERE node = $1 AND key = $2",
                    self._node,
                    context.idempotency_key,
                    dump_result(answer),
                )
            failpoint("inbox.committed")
            return answer

    async def _kept(self, connection: asyncpg.Connection, context: Context) -> object:
        row = await connection.fetchrow(
            "SELECT answer, digest FROM onex_inbox_answer WHERE node = $1 AND key = $2",
            self._node,
            context.idempotency_key,
        )
        require_same_work(context.idempotency_key, row["digest"] or "", context.digest)
        return load_result(row["answer"], self._models)
