"""Health as the monitor sees it: of one process, of one node over its instances, of the mesh."""

from datetime import datetime
from enum import StrEnum

from onex.model.message import Message

BLOCKED = "blocked "
"""Beginning of a reason that names a blocked partition."""
PAUSED = "paused"
"""Subject of the reason of an agent whose node an operator has paused."""


class EnumHealth(StrEnum):
    """From good to bad."""

    HEALTHY = "healthy"
    DEGRADED = "degraded"
    UNHEALTHY = "unhealthy"
    GONE = "gone"
    """No sign of life within the liveness window, or the process has left."""


class InstanceHealth(Message, key="node_id"):
    """Snapshot: health of one agent process; published when it changes."""

    node_id: str
    env: str
    node: str
    health: EnumHealth
    reasons: tuple[str, ...]
    lag: int
    at: datetime


class NodeHealth(Message, key="node"):
    """Health of a node over all its instances in one environment; published when it changes."""

    env: str
    node: str
    health: EnumHealth
    instances: dict[str, int]
    """How many instances have which health."""
    reasons: tuple[str, ...]
    at: datetime


class MeshHealth(Message, key="env"):
    """Health of everything in one environment; published when it changes."""

    env: str
    health: EnumHealth
    nodes: dict[str, int]
    """How many nodes have which health."""
    unwell: tuple[str, ...]
    """Names of the nodes that are not healthy."""
    at: datetime
