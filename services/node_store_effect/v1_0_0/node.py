"""Stores generated nodes."""

import asyncio
from pathlib import Path

import asyncpg

from node_store_effect.v1_0_0.models import NodeStored, StoreNode
from node_store_effect.v1_0_0.store import create_tables, export, store
from onex.node import Context, NodeConfig, NodeEffect, TransientError
from onex.settings import Settings

_UNREACHABLE = (OSError, asyncpg.PostgresConnectionError, asyncpg.CannotConnectNowError, asyncpg.InterfaceError)


class NodeStoreEffect(NodeEffect):
    """PostgreSQL by digest, and a folder for people."""

    class Config(NodeConfig):
        export_folder: Path
        pool_size: int

    config: Config
    _pool: asyncpg.Pool | None = None

    async def start(self) -> None:
        url = Settings.load().database_url
        if not url:
            raise TransientError("no database: run `onex up`, or set DATABASE_URL")
        try:
            self._pool = await asyncpg.create_pool(url, min_size=1, max_size=self.config.pool_size, timeout=10)
            await create_tables(self._pool)
        except _UNREACHABLE as error:
            raise TransientError(f"PostgreSQL: {error}") from error

    async def stop(self) -> None:
        if self._pool is not None:
            self._pool.terminate()
            self._pool = None

    async def store(self, command: StoreNode, context: Context) -> NodeStored:
        assert self._pool is not None
        try:
            digest = await store(self._pool, command.generation_id, command.name, command.version, command.files)
        except _UNREACHABLE as error:
            raise TransientError(f"PostgreSQL: {error}") from error
        folder = await asyncio.to_thread(export, self.config.export_folder.resolve(), digest, command.files)
        return NodeStored(generation_id=command.generation_id, digest=digest, folder=str(folder))
