"""Typed operations on projections in PostgreSQL, each done once however often it is delivered."""

import json
from functools import partial

import asyncpg

from node_postgres_adapter_effect.v1_0_0 import projections
from node_postgres_adapter_effect.v1_0_0.models import (
    DeleteProjection,
    ProjectionDeleted,
    ProjectionQueried,
    ProjectionUpserted,
    QueryProjection,
    UpsertProjection,
)
from onex.node import Context, NodeConfig, NodeEffect, RejectedError, TransientError
from onex.postgres import Inbox, reachable
from onex.settings import Settings

NAME = "node_postgres_adapter_effect"
_SCHEMA_LOCK = 7_001_002
"""Advisory lock: two instances that start at once must not both create the tables."""


class NodePostgresAdapterEffect(NodeEffect):
    """Writes go through the inbox; queries only read."""

    class Config(NodeConfig):
        pool_size: int

    config: Config
    _pool: asyncpg.Pool | None = None

    async def start(self) -> None:
        url = Settings.load().database_url
        if not url:
            raise TransientError("no database: run `onex up`, or set DATABASE_URL")
        self._pool = await reachable(asyncpg.create_pool(url, min_size=1, max_size=self.config.pool_size, timeout=10))
        self.inbox = Inbox(self._pool, NAME, (ProjectionUpserted, ProjectionDeleted))
        await reachable(self._prepare(self._pool))

    async def stop(self) -> None:
        if self._pool is not None:
            self._pool.terminate()
            self._pool = None

    async def upsert(self, command: UpsertProjection, context: Context) -> ProjectionUpserted:
        try:
            document = json.loads(command.document)
        except json.JSONDecodeError as error:
            raise RejectedError(f"document is not JSON: {error}") from None
        if not isinstance(document, dict):
            raise RejectedError(f"document is a {type(document).__name__}, not an object")
        work = partial(projections.upsert, command=command)
        return await reachable(self.inbox.once(context, work))

    async def delete(self, command: DeleteProjection, context: Context) -> ProjectionDeleted:
        work = partial(projections.delete, command=command)
        return await reachable(self.inbox.once(context, work))

    async def query(self, command: QueryProjection, context: Context) -> ProjectionQueried:
        return await reachable(projections.query(self.pool, command))

    @property
    def pool(self) -> asyncpg.Pool:
        """The pool that ``start`` opened."""
        assert self._pool is not None
        return self._pool

    async def _prepare(self, pool: asyncpg.Pool) -> None:
        async with pool.acquire() as connection, connection.transaction():
            await connection.execute("SELECT pg_advisory_xact_lock($1)", _SCHEMA_LOCK)
            await connection.execute(projections.TABLES)
        await self.inbox.prepare()
