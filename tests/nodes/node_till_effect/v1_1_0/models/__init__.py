"""Messages of the till, which now take a note."""

from onex.node import Message


class TakeMoney(Message, key="till"):
    """Put an amount in."""

    till: str
    amount: int
    note: str = ""


class MoneyTaken(Message):
    """The answer."""

    till: str
    amount: int
    note: str = ""


class TillChanged(Message, key="till"):
    """For whoever wants to know."""

    till: str
    amount: int
