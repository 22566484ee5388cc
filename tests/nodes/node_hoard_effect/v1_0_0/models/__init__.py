"""Messages of the effect that hoards memory."""

from onex.node import Message


class EffectHoard(Message, key="name"):
    """Take this number of mebibytes until the file ``release`` is there."""

    name: str
    mebibytes: int = 0


class EffectHoarded(Message, key="name"):
    """It was handled."""

    name: str
