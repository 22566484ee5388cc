"""Messages of the first step."""

from pydantic import Field

from onex.node import Message


class QuoteOrder(Message, key="order_id"):
    """An order without a price."""

    order_id: str
    quantity: int = Field(ge=1)


class OrderQuoted(Message, key="order_id"):
    """What it will cost."""

    order_id: str
    total: float
