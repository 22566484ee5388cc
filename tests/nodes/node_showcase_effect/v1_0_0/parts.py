"""What the showcase works with."""

from typing import Protocol

from node_showcase_effect.v1_0_0.models import Perform, Performed

from onex.node import Context


class ProtocolPerforming(Protocol):
    """What the showcase promises to be."""

    async def perform(self, command: Perform, context: Context) -> Performed: ...


class Basket:
    """Of one message."""

    def __init__(self) -> None:
        self.held: list[str] = []


class Echo:
    """An effect handler."""

    async def handle(self, payload: object) -> object:
        """The same."""
        return payload
