"""Messages of the fault-tolerant effect."""

from onex.node import Message


class Charge(Message, key="account"):
    """Charge an account."""

    account: str
    failures: int = 0
    """Calls of the bank that fail before one succeeds."""


class Charged(Message, key="account"):
    """The account is charged."""

    account: str
    calls: int
