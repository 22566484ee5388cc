"""Messages of payment."""

from onex.node import Message


class ChargeCard(Message, key="order_id"):
    """Take money from a customer's card."""

    order_id: str
    customer: str
    amount: float


class CardCharged(Message):
    """The money was taken."""

    order_id: str


class CardDeclined(Message):
    """The bank said no."""

    order_id: str
    reason: str


class RefundCard(Message, key="order_id"):
    """Give the money of a charge back."""

    order_id: str
    customer: str
    amount: float


class MoneyMoved(Message, key="customer"):
    """What a customer has paid (above zero) or got back (below)."""

    customer: str
    order_id: str
    amount: float
