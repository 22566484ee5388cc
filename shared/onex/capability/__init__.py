"""How capabilities are composed into nodes: thin mixin, plain engine, lifecycle as data."""

from onex.capability.composition import (
    CapabilityPlan,
    Composition,
    ProtocolComposed,
    ProtocolManaged,
    plan_of,
)
from onex.capability.container import Container, EnumScope, ServiceRegistry
from onex.capability.host import NodeIdentity, PartitionShare, ProtocolHost, configured, standard_services
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
from onex.capability.signals import Signal, Signals

__all__ = [
    "BatchFacts",
    "CapabilityMetadata",
    "CapabilityPlan",
    "Composition",
    "Container",
    "Definition",
    "EnumScope",
    "Mixin",
    "NodeIdentity",
    "PartitionShare",
    "Proceed",
    "ProtocolAround",
    "ProtocolBatchObserver",
    "ProtocolCheck",
    "ProtocolComposed",
    "ProtocolHost",
    "ProtocolManaged",
    "ServiceRegistry",
    "Signal",
    "Signals",
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
