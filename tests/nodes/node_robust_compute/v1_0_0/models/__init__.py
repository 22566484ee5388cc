"""Messages of the robust computation."""

from onex.node import Message


class Square(Message, key="name"):
    """Compute the square of a number."""

    name: str
    number: int


class Squared(Message, key="name"):
    """The result."""

    name: str
    result: int


class ComputationCompleted(Message, key="name"):
    """A computation has ended."""

    name: str
    number: int
