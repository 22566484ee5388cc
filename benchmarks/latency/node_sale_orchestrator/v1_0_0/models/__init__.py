"""Messages of the workflow, and those of the nodes it drives."""

from node_label_compute.v1_0_0.models import LabelParcel, ParcelLabelled
from node_quote_compute.v1_0_0.models import OrderQuoted, QuoteOrder

from onex.node import Message

__all__ = ["LabelParcel", "NotSold", "OrderQuoted", "ParcelLabelled", "QuoteOrder", "Sell", "Sold"]


class Sell(Message, key="order_id"):
    """The command."""

    order_id: str
    customer: str
    quantity: int


class Sold(Message, key="order_id"):
    """Quoted and labelled."""

    order_id: str
    total: float
    label: str


class NotSold(Message, key="order_id"):
    """Why not."""

    order_id: str
    reason: str
