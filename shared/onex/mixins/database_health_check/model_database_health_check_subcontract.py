"""Configuration of the watch of a database."""

from typing import ClassVar

from pydantic import Field

from onex.capability import Subcontract
from onex.model.contract.version import ModelSemVer


class ModelDatabaseHealthCheckSubcontract(Subcontract):
    """How the agent watches the database. While it is away the agent is not ready, and messages wait."""

    INTERFACE_VERSION: ClassVar[ModelSemVer] = ModelSemVer(major=1, minor=1, patch=0)

    interval_seconds: float = Field(default=5.0, ge=0.1, le=300)
    """Time between two checks."""
    timeout_seconds: float = Field(default=5.0, gt=0, le=300)
    """A check that takes longer has failed."""
    failure_threshold: int = Field(default=1, ge=1, le=10)
    """Consecutive failures after which the agent is not ready."""
    critical: bool = True
    """Whether the agent is not ready while the check fails. With False it is degraded, and ready."""
