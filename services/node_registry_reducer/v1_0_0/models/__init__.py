"""State and messages of the registry."""

from datetime import datetime

from node_postgres_adapter_effect.v1_0_0.models import DeleteProjection, UpsertProjection
from node_registry_orchestrator.v1_0_0.models import RegistrationStepped
from onex.model.mesh import EnumRegistrationState, NodeIntrospected, RegisteredNode
from onex.node import Message

__all__ = [
    "DeleteProjection",
    "RegisteredNode",
    "Registration",
    "RegistrationChanged",
    "RegistrationStepped",
    "UpsertProjection",
]


class Registration(Message):
    """State, one per agent process."""

    state: EnumRegistrationState
    registered: NodeIntrospected
    sequence: int
    """Counts changes. The highest number wins in every projection."""


class RegistrationChanged(Message, key="node_id"):
    """A transition of the state machine."""

    node_id: str
    was: EnumRegistrationState | None
    """None for a process that was not registered."""
    now: EnumRegistrationState
    reason: str
    at: datetime
