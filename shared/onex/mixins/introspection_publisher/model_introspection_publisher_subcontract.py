"""Configuration of the introspection that an agent publishes."""

from typing import ClassVar

from pydantic import Field

from onex.capability import Subcontract
from onex.model.contract.version import ModelSemVer


class ModelIntrospectionPublisherSubcontract(Subcontract):
    """The interval of heartbeats. The agent publishes introspection at start, and when the registry asks."""

    INTERFACE_VERSION: ClassVar[ModelSemVer] = ModelSemVer(major=1, minor=0, patch=0)

    heartbeat_interval_seconds: float | None = Field(default=None, ge=0.1, le=3600)
    """Seconds between two heartbeats of this node. None means the setting ``heartbeat_interval`` of the agent. An
    agent whose setting is 0 publishes nothing, whatever the node says."""
