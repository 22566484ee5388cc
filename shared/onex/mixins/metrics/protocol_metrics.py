"""Interface of metrics."""

from contextlib import AbstractContextManager
from typing import Protocol


class ProtocolMetrics(Protocol):
    """Measurements.

    Names are lower case with underscores. Any thread. Raises ValueError for a name with two types.
    """

    def increment(self, metric_name: str, value: float = 1, **labels: str) -> None:
        """Add to a counter."""
        ...

    def gauge(self, metric_name: str, value: float, **labels: str) -> None:
        """Set a gauge."""
        ...

    def histogram(self, metric_name: str, value: float, **labels: str) -> None:
        """Add a value to a histogram."""
        ...

    def timer(self, metric_name: str, **labels: str) -> AbstractContextManager[None]:
        """Return a context that adds its duration in seconds to a histogram."""
        ...
