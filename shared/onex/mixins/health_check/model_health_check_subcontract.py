"""Configuration of health checks."""

from typing import ClassVar

from pydantic import Field

from onex.capability import Subcontract
from onex.model.contract.version import ModelSemVer


class ModelHealthCheckSubcontract(Subcontract):
    """When checks run, and how their results are used."""

    INTERFACE_VERSION: ClassVar[ModelSemVer] = ModelSemVer(major=1, minor=0, patch=0)

    health_check_interval_ms: int = Field(default=30_000, ge=1_000, le=300_000)
    """Interval between two rounds of checks."""
    health_check_timeout_ms: int = Field(default=5_000, ge=100, le=30_000)
    """A check that takes longer has failed."""
    failure_threshold: int = Field(default=3, ge=1, le=10)
    """Consecutive failures until a healthy check counts as failing. The first result counts immediately."""
    recovery_threshold: int = Field(default=2, ge=1, le=10)
    """Consecutive successes until a failing check counts as healthy again."""
    include_dependency_checks: bool = True
    """Run checks of systems outside of the process."""
    include_component_checks: bool = True
    """Run checks of parts of the process."""
    enable_async_checks: bool = True
    """Run all checks together. With False they run one after the other, in the order in which they were added."""
    aggregate_check_results: bool = True
    """One state over all checks: one complaint in ``/readyz``, one event. With False each check has its own."""
    emit_health_events: bool = True
    """Publish changes as events of the mesh."""
    health_status_ttl_seconds: int = Field(default=30, ge=5, le=3_600)
    """Seconds after the next result was due in which the last result remains valid. After that the check counts as
    failing."""
