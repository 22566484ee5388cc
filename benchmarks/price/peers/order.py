"""The models of the peers, and what the node computes."""

from pydantic import BaseModel, ConfigDict, Field


class Order(BaseModel):
    """The same as the node's."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    order_id: str = Field(min_length=1)
    customer: str
    sku: str
    quantity: int = Field(ge=1)
    unit_price: float = Field(gt=0)
    placed_ms: int


class PricedOrder(BaseModel):
    """The same as the node's."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    order_id: str
    customer: str
    quantity: int
    total: float
    placed_ms: int


def price(order: Order) -> PricedOrder:
    """What the node computes."""
    return PricedOrder(
        order_id=order.order_id,
        customer=order.customer,
        quantity=order.quantity,
        total=order.quantity * order.unit_price,
        placed_ms=order.placed_ms,
    )
