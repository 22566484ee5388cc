"""What an agent says about itself: ready or not, and every reason why not."""

from dataclasses import dataclass, field
from threading import Lock

from onex.util.error_text import scrubbed


@dataclass(slots=True)
class Health:
    """Reasons by topic of complaint; without any the agent is ready. Thread-safe."""

    reasons: dict[str, str] = field(default_factory=dict)
    _lock: Lock = field(default_factory=Lock)

    def complain(self, about: str, reason: str) -> bool:
        """Note a reason, without the secrets in it; gives whether it is new."""
        reason = scrubbed(reason)
        with self._lock:
            new = self.reasons.get(about) != reason
            self.reasons[about] = reason
            return new

    def clear(self, about: str) -> bool:
        """The reason is gone; gives whether there was one."""
        with self._lock:
            return self.reasons.pop(about, None) is not None

    def forget(self, prefixes: tuple[str, ...]) -> None:
        """Drop the reasons about everything whose name begins so: what they were about is not there any more."""
        with self._lock:
            for about in [about for about in self.reasons if about.startswith(prefixes)]:
                del self.reasons[about]

    def complains(self, about: str) -> bool:
        """Whether there is such a reason."""
        with self._lock:
            return about in self.reasons

    def snapshot(self) -> dict[str, str]:
        """All reasons."""
        with self._lock:
            return dict(self.reasons)

    @property
    def ready(self) -> bool:
        """Whether nothing is wrong."""
        return not self.reasons
