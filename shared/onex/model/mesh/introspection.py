"""What a node says of itself when it starts, or when it is asked."""

from datetime import datetime
from enum import StrEnum

from pydantic import BaseModel, ConfigDict

from onex.model.enums import EnumNodeKind
from onex.model.message import Message


class EnumIntrospectionReason(StrEnum):
    """Why a node introspected."""

    STARTUP = "startup"
    REQUESTED = "requested"
    """The registry asked: it does not know the node, or lost sight of it."""


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class ModelCapabilities(_Part):
    """What the contract declares, and what was found by looking at the class."""

    declared: tuple[str, ...] = ()
    """E.g. ``takes:ChargeCard``, ``exactly-once``, ``workflow``, ``state-machine``."""
    discovered: tuple[str, ...] = ()
    """E.g. ``handler:charge``, ``lifecycle``, ``config:pool_size``."""


class ModelNodeTopics(_Part):
    """Every topic a node touches."""

    subscribe: tuple[str, ...]
    publish: tuple[str, ...]
    retry: str
    dead_letter: str
    changelog: str = ""
    """Empty for kinds without state."""


class ModelNodeInput(_Part):
    """A message the node takes, and how the work that it starts may end."""

    message: str
    topic: str
    completed: tuple[str, ...] = ()
    """Messages that say the work is done; for a workflow its one completion."""
    failed: tuple[str, ...] = ()


class ModelNodeOutput(_Part):
    """A message the node puts out."""

    message: str
    topic: str


class NodeIntrospected(Message, key="node_id"):
    """One agent process: who it is, what it can do, where it is reached."""

    node_id: str
    """``{env}/{node}/{instance}``: stable over restarts."""
    env: str
    node: str
    kind: EnumNodeKind
    version: str
    instance: str
    host: str
    pid: int
    epoch: int
    """Milliseconds since 1970 at process start: a later one replaces an earlier one."""
    reason: EnumIntrospectionReason
    description: str
    capabilities: ModelCapabilities
    topics: ModelNodeTopics
    inputs: tuple[ModelNodeInput, ...]
    outputs: tuple[ModelNodeOutput, ...]
    endpoints: dict[str, str]
    """URLs by what they serve: ``health``, ``ready``, ``metrics``."""
    metrics: tuple[str, ...]
    """Names of the Prometheus metrics it exports."""
    contract_digest: str
    """SHA-256 of contract.yaml: equal versions should have equal digests."""
    heartbeat_interval: float
    """Seconds between heartbeats."""
    introspected_at: datetime


def node_id(env: str, node: str, instance: str) -> str:
    """Name of an agent process in the mesh."""
    return f"{env}/{node}/{instance}"
