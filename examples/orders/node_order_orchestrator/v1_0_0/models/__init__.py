"""Messages of the order workflow and of the nodes that it drives."""

from node_order_pricing_compute.v1_0_0.models import OrderPriced, PriceOrder
from node_payment_effect.v1_0_0.models import CardCharged, CardDeclined, ChargeCard, RefundCard
from node_shipping_effect.v1_0_0.models import OrderShipped, ShipmentRefused, ShipOrder
from pydantic import Field

from onex.node import Message

__all__ = [
    "CardCharged",
    "CardDeclined",
    "ChargeCard",
    "OrderCompleted",
    "OrderFailed",
    "OrderPriced",
    "OrderShipped",
    "PlaceOrder",
    "PriceOrder",
    "RefundCard",
    "ShipOrder",
    "ShipmentRefused",
]


class PlaceOrder(Message, key="order_id"):
    """The command that starts the workflow."""

    order_id: str = Field(min_length=1)
    customer: str = "ann"
    quantity: int = Field(ge=1)
    unit_price: float = Field(gt=0)


class OrderCompleted(Message):
    """The order is priced, paid and shipped."""

    order_id: str
    total: float


class OrderFailed(Message):
    """The order has failed, and its payment was refunded."""

    order_id: str
    reason: str
