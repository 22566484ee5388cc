"""Messages of the node."""

from onex.node import Message


class MoveMoney(Message, key="account"):
    """Move so much."""

    account: str
    amount: int


class MoneyTransferred(Message, key="account"):
    """It was moved."""

    account: str
    receipt: int
    """Number that the bank gave."""
