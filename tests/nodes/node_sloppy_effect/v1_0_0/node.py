"""An effect at least once."""

import asyncio
import os

from node_sloppy_effect.v1_0_0.models import Act, Acted

from onex.node import Context, NodeEffect


class NodeSloppyEffect(NodeEffect):
    """Takes its time by default; ``raise`` raises."""

    async def act(self, command: Act, context: Context) -> Acted:
        if command.mood == "raise":
            raise KeyError("on request")
        if not os.environ.get("ONEX_TEST_SURVIVE"):
            await asyncio.sleep(2.0)
        return Acted(entity=command.entity, number=command.number, attempt=context.attempt)
