"""Configuration of health checks."""

from typing import ClassVar, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from onex.capability import Subcontract
from onex.model.contract.version import ModelSemVer


class ModelHealthComponent(BaseModel):
    """A component that has a check: ``async def check_<name>(self) -> bool`` of the node, or one of a capability."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(pattern=r"^[a-z][a-z0-9_]{0,55}(\.[A-Za-z0-9_][A-Za-z0-9_.-]{0,63})?$")
    """Name of the check, and of the node's method behind ``check_``. Without a check of this name it is failing. A
    name with a dot is that of a capability's check, such as ``docker.disk``: the node has no method for it."""
    critical: bool = True
    """Whether the node is unhealthy when the check fails. With False it is degraded, and ready. Unset it is as the
    capability says that adds the check."""
    timeout_seconds: float | None = Field(default=None, gt=0, le=300)
    """A check that takes longer has failed. None uses ``health_check_timeout_ms``."""

    @property
    def has_method(self) -> bool:
        """Whether a method of the node may check it."""
        return "." not in self.name


class ModelHealthCheckSubcontract(Subcontract):
    """When checks run, and how their results are used."""

    INTERFACE_VERSION: ClassVar[ModelSemVer] = ModelSemVer(major=2, minor=0, patch=0)

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
    components: tuple[ModelHealthComponent, ...] = Field(default=(), max_length=64)
    """Components whose checks must exist, with their limits. They change the check of a capability with the same name
    (``database``, ``kafka``)."""

    @model_validator(mode="after")
    def _names_differ(self) -> Self:
        names = [component.name for component in self.components]
        if doubled := sorted({name for name in names if names.count(name) > 1}):
            raise ValueError(f"components has {', '.join(doubled)} twice")
        return self
