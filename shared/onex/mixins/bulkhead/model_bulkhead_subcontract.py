"""Configuration of bulkheads."""

from typing import ClassVar

from pydantic import BaseModel, ConfigDict, Field

from onex.capability import Subcontract
from onex.model.contract.version import ModelSemVer


class ModelBulkheadService(BaseModel):
    """What differs for one dependency."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(min_length=1)
    """Name under which the node asks for it."""
    max_concurrent: int = Field(ge=1, le=10_000)
    """Instead of the subcontract's."""


class ModelBulkheadSubcontract(Subcontract):
    """How many calls of one dependency may be under way. Source: seed 001, MixinBulkhead."""

    INTERFACE_VERSION: ClassVar[ModelSemVer] = ModelSemVer(major=1, minor=0, patch=0)

    max_concurrent: int = Field(default=10, ge=1, le=10_000)
    """Calls of a dependency under way at once."""
    max_waiting: int = Field(default=100, ge=0, le=100_000)
    """Calls that wait for a place; one more is refused at once."""
    max_wait_seconds: float = Field(default=5.0, ge=0.0, le=300.0)
    """How long a call waits for a place."""
    services: tuple[ModelBulkheadService, ...] = ()
    """Dependencies with figures of their own."""
