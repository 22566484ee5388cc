"""Messages of the warehouse and of those that work for it."""

from pydantic import Field

from onex.node import Message


class FulfilOrder(Message, key="order"):
    """The command that starts a run. Lines of the same article are lines of their own."""

    order: str
    articles: list[str] = Field(default_factory=list)


class PickedUp(Message, key="order"):
    """The customer was here."""

    order: str


class ScoreFraud(Message, key="order"):
    """Asked before anything is reserved, and again before the goods leave."""

    order: str
    final: bool = False


class FraudScored(Message):
    """The score."""

    score: int


class ReserveStock(Message, key="order"):
    """One line of an order."""

    order: str
    line: int
    article: str


class StockReserved(Message):
    """A line is reserved."""

    article: str


class StockRefused(Message):
    """Nothing is reserved."""

    reason: str


class ReleaseStock(Message, key="order"):
    """Undo the reservation of one article."""

    order: str
    article: str


class StockReleased(Message):
    """A reservation is undone."""

    article: str


class ChargeOrder(Message, key="order"):
    """Take the money."""

    order: str


class OrderCharged(Message):
    """The money was taken."""

    receipt: str


class ChargeDeclined(Message):
    """No money was taken."""

    reason: str


class RefundOrder(Message, key="order"):
    """Return the money of a receipt."""

    order: str
    receipt: str


class OrderRefunded(Message):
    """The money was returned."""

    receipt: str


class OrderFulfilled(Message):
    """The end of a good run."""

    order: str
    scores: list[int]


class OrderUnfulfilled(Message):
    """The end of a run that was undone."""

    order: str
    reason: str
    left: list[str]
    problems: list[str] = Field(default_factory=list)
