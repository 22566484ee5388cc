"""Configuration of time limits."""

from typing import ClassVar

from pydantic import BaseModel, ConfigDict, Field

from onex.capability import Subcontract
from onex.model.contract.version import ModelSemVer


class ModelTimeoutService(BaseModel):
    """What differs for one dependency."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(min_length=1)
    """Name under which the node asks for it."""
    timeout_seconds: float = Field(gt=0, le=3600)
    """Instead of the subcontract's."""


class ModelTimeoutSubcontract(Subcontract):
    """How long calls of dependencies may take. Source: seed 001, MixinTimeout."""

    INTERFACE_VERSION: ClassVar[ModelSemVer] = ModelSemVer(major=1, minor=0, patch=0)

    timeout_seconds: float = Field(default=10.0, gt=0, le=3600)
    """Of one call."""
    cleanup_seconds: float = Field(default=1.0, gt=0, le=60)
    """What a call that was cancelled gets to clean up; one that takes longer is left behind and logged."""
    keep_deadline: bool = True
    """No call goes on beyond the deadline of the message in hand, where it has one."""
    refuse_late: bool = True
    """Refuse a message whose deadline has passed: nobody waits for its answer."""
    services: tuple[ModelTimeoutService, ...] = ()
    """Dependencies with figures of their own."""
