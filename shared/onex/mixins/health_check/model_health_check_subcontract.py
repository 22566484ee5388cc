"""Configuration of health checks."""

from typing import ClassVar

from pydantic import Field

from onex.capability import Subcontract
from onex.model.contract.version import ModelSemVer


class ModelHealthCheckSubcontract(Subcontract):
    """When checks run, and what follows from them. Source: seed 002."""

    INTERFACE_VERSION: ClassVar[ModelSemVer] = ModelSemVer(major=1, minor=0, patch=0)

    health_check_interval_ms: int = Field(default=30_000, ge=1_000, le=300_000)
    """Between two rounds of checks."""
    health_check_timeout_ms: int = Field(default=5_000, ge=100, le=30_000)
    """A check that takes longer has failed."""
    failure_threshold: int = Field(default=3, ge=1, le=10)
    """Failures one after the other until what was well counts as unwell. The very first answer counts at once."""
    recovery_threshold: int = Field(default=2, ge=1, le=10)
    """Successes one after the other until what was unwell counts as well again."""
    include_dependency_checks: bool = True
    """Ask what is outside of the process."""
    include_component_checks: bool = True
    """Ask the parts of the process."""
    enable_async_checks: bool = True
    """Ask all at once; else one after the other, in the order they were added."""
    aggregate_check_results: bool = True
    """One verdict over all checks: one reason why the agent is not ready, one event. Else each check has its own."""
    emit_health_events: bool = True
    """Changes are events of the mesh."""
    health_status_ttl_seconds: int = Field(default=30, ge=5, le=3_600)
    """For so long after the next answer was due the last one stands; then nobody knows, which counts as unwell."""
