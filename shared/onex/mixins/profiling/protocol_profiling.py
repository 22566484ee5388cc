"""Interface of the profiler."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class CallProfile:
    """One call of a handler."""

    seconds: float
    message: str
    """Type of the message."""
    key: str
    stacks: str = ""
    """Sampled stacks as a tree. Empty for a call that was not sampled."""


@dataclass(frozen=True, slots=True)
class SectionFacts:
    """Durations of a named section over all runs, in seconds."""

    count: int
    seconds: float
    longest: float


class ProtocolProfiling(Protocol):
    """Durations of calls and sections."""

    def section(self, name: str) -> AbstractContextManager[None]:
        """Return a context that measures its duration under ``name``."""
        ...

    def sections(self) -> Mapping[str, SectionFacts]:
        """Return all sections, the one with the longest total time first."""
        ...

    def slowest(self) -> Sequence[CallProfile]:
        """Return the slowest calls since the start, the slowest first."""
        ...
