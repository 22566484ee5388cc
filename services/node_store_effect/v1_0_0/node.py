"""Store generated nodes."""

import asyncio
from functools import partial
from pathlib import Path

from node_store_effect.v1_0_0.models import NodeStored, StoreNode
from node_store_effect.v1_0_0.store import TABLES, export, store
from onex.mixins.alerting import MixinAlerting
from onex.mixins.database import MixinDatabase
from onex.mixins.metrics import MixinMetrics
from onex.mixins.tracing import MixinTracing
from onex.node import Context, NodeConfig, NodeEffect


class NodeStoreEffect(MixinAlerting, MixinDatabase, MixinMetrics, MixinTracing, NodeEffect):
    """Store packages in PostgreSQL by digest, and export them to a folder."""

    class Config(NodeConfig):
        export_folder: Path

    config: Config

    async def start(self) -> None:
        await self.database.ensure(TABLES)

    async def store(self, command: StoreNode, context: Context) -> NodeStored:
        with self.tracing.span("store in the database"):
            digest = await self.database.run(partial(store, command=command))
        with self.tracing.span("export", files=len(command.files)):
            folder = await asyncio.to_thread(export, self.config.export_folder.resolve(), digest, command.files)
        self.metrics.increment("store_stored_bytes", sum(len(text.encode()) for text in command.files.values()))
        return NodeStored(generation_id=command.generation_id, digest=digest, folder=str(folder))
