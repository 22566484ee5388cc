"""Messages of order pricing."""

from pydantic import Field

from onex.node import Message


class PriceOrder(Message, key="order_id"):
    """Ask for the total of an order."""

    order_id: str = Field(min_length=1)
    quantity: int = Field(ge=1)
    unit_price: float = Field(gt=0)


class OrderPriced(Message):
    """The total of an order."""

    order_id: str
    total: float
