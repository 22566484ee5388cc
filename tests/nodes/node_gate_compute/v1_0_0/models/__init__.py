"""Messages of the gate."""

from onex.node import Message


class Enter(Message, key="name"):
    """Somebody wants in."""

    name: str
    age: int


class Entered(Message, key="name"):
    """Somebody is in."""

    name: str
