"""A started command that is followed: its steps as they happen, and its end."""

import asyncio
from collections.abc import AsyncIterator

from onex.bus.aio import Listener
from onex.mesh.calls import Call, Step
from onex.model.message import Message


class MeshRun:
    """Iterate for the steps; ``completion`` gives the end. Made by :meth:`MeshClient.run`."""

    def __init__(self, call: Call, listeners: list[Listener]) -> None:
        self._call = call
        self._listeners = listeners

    @property
    def command_id(self) -> str:
        """Id and correlation id of the command."""
        return self._call.command_id

    async def __aiter__(self) -> AsyncIterator[Step]:
        """Every message on the command's way, until it has ended. Ends without raising when the command fails."""
        steps = self._call.steps
        assert steps is not None
        while (step := await steps.get()) is not None:
            yield step
        # Steps come over other partitions than the end does: read what was written before it.
        await asyncio.gather(*(listener.caught_up() for listener in self._listeners))
        while not steps.empty():
            if (step := steps.get_nowait()) is not None:
                yield step

    async def completion(self) -> Message:
        """The completion event; raises WorkflowFailedError or CommandRejectedError."""
        return await asyncio.shield(self._call.result)
