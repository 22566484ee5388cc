"""Topics that every mesh has, whatever its nodes are."""

from collections.abc import Mapping

from onex.model.mesh.audit import AuditRecorded, DeadLetterAudited
from onex.model.mesh.cache import CacheInvalidated
from onex.model.mesh.capability import CapabilityReported
from onex.model.mesh.consumer_health import ConsumerHealthReported
from onex.model.mesh.health import InstanceHealth
from onex.model.mesh.heartbeat import NodeHeartbeat
from onex.model.mesh.intake import IntakeOrdered
from onex.model.mesh.introspection import NodeIntrospected
from onex.model.mesh.registration import (
    RegisteredNode,
    RegistrationAccepted,
    RegistrationAcknowledged,
    RequestIntrospection,
)
from onex.model.message import Message

TopicByModel = Mapping[type[Message], str]

MESH_TOPICS: TopicByModel = {
    NodeIntrospected: "onex.evt.mesh.node-introspected.v1",
    NodeHeartbeat: "onex.evt.mesh.node-heartbeat.v1",
    ConsumerHealthReported: "onex.evt.mesh.consumer-health-reported.v1",
    CapabilityReported: "onex.evt.mesh.capability-reported.v1",
    RegistrationAcknowledged: "onex.evt.mesh.registration-acknowledged.v1",
    RegistrationAccepted: "onex.evt.registry.registration-accepted.v1",
    RequestIntrospection: "onex.cmd.mesh.request-introspection.v1",
}
"""Between agents and the registry."""

SNAPSHOT_TOPICS: TopicByModel = {
    RegisteredNode: "onex.snapshot.registry.registered-node.v1",
    InstanceHealth: "onex.snapshot.health.instance-health.v1",
}
"""What discovery reads."""

AUDIT_TOPICS: TopicByModel = {
    DeadLetterAudited: "onex.evt.dead-letters.dead-letter-audited.v1",
    AuditRecorded: "onex.evt.mesh.audit-recorded.v1",
}
"""Topics of the actions of operators and nodes. Their records are stored longer than those of other topics."""

CAPABILITY_TOPICS: TopicByModel = {CacheInvalidated: "onex.evt.mesh.cache-invalidated.v1"}
"""Between the capabilities of nodes."""

INTAKE_TOPICS: TopicByModel = {IntakeOrdered: "onex.snapshot.mesh.intake-ordered.v1"}
"""The orders of operators to pause and resume nodes. The latest of each node never expires."""


def with_prefix(topics: TopicByModel, prefix: str) -> TopicByModel:
    """The same topics in an environment with a prefix."""
    return {model: prefix + topic for model, topic in topics.items()}
