"""Configuration of time limits."""

from typing import ClassVar, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from onex.capability import Subcontract
from onex.capability.config_rules import require_different
from onex.model.contract.version import ModelSemVer


class ModelTimeoutService(BaseModel):
    """Settings of one dependency."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(min_length=1)
    """Name that the node passes to ``call``."""
    timeout_seconds: float = Field(gt=0, le=3600)
    """Replaces the value of the subcontract."""


class ModelTimeoutSubcontract(Subcontract):
    """Time limits of calls."""

    INTERFACE_VERSION: ClassVar[ModelSemVer] = ModelSemVer(major=1, minor=0, patch=0)

    timeout_seconds: float = Field(default=10.0, gt=0, le=3600)
    """Time limit of one call."""
    cleanup_seconds: float = Field(default=1.0, gt=0, le=60)
    """Time for a cancelled call to clean up. A call that takes longer is logged and left behind."""
    keep_deadline: bool = True
    """End calls at the deadline of the current message, if it has one."""
    refuse_late: bool = True
    """Refuse a message whose deadline has passed, because no caller waits for the reply."""
    services: tuple[ModelTimeoutService, ...] = ()
    """Settings of single dependencies."""

    @model_validator(mode="after")
    def _names_differ(self) -> Self:
        require_different("services", (service.name for service in self.services))
        return self
