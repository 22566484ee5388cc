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
from onex.capability.events import Event, NoEvents, ProtocolEventSink
from onex.capability.figures import ProtocolMeasured
from onex.capability.health import AlwaysReady, EnumCheckKind, HealthCheck, HealthChecks, Probe, ProtocolReadiness
from onex.capability.host import (
    NodeIdentity,
    PartitionShare,
    ProtocolHost,
    Surroundings,
    configured,
    standard_services,
)
from onex.capability.in_hand import NothingInHand, ProtocolInHand
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
from onex.capability.metadata import CapabilityMetadata, load_metadata
from onex.capability.mixin import Definition, Mixin, Subcontract, capability, define
from onex.capability.resolver import closure, layer_order, start_order
from onex.capability.sender import SENDER
from onex.capability.signals import Signal, Signals

__all__ = [
    "SENDER",
    "AlwaysReady",
    "BatchFacts",
    "CapabilityMetadata",
    "CapabilityPlan",
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
    "NoEvents",
    "NoKafka",
    "NodeIdentity",
    "NothingInHand",
    "PartitionShare",
    "Probe",
    "Proceed",
    "ProtocolAround",
    "ProtocolBatchObserver",
    "ProtocolCheck",
    "ProtocolComposed",
    "ProtocolContractReader",
    "ProtocolEventSink",
    "ProtocolHost",
    "ProtocolInHand",
    "ProtocolKafkaAdapter",
    "ProtocolKafkaAdapters",
    "ProtocolManaged",
    "ProtocolMeasured",
    "ProtocolReadiness",
    "ServiceRegistry",
    "Signal",
    "Signals",
    "Subcontract",
    "Surroundings",
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
