"""What operators order about the intake of nodes."""

from datetime import datetime

from onex.model.message import Message


class IntakeOrdered(Message, key="node"):
    """The agents of a node take no inputs, or take them again. The latest order of a node holds."""

    node: str
    env: str
    paused: bool
    who: str
    why: str = ""
    at: datetime
