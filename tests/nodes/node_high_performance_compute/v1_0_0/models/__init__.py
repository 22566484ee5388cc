"""Messages of the fast computation."""

from onex.node import Message


class Spell(Message, key="text"):
    """Turn a text around."""

    text: str


class Spelled(Message, key="text"):
    """The text, and the same from its end."""

    text: str
    backwards: str
