"""Interface of memory management."""

from dataclasses import dataclass
from typing import Protocol

from onex.capability import ProtocolShrinkable


@dataclass(frozen=True, slots=True)
class MemoryUse:
    """A budget of memory and the part that is in use, in bytes."""

    used_bytes: int
    budget_bytes: int
    """Above 0."""

    @property
    def share(self) -> float:
        """The part of the budget that is in use. It may exceed 1."""
        return self.used_bytes / self.budget_bytes


@dataclass(frozen=True, slots=True)
class MemoryFacts:
    """The memory of a process now, and counters since the start of the node."""

    resident_bytes: int
    """Physical memory of the process."""
    use: MemoryUse | None
    """The budget of which the largest share is in use. None without a budget."""
    is_paused: bool
    """Whether the agent takes no messages."""
    pauses: int
    """Number of times that it stopped taking messages."""
    paused_seconds: float
    """Time in which it took none."""
    shrinks: int
    """Number of times that caches were asked to shrink."""
    removed_entries: int
    """Entries that they removed."""


class ProtocolMemoryReader(Protocol):
    """Measures memory. A test registers its own one in the container of the node. Any thread may call it."""

    def resident_bytes(self) -> int:
        """Return the physical memory of this process."""
        ...

    def group_use(self) -> MemoryUse | None:
        """Return the limit of the control group with the smallest one, and the memory that its processes use and the
        kernel cannot free. None without a limit."""
        ...


class ProtocolMemoryManagement(Protocol):
    """The memory of a node."""

    def register(self, name: str, cache: ProtocolShrinkable) -> None:
        """Let a cache shrink with the others. Raise CompositionError when its name is in use."""
        ...

    def facts(self) -> MemoryFacts:
        """Measure, and return the measurement and the counters.

        Raise NodeUseError in a COMPUTE, REDUCER or ORCHESTRATOR, whose results must not depend on it.
        """
        ...
