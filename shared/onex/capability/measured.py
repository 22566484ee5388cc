"""What engines count, read when somebody looks: nothing is paid per message."""

from collections.abc import Mapping
from typing import Protocol, runtime_checkable


@runtime_checkable
class ProtocolMeasured(Protocol):
    """An engine that counts. Agents export its figures as ``onex_capability{node, capability, figure}``."""

    def reported_metrics(self) -> Mapping[str, float]:
        """Values by name; few names, none that comes out of a message. Any thread."""
        ...
