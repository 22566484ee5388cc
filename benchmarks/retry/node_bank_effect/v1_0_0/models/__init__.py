"""Messages of the bank."""

from onex.node import Message


class Withdraw(Message, key="account"):
    """Take money."""

    account: str
    number: int


class Withdrawn(Message, key="account"):
    """It was taken."""

    account: str
    number: int
