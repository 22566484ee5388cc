"""What is asked of the showcase, and what it tells."""

from onex.node import Message


class Perform(Message, key="name"):
    """Use every capability once."""

    name: str
    card_token: str = "hush"


class Performed(Message):
    """Done."""

    name: str
    who: str
    """Who asked for it."""
    rows: int
    """In the database, after it."""
    secret: str
    left: float
    """Seconds until the deadline; -1 without one."""


class Progressed(Message, key="name"):
    """Published while the work is in progress."""

    name: str
    step: str
