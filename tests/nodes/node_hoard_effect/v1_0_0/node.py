"""An effect that hoards memory."""

import asyncio
import os
from pathlib import Path

from node_hoard_effect.v1_0_0.models import EffectHoard, EffectHoarded

from onex.node import Context, NodeConfig, NodeEffect


class NodeHoardEffect(NodeEffect):
    """Its memory is in use until the file ``release`` is in the agent's home."""

    def __init__(self, config: NodeConfig | None = None) -> None:
        super().__init__(config)
        self.hoard = b""
        self.releasing: asyncio.Task[None] | None = None

    async def execute(self, command: EffectHoard, context: Context) -> EffectHoarded:
        """Take memory."""
        if command.mebibytes:
            self.hoard = b"x" * (command.mebibytes * 1024 * 1024)
            self.releasing = asyncio.create_task(self._release())
        return EffectHoarded(name=command.name)

    async def _release(self) -> None:
        while not (Path(os.environ["ONEX_HOME"]) / "release").exists():
            await asyncio.sleep(0.05)
        self.hoard = b""
