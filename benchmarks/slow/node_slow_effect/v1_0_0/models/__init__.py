"""Messages of the slow effect."""

from onex.node import Message


class Call(Message, key="account"):
    """Call the slow system for an account."""

    account: str
    number: int


class Called(Message, key="account"):
    """When it was called, and when it had answered: nanoseconds of the machine's monotonic clock."""

    account: str
    number: int
    began_ns: int
    ended_ns: int
