"""Messages of the greeting."""

from onex.node import Message


class Visit(Message, key="name"):
    """A person has entered."""

    name: str


class Greeting(Message, key="name"):
    """The text to show to a person."""

    name: str
    text: str
