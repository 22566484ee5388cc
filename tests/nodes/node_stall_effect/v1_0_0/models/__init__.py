"""Messages of the stall."""

from onex.node import Message


class AskPrice(Message, key="buyer"):
    """What does it cost?"""

    product: str
    buyer: str


class PriceNamed(Message, key="buyer"):
    """It costs this."""

    product: str
    buyer: str
    cents: int


class ChangePrice(Message, key="product"):
    """It costs something else. ``quietly`` publishes no event about it."""

    product: str
    quietly: bool = False


class PriceChanged(Message, key="product"):
    """Earlier prices of the product are wrong."""

    product: str
