"""Reports of the capabilities of a node."""

from datetime import datetime

from onex.model.message import Message


class CapabilityReported(Message, key="node_id"):
    """A capability of one agent process has changed: a circuit opened, for instance."""

    node_id: str
    env: str
    node: str
    epoch: int
    capability: str
    """Its key: ``circuit_breaker``."""
    subject: str
    """What it is about: the dependency."""
    event: str
    """What became of that: ``open``."""
    detail: str
    """Why, in words."""
    at: datetime
