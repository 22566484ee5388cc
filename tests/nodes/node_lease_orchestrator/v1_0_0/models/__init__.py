"""Leases."""

from onex.node import Message


class TakeLease(Message, key="lease"):
    """Start command."""

    lease: str
    seconds: float = 60.0


class EndLease(Message, key="lease"):
    """Command."""

    lease: str


class LeaseEnded(Message, key="lease"):
    """Completion."""

    lease: str
    how: str


class LeaseNoted(Message, key="lease"):
    """Progress."""

    lease: str
    what: str


class LeaseState(Message):
    """State."""

    status: str = "free"
    seconds: float = 0.0
