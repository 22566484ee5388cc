"""The handshake between a node and the registry, and the snapshot that discovery reads."""

from datetime import datetime
from enum import StrEnum

from onex.model.mesh.introspection import NodeIntrospected
from onex.model.message import Message


class EnumRegistrationState(StrEnum):
    """States of a registration; the reducer's contract holds the transitions."""

    PENDING = "PENDING"
    ACCEPTED = "ACCEPTED"
    AWAITING_ACK = "AWAITING_ACK"
    ACK_RECEIVED = "ACK_RECEIVED"
    ACTIVE = "ACTIVE"
    ACK_TIMED_OUT = "ACK_TIMED_OUT"
    LIVENESS_EXPIRED = "LIVENESS_EXPIRED"
    REJECTED = "REJECTED"


class RegistrationAccepted(Message, key="node_id"):
    """Registry to node: you are welcome; acknowledge within ``ack_within`` seconds."""

    node_id: str
    epoch: int
    ack_within: float


class RegistrationAcknowledged(Message, key="node_id"):
    """Node to registry: I heard you, in this epoch."""

    node_id: str
    epoch: int


class RequestIntrospection(Message, key="node_id"):
    """Registry (or an operator) to a node: say again who you are. An empty id means everybody."""

    node_id: str
    reason: str


class RegisteredNode(Message, key="node_id"):
    """Snapshot: the registration of one agent process as it stands."""

    node_id: str
    state: EnumRegistrationState
    since: datetime
    """When it came into this state."""
    reason: str
    registered: NodeIntrospected
