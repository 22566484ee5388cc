"""Messages of the price benchmark: six fields in, five out."""

from pydantic import Field

from onex.node import Message


class Order(Message, key="order_id"):
    """An order as a shop would send it."""

    order_id: str = Field(min_length=1)
    customer: str
    sku: str
    quantity: int = Field(ge=1)
    unit_price: float = Field(gt=0)
    placed_ms: int


class PricedOrder(Message, key="order_id"):
    """The order with its total."""

    order_id: str
    customer: str
    quantity: int
    total: float
    placed_ms: int
