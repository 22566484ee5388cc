"""Configuration of profiling."""

from typing import ClassVar

from pydantic import Field

from onex.capability import Subcontract
from onex.model.contract.version import ModelSemVer


class ModelProfilingSubcontract(Subcontract):
    """Measured calls, and reports about slow ones."""

    INTERFACE_VERSION: ClassVar[ModelSemVer] = ModelSemVer(major=1, minor=0, patch=0)

    enabled: bool = True
    """False measures nothing."""
    slow_call_seconds: float = Field(default=1.0, gt=0, le=3_600)
    """Longer calls of an EFFECT's handler are reported, and batches whose average message takes longer."""
    sample_share: float = Field(default=0.0, ge=0, le=1)
    """Share of an EFFECT's calls whose stacks are sampled. Sampling makes a call some percent slower."""
    interval_seconds: float = Field(default=0.001, ge=0.000_1, le=1)
    """Interval between two samples of the stack."""
    keep: int = Field(default=10, ge=1, le=1_000)
    """Number of slowest calls that ``slowest`` returns."""
