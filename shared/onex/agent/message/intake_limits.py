"""The limits that capabilities set to what an agent reads."""

from collections.abc import Sequence

from onex.capability.layer import ProtocolIntake


class IntakeLimits:
    """The engines of a node that limit its intake."""

    def __init__(self, layers: Sequence[object]) -> None:
        self._limits = [layer for layer in layers if isinstance(layer, ProtocolIntake)]

    def __bool__(self) -> bool:
        return bool(self._limits)

    def available(self, most: int) -> int:
        """Return how many messages may be read now, at most ``most``."""
        return min([most, *(limit.available(most) for limit in self._limits)])

    def took(self, count: int) -> None:
        """Count messages that were read."""
        for limit in self._limits:
            limit.took(count)

    def wait_seconds(self) -> float:
        """Return the seconds until messages may be read, 0 for now. From any thread."""
        return max((limit.wait_seconds() for limit in self._limits), default=0.0)
