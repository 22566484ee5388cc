"""Configuration of circuit breakers."""

from typing import ClassVar, Self

from pydantic import BaseModel, ConfigDict, Field

from onex.capability import Subcontract
from onex.model.contract.version import ModelSemVer


class ModelCircuitService(BaseModel):
    """Settings of one dependency. A field that is left out has the value of the subcontract."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(min_length=1)
    """Name that the node passes to ``of``."""
    failure_threshold: int | None = Field(default=None, ge=1, le=100)
    """Replaces the value of the subcontract."""
    timeout_seconds: float | None = Field(default=None, gt=0, le=300)
    """Replaces the value of the subcontract."""


class ModelCircuitBreakerSubcontract(Subcontract):
    """When a circuit opens, and how its dependency is probed."""

    INTERFACE_VERSION: ClassVar[ModelSemVer] = ModelSemVer(major=1, minor=0, patch=0)

    enabled: bool = True
    """False allows every call and counts nothing."""
    failure_threshold: int = Field(default=5, ge=1, le=100)
    """Consecutive failures that open a circuit."""
    success_threshold: int = Field(default=2, ge=1, le=20)
    """Consecutive successful probes that close it again."""
    timeout_seconds: float = Field(default=60.0, gt=0, le=300)
    """Seconds that a circuit stays open before it is probed."""
    half_open_max_calls: int = Field(default=1, ge=1, le=100)
    """Concurrent probes. Further calls are refused meanwhile."""
    window_size: int = Field(default=100, ge=1, le=10_000)
    """Number of latest calls from which rates are computed."""
    failure_rate_threshold: float | None = Field(default=None, gt=0, le=1)
    """Share of failures in the window that opens a circuit. With None only consecutive failures open it."""
    minimum_request_threshold: int = Field(default=20, ge=1, le=10_000)
    """Calls that the window needs before a rate can open a circuit."""
    slow_call_seconds: float | None = Field(default=None, gt=0, le=300)
    """A successful call that takes longer counts as slow. With None no call does."""
    slow_call_rate_threshold: float = Field(default=1.0, gt=0, le=1)
    """Share of slow calls in the window that opens a circuit."""
    services: tuple[ModelCircuitService, ...] = ()
    """Settings of single dependencies."""

    def of(self, service: ModelCircuitService) -> Self:
        """Return the subcontract with the settings of one dependency."""
        return self.model_copy(update=service.model_dump(exclude={"name"}, exclude_none=True))
