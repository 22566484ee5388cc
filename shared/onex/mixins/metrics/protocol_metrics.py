"""Interface of metrics."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class ObjectiveFacts:
    """An objective at one time, for the messages of this process. Without messages nothing is bad."""

    name: str
    target: float
    """Least share of good messages."""
    total: int
    """Messages within the window."""
    bad: int
    """Those of them that are not good."""
    compliance: float
    """Share of good messages within the window."""
    budget_remaining: float
    """Share of the error budget that is left: 1 when no message is bad, below 0 when the target is missed."""
    burn_rate_short: float
    """How fast the budget is used, within the short window: 1 uses it up in exactly one window."""
    burn_rate_long: float
    """The same within the long window."""
    window_covered: float
    """Share of the window that has passed since the process began to measure, at most 1."""

    @property
    def burn_rate(self) -> float:
        """The lower of both burn rates, for alerts: a problem that matters and that goes on."""
        return min(self.burn_rate_short, self.burn_rate_long)

    @property
    def is_met(self) -> bool:
        """Whether the share of good messages reaches the target."""
        return self.compliance >= self.target


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

    def objectives(self) -> Sequence[ObjectiveFacts]:
        """Return the objectives of the contract, as last measured. Empty until the node has started.

        Raise NodeUseError in a pure node, whose results must not depend on them.
        """
        ...
