"""How capabilities are composed into nodes: thin mixin, plain engine, lifecycle as data."""

from onex.capability.composition import (
    CapabilityPlan,
    Composition,
    ProtocolComposed,
    ProtocolManaged,
    plan_of,
)
from onex.capability.container import Container, EnumScope, ServiceRegistry
from onex.capability.contracts import LoadedContract, NoContracts, ProtocolContractReader
from onex.capability.current_message import NoCurrentMessage, ProtocolCurrentMessage
from onex.capability.events import Event, NoEvents, ProtocolEventSink
from onex.capability.health import AlwaysReady, EnumCheckKind, HealthCheck, HealthChecks, Probe, ProtocolReadiness
from onex.capability.host import (
    AgentEnvironment,
    NodeIdentity,
    PartitionShare,
    ProtocolHost,
    configured,
    standard_services,
)
from onex.capability.kafka import NoKafka, ProtocolKafkaAdapter, ProtocolKafkaAdapters
from onex.capability.layer import (
    BatchFacts,
    Proceed,
    ProtocolAround,
    ProtocolBatchObserver,
    ProtocolCheck,
    fold,
    fold_checks,
)
from onex.capability.measured import ProtocolMeasured
from onex.capability.metadata import CapabilityMetadata, load_metadata
from onex.capability.mixin import Definition, Mixin, Subcontract, capability, define
from onex.capability.reports import CapabilityReport, Reports
from onex.capability.resolver import closure, layer_order, start_order
from onex.capability.sender import SENDER

__all__ = [
    "SENDER",
    "AgentEnvironment",
    "AlwaysReady",
    "BatchFacts",
    "CapabilityMetadata",
    "CapabilityPlan",
    "CapabilityReport",
    "Composition",
    "Container",
    "Definition",
    "EnumCheckKind",
    "EnumScope",
    "Event",
    "HealthCheck",
    "HealthChecks",
    "LoadedContract",
    "Mixin",
    "NoContracts",
    "NoCurrentMessage",
    "NoEvents",
    "NoKafka",
    "NodeIdentity",
    "PartitionShare",
    "Probe",
    "Proceed",
    "ProtocolAround",
    "ProtocolBatchObserver",
    "ProtocolCheck",
    "ProtocolComposed",
    "ProtocolContractReader",
    "ProtocolCurrentMessage",
    "ProtocolEventSink",
    "ProtocolHost",
    "ProtocolKafkaAdapter",
    "ProtocolKafkaAdapters",
    "ProtocolManaged",
    "ProtocolMeasured",
    "ProtocolReadiness",
    "Reports",
    "ServiceRegistry",
    "Subcontract",
    "capability",
    "closure",
    "configured",
    "define",
    "fold",
    "fold_checks",
    "layer_order",
    "load_metadata",
    "plan_of",
    "standard_services",
    "start_order",
]
