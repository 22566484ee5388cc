"""The services that a node offers to its capabilities."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol, TypeVar

from onex.capability.added_outputs import AddedOutputs
from onex.capability.checkpoints import NoCheckpoints, ProtocolCheckpoints
from onex.capability.composition import CapabilityPlan
from onex.capability.container import Container, ServiceRegistry
from onex.capability.current_message import NoCurrentMessage, ProtocolCurrentMessage
from onex.capability.current_record import NoCurrentRecord, ProtocolCurrentRecord
from onex.capability.events import NoEvents, ProtocolEventSink
from onex.capability.following import NoTopics, ProtocolTopicFollower
from onex.capability.health import AlwaysReady, HealthChecks, ProtocolReadiness
from onex.capability.kafka import NoKafka, ProtocolKafkaAdapters
from onex.capability.log_lines import LogLines
from onex.capability.mixin import Definition, Subcontract
from onex.capability.reports import Reports
from onex.capability.shared import SharedResources
from onex.capability.shrinkable import Shrinkables
from onex.capability.view import engine_of, merged
from onex.errors import CompositionError
from onex.model.enums import EnumNodeKind
from onex.util.clock import ProtocolClock, SystemClock

C = TypeVar("C", bound=Subcontract)


@dataclass(frozen=True, slots=True)
class NodeIdentity:
    """The identity of a node in metrics, log lines and events."""

    name: str
    """Name in the contract, or the class name of a node without a contract."""
    version: str = ""
    instance: str = ""
    """Name of the instance slot."""
    prefix: str = ""
    """Prefix of the environment's topics. It ends in a dot unless it is empty."""


@dataclass(frozen=True, slots=True)
class AgentEnvironment:
    """Settings of the agent. A capability uses them as defaults for its subcontract."""

    database_url: str = field(default="", repr=False)
    kafka_bootstrap_servers: str = ""
    kafka_config: Mapping[str, str] = field(default_factory=dict, repr=False)
    """Further settings of librdkafka. They may hold secrets."""
    home: Path = Path(".onex")
    """Folder for local files."""


class PartitionShare:
    """This process's share of the node's partitions. Limits of the whole node are split by it."""

    def __init__(self) -> None:
        self._assigned: Callable[[], int] = lambda: 1
        self._total = 1

    def follow(self, assigned: Callable[[], int], total: int) -> None:
        """Use this count of assigned partitions, out of ``total``, from now on."""
        self._assigned, self._total = assigned, max(1, total)

    @property
    def fraction(self) -> float:
        """Above 0, at most 1. A process without partitions has the share of one, as one may arrive at any time."""
        return min(1.0, max(1, self._assigned()) / self._total)


class ProtocolHost(Protocol):
    """The part of a node that every capability may use. An accessor that needs more names a protocol of its own."""

    @property
    def container(self) -> Container: ...


class ProtocolKindHost(Protocol):
    """A node whose kind decides how a capability works."""

    @property
    def container(self) -> Container: ...
    @property
    def kind(self) -> EnumNodeKind: ...


def configured(host: ProtocolHost, model: type[C]) -> C:
    """Return the configuration of a capability from the contract and from the node's views of it, or its defaults.

    Raise CompositionError when views set different values, and for values that the node's kind cannot have.
    """
    own = host.container.find(model)
    views = [
        (definition, host.container.find(definition.subcontract) or definition.subcontract())
        for definition in views_of(host)
        if engine_of(definition).subcontract is model
    ]
    settings = merged(engine_of(views[0][0]), own, views, model) if views else own or model()
    match getattr(host, "kind", None):
        case EnumNodeKind() as kind:
            for at, message, remedy in settings.unfit_for(kind):
                raise CompositionError(f"{'.'.join(map(str, at))}: {message}; {remedy}")
    return settings


def is_pure(host: object) -> bool:
    """Return whether a node is a COMPUTE, REDUCER or ORCHESTRATOR."""
    match getattr(host, "kind", None):
        case EnumNodeKind() as kind:
            return kind is not EnumNodeKind.EFFECT
        case _:
            return False


def views_of(host: object) -> tuple[Definition, ...]:
    """Return the definitions of the views that a node has."""
    match getattr(host, "capabilities", None):
        case CapabilityPlan(views=views):
            return views
        case _:
            return ()


def standard_services(identity: NodeIdentity) -> ServiceRegistry:
    """Return the services that every node has. Agents replace those that do nothing without an agent."""
    registry = ServiceRegistry()
    registry.value(ProtocolClock, SystemClock())
    registry.value(NodeIdentity, identity)
    registry.value(AgentEnvironment, AgentEnvironment())
    registry.value(PartitionShare, PartitionShare())
    registry.value(AddedOutputs, AddedOutputs())
    registry.value(Reports, Reports())
    registry.value(LogLines, LogLines())
    registry.value(HealthChecks, HealthChecks())
    registry.value(Shrinkables, Shrinkables())
    registry.value(ProtocolReadiness, AlwaysReady())
    registry.value(ProtocolCurrentMessage, NoCurrentMessage())
    registry.value(ProtocolCurrentRecord, NoCurrentRecord())
    registry.value(ProtocolEventSink, NoEvents())
    registry.value(ProtocolTopicFollower, NoTopics())
    registry.value(ProtocolCheckpoints, NoCheckpoints())
    registry.value(ProtocolKafkaAdapters, NoKafka())
    registry.register(SharedResources, lambda _: SharedResources(), close=SharedResources.close, closes_last=True)
    return registry
