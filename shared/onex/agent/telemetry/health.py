"""Readiness of an agent, with every complaint against it."""

from dataclasses import dataclass, field
from threading import Lock

from onex.util.error_text import scrubbed


@dataclass(slots=True)
class Health:
    """Complaints: by subject, the reason. Without complaints the agent is ready. Thread-safe."""

    reasons: dict[str, str] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    def complain(self, about: str, reason: str) -> bool:
        """Record a complaint, without the secrets in its reason. Return whether the reason is new."""
        reason = scrubbed(reason)
        with self._lock:
            new = self.reasons.get(about) != reason
            self.reasons[about] = reason
            return new

    def clear(self, about: str) -> bool:
        """Clear a complaint. Return whether there was one."""
        with self._lock:
            return self.reasons.pop(about, None) is not None

    def forget(self, prefixes: tuple[str, ...]) -> None:
        """Clear the complaints about subjects with these prefixes, because the subjects are gone."""
        with self._lock:
            for about in [about for about in self.reasons if about.startswith(prefixes)]:
                del self.reasons[about]

    def complains(self, about: str) -> bool:
        """Return whether there is a complaint about a subject."""
        with self._lock:
            return about in self.reasons

    def snapshot(self) -> dict[str, str]:
        """Return all complaints: by subject, the reason."""
        with self._lock:
            return dict(self.reasons)

    @property
    def ready(self) -> bool:
        """Whether there is no complaint."""
        return not self.reasons
