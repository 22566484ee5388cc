"""Messages of shipping."""

from onex.node import Message


class ShipOrder(Message, key="order_id"):
    """Pass an order to the carrier."""

    order_id: str
    quantity: int


class OrderShipped(Message):
    """The carrier has it."""

    order_id: str


class ShipmentRefused(Message):
    """The carrier refuses the order."""

    order_id: str
    reason: str
