"""Store generated nodes."""

import asyncio
from functools import partial
from pathlib import Path

from node_store_effect.v1_0_0.models import NodeStored, StoreNode
from node_store_effect.v1_0_0.store import TABLES, export, store
from onex.mixins.database import MixinDatabase
from onex.node import Context, NodeConfig, NodeEffect


class NodeStoreEffect(MixinDatabase, NodeEffect):
    """Store packages in PostgreSQL by digest, and export them to a folder."""

    class Config(NodeConfig):
        export_folder: Path

    config: Config

    async def start(self) -> None:
        await self.database.ensure(TABLES)

    async def store(self, command: StoreNode, context: Context) -> NodeStored:
        digest = await self.database.run(partial(store, command=command))
        folder = await asyncio.to_thread(export, self.config.export_folder.resolve(), digest, command.files)
        return NodeStored(generation_id=command.generation_id, digest=digest, folder=str(folder))
