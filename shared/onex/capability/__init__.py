"""The API for authors of capabilities: the mixin, its configuration, and the services that engines work with.

Internal modules import everything else from the module that defines it.
"""

from onex.capability.composition import Composition
from onex.capability.container import Container
from onex.capability.current_message import ProtocolCurrentMessage
from onex.capability.events import Event, ProtocolEventSink
from onex.capability.health import HealthCheck, HealthChecks
from onex.capability.host import AgentEnvironment, NodeIdentity, ProtocolHost, configured
from onex.capability.layer import BatchFacts, Proceed
from onex.capability.measured import ProtocolMeasured
from onex.capability.mixin import Mixin, Subcontract, capability, define
from onex.capability.reports import Reports

__all__ = [
    "AgentEnvironment",
    "BatchFacts",
    "Composition",
    "Container",
    "Event",
    "HealthCheck",
    "HealthChecks",
    "Mixin",
    "NodeIdentity",
    "Proceed",
    "ProtocolCurrentMessage",
    "ProtocolEventSink",
    "ProtocolHost",
    "ProtocolMeasured",
    "Reports",
    "Subcontract",
    "capability",
    "configured",
    "define",
]
