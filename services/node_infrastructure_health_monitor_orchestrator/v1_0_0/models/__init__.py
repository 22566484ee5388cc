"""State and messages of the health monitor."""

from datetime import datetime

from pydantic import BaseModel, ConfigDict, Field

from onex.model.mesh import (
    ConsumerHealthReported,
    EnumHealth,
    InstanceHealth,
    MeshHealth,
    NodeHealth,
    NodeHeartbeat,
)
from onex.node import Message

__all__ = [
    "ConsumerHealthReported",
    "HealthState",
    "InstanceHealth",
    "InstanceHealthChanged",
    "InstanceView",
    "Member",
    "MeshHealth",
    "NodeHealth",
    "NodeHeartbeat",
]


class InstanceHealthChanged(Message, key="env"):
    """From the state of one process to the state of its environment. Only changes are sent."""

    env: str
    node: str
    node_id: str
    health: EnumHealth
    reasons: tuple[str, ...]
    left: bool
    """The process ended cleanly, or was gone for ``forget_after`` seconds. It is no longer counted."""
    at: datetime


class InstanceView(BaseModel):
    """The latest facts about one process."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    env: str
    node: str
    epoch: int
    last_seen: datetime
    ready: bool = True
    reasons: tuple[str, ...] = ()
    lag: int = 0
    stalled: str = ""
    lagging: str = ""
    rebalances: tuple[datetime, ...] = ()
    gone: str = ""
    told: EnumHealth | None = None
    told_reasons: tuple[str, ...] = ()


class Member(BaseModel):
    """One process in the state of its environment."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    node: str
    health: EnumHealth
    reasons: tuple[str, ...]


class HealthState(Message):
    """State: of a process (``instance``), or of an environment (``members``)."""

    instance: InstanceView | None = None
    members: dict[str, Member] = Field(default_factory=dict)
    nodes: dict[str, EnumHealth] = Field(default_factory=dict)
    mesh: EnumHealth | None = None
