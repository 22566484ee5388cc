"""A sign of life, at a fixed interval."""

from datetime import datetime
from enum import StrEnum

from onex.model.message import Message


class EnumPhase(StrEnum):
    """Where an agent process is in its life."""

    RUNNING = "running"
    LEAVING = "leaving"
    """Drained and about to end: nothing more will come."""


class NodeHeartbeat(Message, key="node_id"):
    """How one agent process is doing."""

    node_id: str
    env: str
    node: str
    epoch: int
    phase: EnumPhase
    ready: bool
    reasons: dict[str, str]
    """Why it is not ready, by topic of complaint. Of a process that is ready: why it is degraded."""
    uptime: float
    """Seconds."""
    active_operations: int
    partitions: int
    lag: int
    """Offsets not yet processed, over all assigned partitions."""
    received: int
    """Messages taken in since start."""
    dead_letters: int
    cpu_percent: float
    """Of one core, since the last heartbeat."""
    memory_bytes: int
    """Resident set."""
    at: datetime
