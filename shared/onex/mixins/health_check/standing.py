"""The state of one check, with hysteresis: after the first result, a single result changes nothing."""

from dataclasses import dataclass

from onex.mixins.health_check.model_health_check_subcontract import ModelHealthCheckSubcontract


@dataclass(slots=True)
class Standing:
    """The results of one check so far."""

    healthy: bool = True
    detail: str = ""
    seconds: float = 0.0
    last_result: float | None = None
    """Monotonic time of the latest result."""
    contrary: int = 0
    """Consecutive results that contradict ``healthy``."""

    def add(self, detail: str, seconds: float, now: float, settings: ModelHealthCheckSubcontract) -> None:
        """Add a result. An empty ``detail`` means success."""
        is_first, succeeded = self.last_result is None, not detail
        self.last_result, self.seconds = now, seconds
        if succeeded is self.healthy:
            self.contrary = 0
            self.detail = detail
            return
        self.contrary += 1
        needed = settings.recovery_threshold if succeeded else settings.failure_threshold
        if is_first or self.contrary >= needed:
            self.healthy, self.contrary, self.detail = succeeded, 0, detail

    def is_late(self, now: float, settings: ModelHealthCheckSubcontract) -> bool:
        """Return whether the latest result is too old to be valid."""
        lifetime = settings.health_check_interval_ms / 1000 + settings.health_status_ttl_seconds
        return self.last_result is not None and now - self.last_result > lifetime
