"""What engines have to tell the mesh, until somebody takes it."""

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

from onex.model.error_text import scrubbed

_KEPT = 1000


@dataclass(frozen=True, slots=True)
class CapabilityReport:
    """One change; see :class:`onex.model.mesh.CapabilityReported`."""

    capability: str
    subject: str
    event: str
    detail: str


class Reports:
    """Told on one thread, taken on another. Of what nobody takes the latest thousand are kept."""

    def __init__(self) -> None:
        self._told: deque[CapabilityReport] = deque(maxlen=_KEPT)

    def report(self, capability: str, subject: str, event: str, detail: str) -> None:
        """Never waits. The detail may be the text of any error: credentials are taken out of it."""
        self._told.append(CapabilityReport(capability, subject, event, scrubbed(detail)))

    def take(self) -> Iterator[CapabilityReport]:
        """What was told since the last time, in its order."""
        while self._told:
            yield self._told.popleft()
