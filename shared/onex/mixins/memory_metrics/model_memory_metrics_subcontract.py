"""Configuration of figures of memory."""

from typing import ClassVar

from pydantic import Field

from onex.capability import Subcontract
from onex.model.contract.version import ModelSemVer


class ModelMemoryMetricsSubcontract(Subcontract):
    """The figures of memory on ``/metrics``."""

    INTERFACE_VERSION: ClassVar[ModelSemVer] = ModelSemVer(major=1, minor=0, patch=0)

    budget_mb: int | None = Field(default=None, ge=16, le=16 * 1024 * 1024)
    """Budget for the resident memory of the process, in mebibytes. None has only the limit of the control group."""
    include_caches: bool = True
    """Export the number of entries of each cache."""
    include_collector: bool = True
    """Export the runs of Python's cyclic garbage collector, and the objects that it freed."""
