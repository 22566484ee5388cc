"""What a node offers to its capabilities."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, TypeVar

from onex.capability.container import Container, ServiceRegistry
from onex.capability.current_message import NoCurrentMessage, ProtocolCurrentMessage
from onex.capability.events import NoEvents, ProtocolEventSink
from onex.capability.health import AlwaysReady, HealthChecks, ProtocolReadiness
from onex.capability.kafka import NoKafka, ProtocolKafkaAdapters
from onex.capability.mixin import Subcontract
from onex.capability.reports import Reports
from onex.util.clock import ProtocolClock, SystemClock

C = TypeVar("C", bound=Subcontract)


@dataclass(frozen=True, slots=True)
class NodeIdentity:
    """Who runs: in names of metrics, in log lines, in events."""

    name: str
    """Of the contract; of the class for a node without one."""
    version: str = ""
    instance: str = ""
    """Stable name of the process."""


@dataclass(frozen=True, slots=True)
class AgentEnvironment:
    """What the agent was started with; a capability uses it where its subcontract says nothing else."""

    database_url: str = field(default="", repr=False)
    kafka_bootstrap_servers: str = ""
    kafka_config: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Further settings of librdkafka. They may hold secrets."""
    home: Path = Path(".onex")
    """Where things are kept on this machine."""


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
    """What engines may always ask for. Agents put their own in place of what does nothing here."""
    registry = ServiceRegistry()
    registry.value(ProtocolClock, SystemClock())
    registry.value(NodeIdentity, identity)
    registry.value(AgentEnvironment, AgentEnvironment())
    registry.value(PartitionShare, PartitionShare())
    registry.value(Reports, Reports())
    registry.value(HealthChecks, HealthChecks())
    registry.value(ProtocolReadiness, AlwaysReady())
    registry.value(ProtocolCurrentMessage, NoCurrentMessage())
    registry.value(ProtocolEventSink, NoEvents())
    registry.value(ProtocolKafkaAdapters, NoKafka())
    return registry
