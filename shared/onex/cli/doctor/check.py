"""A check of ``onex doctor`` takes a :class:`CheckContext` and yields its findings."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property

from onex.bus.protocols import ProtocolEventBus, ProtocolRecord
from onex.bus.topics import all_partitions
from onex.contract import ResolvedNode
from onex.mesh import NodeView, Survey
from onex.schema import ProtocolSchemaCatalogue
from onex.settings import Settings

_SAMPLE = 500
"""Records at the end of a partition that a check reads."""


class Severity(StrEnum):
    """How bad a finding is. An error makes the exit code 1."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Finding:
    """A problem and its remedy."""

    severity: Severity
    check: str
    what: str
    remedy: str


@dataclass
class CheckContext:
    """The mesh that the checks examine, and their limits."""

    bus: ProtocolEventBus
    catalogue: ProtocolSchemaCatalogue
    nodes: Sequence[ResolvedNode]
    settings: Settings
    dead_letters: int
    """Dead letters of a node that are too many when there are more."""
    window: float
    """Seconds in which a partition with lag must move."""
    skew: float
    """Seconds that clocks may differ."""

    @cached_property
    def survey(self) -> Survey:
        """The survey of the nodes. The checks share what it has read."""
        return Survey(self.bus, self.catalogue, self.nodes, self.settings.env, self.settings.topic_prefix)

    @cached_property
    def views(self) -> list[NodeView]:
        """The nodes as they are when the first check needs them."""
        return self.survey.look()

    def tail(self, topics: Sequence[str]) -> Iterator[ProtocolRecord]:
        """Yield the latest records of those topics that exist: up to 500 of each partition."""
        partitions = all_partitions(self.bus.admin.topics(topics).values())
        stable = self.bus.admin.stable_ends(partitions)
        starts = {p: max(first, stable[p] - _SAMPLE) for p, (first, _) in self.bus.admin.ends(partitions).items()}
        starts = {p: start for p, start in starts.items() if start < stable[p]}
        if not starts:
            return
        reader = self.bus.read(starts, stable)
        try:
            yield from reader.until_end()
        finally:
            reader.close()


Check = Callable[[CheckContext], Iterator[Finding]]
