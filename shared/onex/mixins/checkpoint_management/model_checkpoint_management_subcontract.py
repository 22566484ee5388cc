"""Configuration of checkpoints."""

from typing import ClassVar

from pydantic import Field

from onex.capability import Subcontract
from onex.model.contract.version import ModelSemVer


class ModelCheckpointManagementSubcontract(Subcontract):
    """When checkpoints are made and deleted. They are on a compacted topic of the node with the state, which
    `onex apply` creates."""

    INTERFACE_VERSION: ClassVar[ModelSemVer] = ModelSemVer(major=1, minor=0, patch=0)

    node: str = Field(default="", max_length=200, pattern=r"^(node_[a-z0-9_]+_(reducer|orchestrator))?$")
    """EFFECT: the node whose state is copied. Its contract must have this capability, too. Other kinds copy their own
    state."""
    node_major: int = Field(default=1, ge=1, le=10_000)
    """EFFECT: the major version of that node."""
    keep_count: int = Field(default=10, ge=1, le=1_000)
    """Number of checkpoints that stay: of automatic ones, and of all others, each. A new one deletes the oldest."""
    max_age_seconds: float | None = Field(default=None, ge=60, le=315_360_000)
    """Age after which a new checkpoint deletes older ones. None has no limit."""
    interval_seconds: float | None = Field(default=None, ge=60, le=31_536_000)
    """Seconds between two automatic checkpoints, which one of the instances makes. None makes no automatic ones."""
