"""Messages of agents and the registry about the mesh itself: events, commands and snapshots."""

from onex.model.mesh.audit import AuditRecorded, DeadLetterAudited, EnumDeadLetterAction
from onex.model.mesh.cache import CacheInvalidated
from onex.model.mesh.capability import CapabilityReported
from onex.model.mesh.consumer_health import ConsumerHealthReported, EnumConsumerEvent
from onex.model.mesh.health import EnumHealth, InstanceHealth, MeshHealth, NodeHealth
from onex.model.mesh.heartbeat import EnumPhase, NodeHeartbeat
from onex.model.mesh.intake import IntakeOrdered
from onex.model.mesh.introspection import (
    EnumIntrospectionReason,
    ModelCapabilities,
    ModelNodeInput,
    ModelNodeOutput,
    ModelNodeTopics,
    NodeIntrospected,
    node_id,
)
from onex.model.mesh.registration import (
    EnumRegistrationState,
    RegisteredNode,
    RegistrationAccepted,
    RegistrationAcknowledged,
    RequestIntrospection,
)
from onex.model.mesh.topics import AUDIT_TOPICS, CAPABILITY_TOPICS, INTAKE_TOPICS, MESH_TOPICS, SNAPSHOT_TOPICS

__all__ = [
    "AUDIT_TOPICS",
    "CAPABILITY_TOPICS",
    "INTAKE_TOPICS",
    "MESH_TOPICS",
    "SNAPSHOT_TOPICS",
    "AuditRecorded",
    "CacheInvalidated",
    "CapabilityReported",
    "ConsumerHealthReported",
    "DeadLetterAudited",
    "EnumConsumerEvent",
    "EnumDeadLetterAction",
    "EnumHealth",
    "EnumIntrospectionReason",
    "EnumPhase",
    "EnumRegistrationState",
    "InstanceHealth",
    "IntakeOrdered",
    "MeshHealth",
    "ModelCapabilities",
    "ModelNodeInput",
    "ModelNodeOutput",
    "ModelNodeTopics",
    "NodeHealth",
    "NodeHeartbeat",
    "NodeIntrospected",
    "RegisteredNode",
    "RegistrationAccepted",
    "RegistrationAcknowledged",
    "RequestIntrospection",
    "node_id",
]
