"""Configuration of a node's lifecycle."""

from typing import ClassVar

from pydantic import Field

from onex.capability import Subcontract
from onex.model.contract.version import ModelSemVer


class ModelNodeServiceSubcontract(Subcontract):
    """How a node starts and stops."""

    INTERFACE_VERSION: ClassVar[ModelSemVer] = ModelSemVer(major=1, minor=0, patch=0)

    start_timeout_seconds: float = Field(default=30.0, gt=0, le=600)
    """Time limit of each start step."""
    stop_timeout_seconds: float = Field(default=10.0, gt=0, le=600)
    """Time limit of each stop step. A step that exceeds it is cancelled and logged."""
    refuse_when_stopping: bool = True
    """Refuse messages while the node stops; another instance retries them. With False they are handled."""
