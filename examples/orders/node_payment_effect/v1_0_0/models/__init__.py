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
    """The bank declined the charge."""

    order_id: str
    reason: str


class RefundCard(Message, key="order_id"):
    """Refund a charge."""

    order_id: str
    customer: str
    amount: float


class MoneyMoved(Message, key="customer"):
    """A payment of a customer (above zero) or a refund (below zero)."""

    customer: str
    order_id: str
    amount: float
