"""Messages of the effect that misbehaves on request."""

from onex.node import Message


class Act(Message, key="entity"):
    """``mood`` says how the handler shall behave; ``number`` orders the acts of an entity."""

    entity: str
    number: int = 0
    mood: str = "good"


class Acted(Message):
    """It was done, at the n-th attempt."""

    entity: str
    number: int
    attempt: int
