"""What happens to a consumer between heartbeats."""

from datetime import datetime
from enum import StrEnum

from onex.model.message import Message


class EnumConsumerEvent(StrEnum):
    """What happened."""

    ASSIGNED = "assigned"
    REVOKED = "revoked"
    STALLED = "stalled"
    """Lag without progress for longer than ``stall_timeout``."""
    PROGRESSING = "progressing"
    """No longer stalled."""
    LAGGING = "lagging"
    """Lag has reached ``lag_threshold``."""
    CAUGHT_UP = "caught_up"
    """Lag has fallen below half of it."""


class ConsumerHealthReported(Message, key="node_id"):
    """A rebalance, a stall or lag of one agent process."""

    node_id: str
    env: str
    node: str
    epoch: int
    event: EnumConsumerEvent
    partitions: tuple[str, ...]
    """``topic[number]``."""
    lag: int
    detail: str
    at: datetime
