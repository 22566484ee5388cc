"""Reports of capabilities to the mesh: state changes and failures that the agent publishes as events."""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

from onex.util.error_text import scrubbed

_MAX_WAITING = 1000


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

    def report(self, capability: str, subject: str, event: str, detail: str) -> None:
        """Add a report, without waiting. Credentials are removed from ``detail``, which may be any error text."""
        self._waiting.append(CapabilityReport(capability, subject, event, scrubbed(detail)))

    def take(self) -> Iterator[CapabilityReport]:
        """Remove and yield the waiting reports, the oldest first."""
        while self._waiting:
            yield self._waiting.popleft()
