"""Configuration of profiling."""

from typing import ClassVar

from pydantic import Field

from onex.capability import Subcontract
from onex.model.contract.version import ModelSemVer


class ModelProfilingSubcontract(Subcontract):
    """What is measured, and what is told of it. Source: seed 001, MixinProfiling."""

    INTERFACE_VERSION: ClassVar[ModelSemVer] = ModelSemVer(major=1, minor=0, patch=0)

    enabled: bool = True
    """False measures nothing."""
    slow_call_seconds: float = Field(default=1.0, gt=0, le=3_600)
    """A call of an EFFECT's handler, or a message of a batch on average, that takes longer is told of."""
    sample_share: float = Field(default=0.0, ge=0, le=1)
    """Share of an EFFECT's calls whose stacks are taken while they run; costs some percent of those calls."""
    interval_seconds: float = Field(default=0.001, ge=0.000_1, le=1)
    """Between two looks at the stack."""
    keep: int = Field(default=10, ge=1, le=1_000)
    """The slowest calls are kept."""
