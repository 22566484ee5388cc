"""The API for authors of capabilities: the mixin, its configuration, and the services that engines work with.

Internal modules import everything else from the module that defines it.
"""

from onex.capability.added_outputs import AddedOutputs
from onex.capability.composition import Composition
from onex.capability.container import Container
from onex.capability.current_message import ProtocolCurrentMessage
from onex.capability.events import Event, ProtocolEventSink
from onex.capability.feature import Feature, define_feature
from onex.capability.following import ProtocolTopicFollower
from onex.capability.health import HealthCheck, HealthChecks
from onex.capability.host import AgentEnvironment, NodeIdentity, ProtocolHost, configured, is_pure
from onex.capability.layer import BatchFacts, Proceed
from onex.capability.measured import ProtocolMeasured
from onex.capability.mixin import Mixin, Subcontract, capability, define
from onex.capability.reports import Reports
from onex.capability.shared import SharedResources
from onex.capability.shrinkable import ProtocolShrinkable, Shrinkables
from onex.capability.view import define_view, renamed, shared_engine

__all__ = [
    "AddedOutputs",
    "AgentEnvironment",
    "BatchFacts",
    "Composition",
    "Container",
    "Event",
    "Feature",
    "HealthCheck",
    "HealthChecks",
    "Mixin",
    "NodeIdentity",
    "Proceed",
    "ProtocolCurrentMessage",
    "ProtocolEventSink",
    "ProtocolHost",
    "ProtocolMeasured",
    "ProtocolShrinkable",
    "ProtocolTopicFollower",
    "Reports",
    "SharedResources",
    "Shrinkables",
    "Subcontract",
    "capability",
    "configured",
    "define",
    "define_feature",
    "define_view",
    "is_pure",
    "renamed",
    "shared_engine",
]
