"""Messages of the second step."""

from onex.node import Message


class LabelParcel(Message, key="order_id"):
    """A parcel to be sent."""

    order_id: str
    customer: str


class ParcelLabelled(Message, key="order_id"):
    """What stands on it."""

    order_id: str
    label: str
