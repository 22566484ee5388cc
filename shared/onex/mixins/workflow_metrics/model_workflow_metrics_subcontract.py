"""Configuration of the metrics of a workflow."""

from itertools import pairwise
from typing import ClassVar

from pydantic import Field, field_validator

from onex.capability import Subcontract
from onex.model.contract.version import ModelSemVer

_BUCKETS = (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 1800.0, 7200.0, 86400.0)


class ModelWorkflowMetricsSubcontract(Subcontract):
    """The series that the agent exports for each declared workflow."""

    INTERFACE_VERSION: ClassVar[ModelSemVer] = ModelSemVer(major=1, minor=0, patch=0)

    buckets: tuple[float, ...] = Field(default=_BUCKETS, min_length=1, max_length=30)
    """Upper bounds of the buckets of durations, of runs and of steps, in seconds. Each is larger than the one
    before."""
    per_step: bool = True
    """With False the agent exports no durations of steps, and counts retries and compensations for the whole
    workflow."""

    @field_validator("buckets")
    @classmethod
    def _grow(cls, buckets: tuple[float, ...]) -> tuple[float, ...]:
        if buckets[0] <= 0 or any(low >= high for low, high in pairwise(buckets)):
            raise ValueError("buckets are above 0, and each is larger than the one before")
        return buckets
