"""Messages of the till."""

from onex.node import Message


class TakeMoney(Message, key="till"):
    """Put an amount in."""

    till: str
    amount: int


class MoneyTaken(Message):
    """The answer."""

    till: str
    amount: int


class TillChanged(Message, key="till"):
    """For whoever wants to know."""

    till: str
    amount: int
