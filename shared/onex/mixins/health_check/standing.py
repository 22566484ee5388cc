"""Where one check stands, with hysteresis: a single answer changes nothing, but for the first one."""

from dataclasses import dataclass

from onex.mixins.health_check.model_health_check_subcontract import ModelHealthCheckSubcontract


@dataclass(slots=True)
class Standing:
    """Answers of one check so far."""

    healthy: bool = True
    detail: str = ""
    seconds: float = 0.0
    heard: float | None = None
    """Monotonic time of the latest answer."""
    against: int = 0
    """Answers one after the other that say otherwise."""

    def hear(self, detail: str, seconds: float, now: float, settings: ModelHealthCheckSubcontract) -> None:
        """An answer; empty detail means well."""
        first, well = self.heard is None, not detail
        self.heard, self.seconds = now, seconds
        if well is self.healthy:
            self.against = 0
            self.detail = detail
            return
        self.against += 1
        needed = settings.recovery_threshold if well else settings.failure_threshold
        if first or self.against >= needed:
            self.healthy, self.against, self.detail = well, 0, detail

    def is_late(self, now: float, settings: ModelHealthCheckSubcontract) -> bool:
        """Whether the latest answer is too old to stand."""
        patience = settings.health_check_interval_ms / 1000 + settings.health_status_ttl_seconds
        return self.heard is not None and now - self.heard > patience
