"""Interface of metrics backends."""

from collections.abc import Mapping
from typing import Protocol

Labels = Mapping[str, str]


class ProtocolMetricsBackend(Protocol):
    """Takes single measurements, under full names. Any thread. Raises ValueError for a name with two types."""

    def count(self, name: str, value: float, labels: Labels) -> None:
        """Add to a counter."""
        ...

    def put(self, name: str, value: float, labels: Labels) -> None:
        """Set a gauge."""
        ...

    def observe(self, name: str, value: float, labels: Labels) -> None:
        """Add a value to a histogram."""
        ...

    async def open(self) -> None:
        """Start."""
        ...

    async def close(self) -> None:
        """Stop, after sending all measurements."""
        ...
