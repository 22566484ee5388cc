"""Messages of the workflow, and those of the nodes it drives."""

from node_label_compute.v1_0_0.models import LabelParcel, ParcelLabelled
from node_price_compute.v1_0_0.models import Order, PricedOrder

from onex.model import Message

__all__ = ["LabelParcel", "NotSold", "Order", "ParcelLabelled", "PricedOrder", "Sell", "Sold"]


class Sell(Message, key="order_id"):
    """The command."""

    order_id: str


class Sold(Message, key="order_id"):
    """Priced and labelled."""

    order_id: str
    total: float
    label: str


class NotSold(Message, key="order_id"):
    """Why not."""

    order_id: str
    reason: str
