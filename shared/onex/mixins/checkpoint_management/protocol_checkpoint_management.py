"""Interface of checkpoint management."""

from collections.abc import Sequence
from typing import Protocol

from onex.capability.checkpoints import CheckpointFacts

__all__ = ["CheckpointFacts", "ProtocolCheckpointManagement"]


class ProtocolCheckpointManagement(Protocol):
    """The checkpoints of a node with keyed state, for handlers of an EFFECT.

    Both methods raise NodeUseError in a REDUCER or ORCHESTRATOR: its results depend on its state and its messages
    alone. They raise TransientError when the checkpoints cannot be written or read now.
    """

    async def make(self, name: str, *, key: str | None = None, reason: str = "") -> CheckpointFacts:
        """Make a checkpoint of all keys, or of one. Return the existing one when the name is in use.

        A message that is handled again so makes no second checkpoint. Raise RejectedError for what is no name.
        """
        ...

    async def all(self) -> Sequence[CheckpointFacts]:
        """Return the complete checkpoints, the newest first."""
        ...
