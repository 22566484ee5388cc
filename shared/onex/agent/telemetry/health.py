"""Readiness of an agent, with every complaint against it, and what degrades it."""

from dataclasses import dataclass, field
from threading import Lock

from onex.util.error_text import scrubbed


@dataclass(slots=True)
class Health:
    """Complaints: by subject, the reason. Without complaints the agent is ready. Thread-safe."""

    reasons: dict[str, str] = field(default_factory=dict)
    degraded: dict[str, str] = field(default_factory=dict)
    """Failures of what the node can do without: by subject, the reason. They leave the agent ready."""
    _lock: Lock = field(default_factory=Lock)

    def complain(self, about: str, reason: str) -> bool:
        """Record a complaint, without the secrets in its reason. Return whether the reason is new."""
        reason = scrubbed(reason)
        with self._lock:
            new = self.reasons.get(about) != reason
            self.reasons[about] = reason
            self.degraded.pop(about, None)
            return new

    def degrade(self, about: str, reason: str) -> bool:
        """Record that a subject degrades the agent, in place of a complaint about it. Return whether it is new."""
        reason = scrubbed(reason)
        with self._lock:
            new = self.degraded.get(about) != reason
            self.degraded[about] = reason
            self.reasons.pop(about, None)
            return new

    def clear(self, about: str) -> bool:
        """Clear what was recorded about a subject. Return whether there was something."""
        with self._lock:
            degraded = self.degraded.pop(about, None)
            return self.reasons.pop(about, degraded) is not None

    def forget(self, prefixes: tuple[str, ...]) -> None:
        """Clear the complaints about subjects with these prefixes, because the subjects are gone."""
        with self._lock:
            for recorded in (self.reasons, self.degraded):
                for about in [about for about in recorded if about.startswith(prefixes)]:
                    del recorded[about]

    def complains(self, about: str) -> bool:
        """Return whether there is a complaint about a subject."""
        with self._lock:
            return about in self.reasons

    def snapshot(self) -> dict[str, str]:
        """Return all complaints: by subject, the reason."""
        with self._lock:
            return dict(self.reasons)

    def complains_of(self, prefix: str) -> bool:
        """Return whether there is a complaint about a subject with this prefix."""
        with self._lock:
            return any(about.startswith(prefix) for about in self.reasons)

    def is_failing(self, prefix: str) -> bool:
        """Return whether a subject with this prefix has a complaint, or degrades the agent."""
        with self._lock:
            return any(about.startswith(prefix) for about in (*self.reasons, *self.degraded))

    def degradations(self) -> dict[str, str]:
        """Return what degrades the agent: by subject, the reason."""
        with self._lock:
            return dict(self.degraded)

    @property
    def ready(self) -> bool:
        """Whether there is no complaint."""
        return not self.reasons
