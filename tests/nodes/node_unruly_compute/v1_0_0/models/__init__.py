"""Messages of the nodes that misbehave on request."""

from onex.node import Message


class Ask(Message, key="entity"):
    """``mood`` says how the handler shall behave; what hangs with a ``size`` ends the process."""

    entity: str
    mood: str = "good"
    size: int = 0


class Reply(Message):
    """An answer; ``text`` may be made too long."""

    entity: str
    text: str


class Undeclared(Message):
    """Not among the outputs of any node."""

    entity: str
