"""A command that a caller follows: its steps as they happen, and its end."""

import asyncio
from collections.abc import AsyncIterator, Sequence

from onex.bus.async_protocols import ProtocolAsyncListener
from onex.mesh.calls import Call, Step
from onex.model.message import Message


class MeshRun:
    """Iterate over it for the steps; ``completion`` returns the end. :meth:`MeshClient.run` creates it."""

    def __init__(self, call: Call, listeners: Sequence[ProtocolAsyncListener]) -> None:
        self._call = call
        self._listeners = listeners

    @property
    def command_id(self) -> str:
        """Id of the command, which is also the correlation id."""
        return self._call.command_id

    async def __aiter__(self) -> AsyncIterator[Step]:
        """Yield every message between the command and its end. Ends without raising when the command fails."""
        steps = self._call.steps
        assert steps is not None
        while (step := await steps.get()) is not None:
            yield step
        # Steps are in other partitions than the end: read the steps that were written before it.
        await asyncio.gather(*(listener.caught_up() for listener in self._listeners))
        while not steps.empty():
            if (step := steps.get_nowait()) is not None:
                yield step

    async def completion(self) -> Message:
        """Return the completion event. Raise WorkflowFailedError or CommandRejectedError."""
        return await asyncio.shield(self._call.result)
