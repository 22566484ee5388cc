"""Interface of alerting."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from onex.mixins.notification import EnumSeverity

Fingerprint = tuple[tuple[str, str], ...]
"""Labels of an alert, sorted. They identify it."""


class EnumAlertState(StrEnum):
    """States of an alert. One whose condition is false is none."""

    PENDING = "pending"
    """The condition is true, and not yet for ``for_seconds``."""
    FIRING = "firing"
    RESOLVED = "resolved"
    """It fired, and its condition is false now."""


@dataclass(frozen=True, slots=True)
class AlertFacts:
    """An alert at one time."""

    state: EnumAlertState
    severity: EnumSeverity
    labels: Mapping[str, str]
    annotations: Mapping[str, str]
    value: float
    since_ms: int
    """When its condition became true, as Unix time in milliseconds."""
    ended_ms: int = 0
    """When it was resolved. 0 before."""

    @property
    def name(self) -> str:
        """Name of its rule."""
        return self.labels["alertname"]

    @property
    def fingerprint(self) -> Fingerprint:
        """Its labels, sorted."""
        return tuple(sorted(self.labels.items()))


class ProtocolAlerting(Protocol):
    """Alerts by the rules of the contract."""

    def event(self, name: str) -> None:
        """Count an event, for rules that name it. Other names are ignored. Any thread. It never waits."""
        ...

    def facts(self) -> Sequence[AlertFacts]:
        """Return the pending and firing alerts."""
        ...

    async def tick(self) -> None:
        """Evaluate all rules now. The engine does so at intervals."""
        ...
