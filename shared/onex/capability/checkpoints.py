"""Checkpoints of keyed state, for engines: what they ask of the agent."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from typing_extensions import override

from onex.errors import CompositionError


@dataclass(frozen=True, slots=True)
class CheckpointFacts:
    """A complete checkpoint."""

    name: str
    node: str
    contract_version: str
    """Of the node. Only the major version where an EFFECT of another node made the checkpoint."""
    fingerprint: str
    """SHA-256 of the newest schema of the state that was registered then."""
    made_at_ms: int
    """Milliseconds since 1970."""
    keys: int
    """Keys with a state or a timer."""
    size_bytes: int
    checksum: str
    """SHA-256 of all records."""
    key: str | None
    """The only key. None for a checkpoint of all keys."""
    at_rest: bool
    """No instance of the node ran meanwhile: the checkpoint is one cut across all keys."""


@dataclass(frozen=True, slots=True)
class CheckpointedNode:
    """The node whose state is copied."""

    name: str
    major: int
    """Major version of its contract."""


@dataclass(frozen=True, slots=True)
class CheckpointRequest:
    """A checkpoint to make."""

    name: str
    count: int
    """The newest checkpoints that stay, of automatic ones and of all others each."""
    seconds: float | None
    """Age after which others are deleted. None for no limit."""
    key: str | None = None
    """The only key. None for all keys."""
    reason: str = ""
    automatic: bool = False


class ProtocolCheckpoints(Protocol):
    """Makes and lists checkpoints. ``of`` is None for the agent's own node."""

    async def make(self, request: CheckpointRequest, of: CheckpointedNode | None) -> CheckpointFacts:
        """Make a checkpoint, and return its facts; those of the existing one when the name is in use.

        Raise RejectedError for what is no name, TransientError when it cannot be made now.
        """
        ...

    async def make_once(self, request: CheckpointRequest, of: CheckpointedNode | None) -> CheckpointFacts | None:
        """Make a checkpoint, unless any process has begun one with this name: then return None.

        Raise as ``make``.
        """
        ...

    async def all(self, of: CheckpointedNode | None) -> Sequence[CheckpointFacts]:
        """Return the complete checkpoints, the newest first. Raise TransientError."""
        ...


class NoCheckpoints(ProtocolCheckpoints):
    """The checkpoints of a node that runs without an agent: none."""

    @override
    async def make(self, request: CheckpointRequest, of: CheckpointedNode | None) -> CheckpointFacts:
        """Raise CompositionError."""
        raise CompositionError("no checkpoints; register ProtocolCheckpoints, or run the node in an agent")

    @override
    async def make_once(self, request: CheckpointRequest, of: CheckpointedNode | None) -> CheckpointFacts | None:
        return None

    @override
    async def all(self, of: CheckpointedNode | None) -> Sequence[CheckpointFacts]:
        return ()
