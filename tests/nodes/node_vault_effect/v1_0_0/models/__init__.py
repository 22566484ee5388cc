"""Messages of the effect that asks a vault."""

from onex.node import Message


class Fetch(Message, key="name"):
    """Get something out."""

    name: str


class Fetched(Message, key="name"):
    """It was there, at the n-th attempt."""

    name: str
    attempt: int
