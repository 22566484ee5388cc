"""Configuration of memory management."""

from typing import ClassVar, Self

from pydantic import Field, model_validator

from onex.capability import Subcontract
from onex.model.contract.version import ModelSemVer


class ModelMemoryManagementSubcontract(Subcontract):
    """The budget of a process, and what happens when it is nearly used.

    Shares are parts of the budget. With several budgets, that of which the largest share is in use counts.
    """

    INTERFACE_VERSION: ClassVar[ModelSemVer] = ModelSemVer(major=1, minor=0, patch=0)

    budget_mb: int | None = Field(default=None, ge=16, le=16 * 1024 * 1024)
    """Budget for the resident memory of the process, in mebibytes. None has only the limit of the control group."""
    use_cgroup_limit: bool = True
    """The limit of the control group (version 1 or 2) is a budget for all of its processes together. Memory of files
    that the kernel can free does not count."""
    soft_share: float = Field(default=0.75, gt=0, le=1)
    """From this share on, caches shrink."""
    hard_share: float = Field(default=0.9, gt=0, le=1)
    """From this share on, caches are emptied. When that is not enough, the agent takes no messages, and is not
    ready."""
    resume_share: float = Field(default=0.8, gt=0, le=1)
    """Below this share the agent takes messages again."""
    shrink_share: float = Field(default=0.5, gt=0, le=1)
    """Part of the entries that each cache removes when it shrinks."""
    shrink_interval_seconds: float = Field(default=10.0, gt=0, le=3_600)
    """Seconds between two times at which caches shrink. They are emptied at the hard share without this wait."""
    check_interval_seconds: float = Field(default=0.5, gt=0, le=60)
    """Seconds between two measurements. There is none while a batch of a pure node runs."""
    cache_figures: bool = False
    """Export the number of entries of each cache."""
    collector_figures: bool = False
    """Export the runs of Python's cyclic garbage collector, and the objects that it freed."""

    @model_validator(mode="after")
    def _is_ordered(self) -> Self:
        if self.soft_share > self.hard_share:
            raise ValueError(f"soft_share ({self.soft_share:g}) is above hard_share ({self.hard_share:g})")
        if self.resume_share >= self.hard_share:
            raise ValueError(f"resume_share ({self.resume_share:g}) is not below hard_share ({self.hard_share:g})")
        return self
