"""State and messages of the tally."""

from onex.node import Message


class Tally(Message):
    """State: what was added up."""

    total: int = 0
    count: int = 0


class Amount(Message, key="entity"):
    """Add ``value``; 666 makes the reducer raise, 667 returns a state and 668 an output that cannot be written."""

    entity: str
    value: int


class Tallied(Message, key="entity"):
    """The new total."""

    entity: str
    total: int
    count: int
