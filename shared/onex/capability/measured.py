"""Reported metrics of engines. They are read at a scrape, so they cost nothing per message."""

from collections.abc import Mapping
from typing import Protocol, runtime_checkable


@runtime_checkable
class ProtocolMeasured(Protocol):
    """An engine with counters. Agents export them as ``onex_capability{node, capability, figure}``."""

    def reported_metrics(self) -> Mapping[str, float]:
        """Return values by name: few names, and none from the content of a message.

        Any thread may call it. It changes nothing in the engine.
        """
        ...
