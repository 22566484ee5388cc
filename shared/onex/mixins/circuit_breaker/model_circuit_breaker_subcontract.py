"""Configuration of circuit breakers."""

from typing import ClassVar, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from onex.capability import Subcontract
from onex.capability.config_rules import require_different, require_ordered
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

    @model_validator(mode="after")
    def _rates_can_open_a_circuit(self) -> Self:
        require_different("services", (service.name for service in self.services))
        if self.failure_rate_threshold is not None or self.slow_call_seconds is not None:
            least, size = self.minimum_request_threshold, self.window_size
            require_ordered("minimum_request_threshold", least, "window_size", size)
        if self.slow_call_seconds is None and self.slow_call_rate_threshold < 1:
            raise ValueError("slow_call_rate_threshold needs slow_call_seconds, without which no call is slow")
        return self
