"""Configuration of bulkheads."""

from typing import ClassVar, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from onex.capability import Subcontract
from onex.capability.config_rules import require_different
from onex.model.contract.version import ModelSemVer


class ModelBulkheadService(BaseModel):
    """Settings of one dependency."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(min_length=1)
    """Name that the node passes to ``of``."""
    max_concurrent: int = Field(ge=1, le=10_000)
    """Replaces the value of the subcontract."""


class ModelBulkheadSubcontract(Subcontract):
    """Limits of concurrent calls."""

    INTERFACE_VERSION: ClassVar[ModelSemVer] = ModelSemVer(major=1, minor=0, patch=0)

    max_concurrent: int = Field(default=10, ge=1, le=10_000)
    """Concurrent calls of a dependency."""
    max_waiting: int = Field(default=100, ge=0, le=100_000)
    """Calls that may wait for a slot. Further calls are refused immediately."""
    max_wait_seconds: float = Field(default=5.0, ge=0.0, le=300.0)
    """Seconds that a call waits for a slot before it is refused."""
    services: tuple[ModelBulkheadService, ...] = ()
    """Settings of single dependencies."""

    @model_validator(mode="after")
    def _names_differ(self) -> Self:
        require_different("services", (service.name for service in self.services))
        return self
