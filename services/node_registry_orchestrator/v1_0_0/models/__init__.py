"""State and messages of the registration handshake."""

from datetime import datetime
from enum import StrEnum

from onex.model.mesh import (
    NodeHeartbeat,
    NodeIntrospected,
    RegistrationAccepted,
    RegistrationAcknowledged,
    RequestIntrospection,
)
from onex.node import Message

__all__ = [
    "EnumHandshake",
    "EnumStep",
    "Handshake",
    "NodeHeartbeat",
    "NodeIntrospected",
    "RegistrationAccepted",
    "RegistrationAcknowledged",
    "RegistrationStepped",
    "RequestIntrospection",
]


class EnumStep(StrEnum):
    """A step of a registration: a trigger of the reducer's state machine."""

    REQUESTED = "requested"
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    OFFERED = "offered"
    ACKNOWLEDGED = "acknowledged"
    ACTIVATED = "activated"
    REFRESHED = "refreshed"
    ACK_TIMED_OUT = "ack_timed_out"
    EXPIRED = "expired"
    FORGOTTEN = "forgotten"


class RegistrationStepped(Message, key="node_id"):
    """One step, from orchestrator to reducer, in order. The first step and refreshes carry ``registered``."""

    node_id: str
    step: EnumStep
    reason: str
    at: datetime
    registered: NodeIntrospected | None = None


class EnumHandshake(StrEnum):
    """Progress of the handshake with a process."""

    OFFERED = "offered"
    ACTIVE = "active"
    SILENT = "silent"
    """The process did not acknowledge, or its heartbeats stopped."""
    REFUSED = "refused"


class Handshake(Message):
    """State, one per agent process."""

    epoch: int
    at: EnumHandshake
    last_seen: datetime
