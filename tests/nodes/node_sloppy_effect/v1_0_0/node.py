"""An effect at least once."""

import asyncio

from node_sloppy_effect.v1_0_0.models import Act, Acted

from onex.node import Context, NodeEffect


class NodeSloppyEffect(NodeEffect):
    """Takes its time; ``raise`` raises."""

    async def act(self, command: Act, context: Context) -> Acted:
        if command.mood == "raise":
            raise KeyError("on request")
        await asyncio.sleep(0.2)
        return Acted(entity=command.entity, number=command.number, attempt=context.attempt)
