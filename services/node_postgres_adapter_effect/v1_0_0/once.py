"""Inbox and outbox: a message's work and its outputs are written in one database transaction.

Delivered again (the process died before its offset was committed), the message finds itself in the
inbox and its outputs in the outbox: nothing is done twice, and the same outputs are published.
"""

import json
from collections.abc import Awaitable, Callable
from typing import TypeVar

import asyncpg

from onex.node import Context, Message

M = TypeVar("M", bound=Message)
TABLES = """
CREATE TABLE IF NOT EXISTS onex_inbox (
    node       text NOT NULL,
    message_id text NOT NULL,
    taken_at   timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (node, message_id)
);
CREATE TABLE IF NOT EXISTS onex_outbox (
    node       text NOT NULL,
    message_id text NOT NULL,
    type       text NOT NULL,
    body       jsonb NOT NULL,
    PRIMARY KEY (node, message_id),
    FOREIGN KEY (node, message_id) REFERENCES onex_inbox ON DELETE CASCADE
);
CREATE INDEX IF NOT EXISTS onex_inbox_taken_at ON onex_inbox (taken_at);
"""
_KEPT = "30 days"
"""Longer than Kafka keeps any command: what is older cannot be delivered again."""


async def once(
    pool: asyncpg.Pool,
    node: str,
    context: Context,
    model: type[M],
    work: Callable[[asyncpg.Connection], Awaitable[M]],
) -> M:
    """Do ``work`` unless this message was done before; either way give what it came to."""
    async with pool.acquire() as connection, connection.transaction():
        # A second delivery that arrives meanwhile waits here for the first one's transaction to end.
        taken = await connection.fetchval(
            "INSERT INTO onex_inbox (node, message_id) VALUES ($1, $2) ON CONFLICT DO NOTHING RETURNING 1",
            node,
            context.message_id,
        )
        if taken is None:
            body = await connection.fetchval(
                "SELECT body FROM onex_outbox WHERE node = $1 AND message_id = $2", node, context.message_id
            )
            return model.model_validate_json(body)
        result = await work(connection)
        await connection.execute(
            "INSERT INTO onex_outbox (node, message_id, type, body) VALUES ($1, $2, $3, $4)",
            node,
            context.message_id,
            model.__name__,
            json.dumps(result.model_dump(mode="json")),
        )
        return result


async def forget_old(pool: asyncpg.Pool) -> None:
    """Drop what can no longer be delivered again."""
    await pool.execute(f"DELETE FROM onex_inbox WHERE taken_at < now() - interval '{_KEPT}'")
