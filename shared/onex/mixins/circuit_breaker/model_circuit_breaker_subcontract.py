"""Configuration of circuit breakers."""

from typing import ClassVar, Self

from pydantic import BaseModel, ConfigDict, Field

from onex.capability import Subcontract
from onex.model.contract.version import ModelSemVer


class ModelCircuitService(BaseModel):
    """What differs for one dependency; fields that are left out are those of the subcontract."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(min_length=1)
    """Name under which the node asks for it."""
    failure_threshold: int | None = Field(default=None, ge=1, le=100)
    """Instead of the subcontract's."""
    timeout_seconds: float | None = Field(default=None, gt=0, le=300)
    """Instead of the subcontract's."""


class ModelCircuitBreakerSubcontract(Subcontract):
    """When a dependency is not asked any more, and how it is tried again. Source: seed 002, ONEX circuit breaker."""

    INTERFACE_VERSION: ClassVar[ModelSemVer] = ModelSemVer(major=1, minor=0, patch=0)

    enabled: bool = True
    """False lets every call through and counts nothing."""
    failure_threshold: int = Field(default=5, ge=1, le=100)
    """Failures one after the other that open a circuit."""
    success_threshold: int = Field(default=2, ge=1, le=20)
    """Successful probes, one after the other, that close it again."""
    timeout_seconds: float = Field(default=60.0, gt=0, le=300)
    """How long it stays open before it is probed."""
    half_open_max_calls: int = Field(default=1, ge=1, le=100)
    """Probes under way at once; further calls are refused meanwhile."""
    window_size: int = Field(default=100, ge=1, le=10_000)
    """Latest calls that rates are taken of."""
    failure_rate_threshold: float | None = Field(default=None, gt=0, le=1)
    """Share of failures in the window that opens a circuit; None: only failures in a row count."""
    minimum_request_threshold: int = Field(default=20, ge=1, le=10_000)
    """Calls in the window below which no rate opens a circuit."""
    slow_call_seconds: float | None = Field(default=None, gt=0, le=300)
    """A successful call that takes longer counts as a slow one; None: none does."""
    slow_call_rate_threshold: float = Field(default=1.0, gt=0, le=1)
    """Share of slow calls in the window that opens a circuit."""
    services: tuple[ModelCircuitService, ...] = ()
    """Dependencies with figures of their own."""

    def of(self, service: ModelCircuitService) -> Self:
        """The same, with what differs for one dependency."""
        return self.model_copy(update=service.model_dump(exclude={"name"}, exclude_none=True))
