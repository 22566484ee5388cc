"""Messages of the gate."""

from onex.node import Message


class Enter(Message, key="name"):
    """A person wants in."""

    name: str
    age: int


class Entered(Message, key="name"):
    """A person is in."""

    name: str
