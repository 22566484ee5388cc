"""What a node offers to its capabilities."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, TypeVar

from onex.capability.container import Container, ServiceRegistry
from onex.capability.mixin import Subcontract
from onex.capability.signals import Signals
from onex.model.clock import ProtocolClock, SystemClock

C = TypeVar("C", bound=Subcontract)


@dataclass(frozen=True, slots=True)
class NodeIdentity:
    """Who runs: in names of metrics, in log lines, in events."""

    name: str
    """Of the contract; of the class for a node without one."""
    version: str = ""
    instance: str = ""
    """Stable name of the process."""


class PartitionShare:
    """How much of the node's input this process has: what is meant for all of them is shared out by it."""

    def __init__(self) -> None:
        self._held: Callable[[], int] = lambda: 1
        self._total = 1

    def follow(self, held: Callable[[], int], total: int) -> None:
        """From now on: partitions held here, of so many."""
        self._held, self._total = held, max(1, total)

    @property
    def fraction(self) -> float:
        """Above 0, at most 1. Who holds nothing has the share of one partition: it may get it at any moment."""
        return min(1.0, max(1, self._held()) / self._total)


class ProtocolHost(Protocol):
    """What every node has; accessors that need more name a protocol that says so."""

    @property
    def container(self) -> Container: ...


def configured(host: ProtocolHost, model: type[C]) -> C:
    """The configuration of a capability: what the contract says, or its defaults."""
    return host.container.find(model) or model()


def standard_services(identity: NodeIdentity) -> ServiceRegistry:
    """What engines may always ask for: the clock of the machine, who they work for, which share of the input that is,
    and where to tell what the mesh should know."""
    registry = ServiceRegistry()
    registry.value(ProtocolClock, SystemClock())
    registry.value(NodeIdentity, identity)
    registry.value(PartitionShare, PartitionShare())
    registry.value(Signals, Signals())
    return registry
