"""What a node may do with its profiler."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class CallProfile:
    """One call of a handler."""

    seconds: float
    message: str
    """Its type."""
    key: str
    stacks: str = ""
    """Where it was, as a tree; empty for a call that was not sampled."""


@dataclass(frozen=True, slots=True)
class SectionFacts:
    """A named section, over all its runs."""

    count: int
    seconds: float
    longest: float


class ProtocolProfiling(Protocol):
    """Where the time goes."""

    def section(self, name: str) -> AbstractContextManager[None]:
        """Measure what happens within, under a name of your own."""
        ...

    def sections(self) -> Mapping[str, SectionFacts]:
        """All sections, the one that took most comes first."""
        ...

    def slowest(self) -> Sequence[CallProfile]:
        """The slowest calls so far, the slowest one first."""
        ...
