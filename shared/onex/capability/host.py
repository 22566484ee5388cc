"""What a node offers to its capabilities."""

from dataclasses import dataclass
from typing import Protocol, TypeVar

from onex.capability.container import Container, ServiceRegistry
from onex.capability.mixin import Subcontract
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


class ProtocolHost(Protocol):
    """What every node has; accessors that need more name a protocol that says so."""

    @property
    def container(self) -> Container: ...


def configured(host: ProtocolHost, model: type[C]) -> C:
    """The configuration of a capability: what the contract says, or its defaults."""
    return host.container.find(model) or model()


def standard_services(identity: NodeIdentity) -> ServiceRegistry:
    """What engines may always ask for: the clock of the machine and who they work for."""
    registry = ServiceRegistry()
    registry.value(ProtocolClock, SystemClock())
    registry.value(NodeIdentity, identity)
    return registry
