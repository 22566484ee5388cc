"""What a node may do with metrics."""

from contextlib import AbstractContextManager
from typing import Protocol


class ProtocolMetrics(Protocol):
    """Names are lower case with underscores. Any thread. Raises ValueError for a name used in two ways."""

    def increment(self, metric_name: str, /, value: float = 1, **labels: str) -> None:
        """Add to a counter."""
        ...

    def gauge(self, metric_name: str, /, value: float, **labels: str) -> None:
        """Set a value that goes up and down."""
        ...

    def histogram(self, metric_name: str, /, value: float, **labels: str) -> None:
        """One value of a distribution."""
        ...

    def timer(self, metric_name: str, /, **labels: str) -> AbstractContextManager[None]:
        """Seconds of what happens within, as a histogram."""
        ...
