"""Reports of capabilities to the mesh: state changes and failures that the agent publishes as events."""

from collections import Counter, deque
from collections.abc import Iterator
from dataclasses import dataclass

from onex.util.error_text import scrubbed

_MAX_WAITING = 1000
_MAX_COUNTED = 1000


@dataclass(frozen=True, slots=True)
class CapabilityReport:
    """One report; see :class:`onex.model.mesh.CapabilityReported`."""

    capability: str
    subject: str
    event: str
    detail: str


class Reports:
    """The reports that wait to be published. One thread adds, another takes. Only the latest 1000 wait."""

    def __init__(self) -> None:
        self._waiting: deque[CapabilityReport] = deque(maxlen=_MAX_WAITING)
        self.counts: Counter[tuple[str, str]] = Counter()
        """Reports since the start, by capability and event. The first 1000 pairs are counted."""

    def report(self, capability: str, subject: str, event: str, detail: str) -> None:
        """Add a report, without waiting. Credentials are removed from ``detail``, which may be any error text."""
        self._waiting.append(CapabilityReport(capability, subject, event, scrubbed(detail)))
        if (capability, event) in self.counts or len(self.counts) < _MAX_COUNTED:
            self.counts[capability, event] += 1

    def take(self) -> Iterator[CapabilityReport]:
        """Remove and yield the waiting reports, the oldest first."""
        while self._waiting:
            yield self._waiting.popleft()
