"""An effect that misbehaves on request and remembers what it did."""

import asyncio
import os
from typing import ClassVar

from node_unruly_effect.v1_0_0.models import Act, Acted

from onex.node import Context, NodeEffect, TransientError


class NodeUnrulyEffect(NodeEffect):
    """See ``Act.mood``."""

    done: ClassVar[list[tuple[str, int]]] = []
    """Entity and number in the order the handler was called; for tests in one process."""

    down: ClassVar[set[str]] = set()
    """Entities whose part of the world does not answer."""

    async def act(self, command: Act, context: Context) -> Acted | list[Acted]:
        self.done.append((command.entity, command.number))
        if command.entity in self.down:
            raise TransientError("the world is down")
        match command.mood:
            case "transient":
                raise TransientError("the world is down")
            case "recovers" if context.attempt < 3:
                raise ConnectionError("try again")
            case "raise":
                raise KeyError("on request")
            case "hang":
                await asyncio.sleep(3600)
            case "slow" if not os.environ.get("ONEX_TEST_SURVIVE"):
                await asyncio.sleep(2.0)
            case "die" if not os.environ.get("ONEX_TEST_SURVIVE"):
                os._exit(9)
            case "wrong type":
                return "text"  # type: ignore[return-value]  # what the test is about
        return Acted(entity=command.entity, number=command.number, attempt=context.attempt)
