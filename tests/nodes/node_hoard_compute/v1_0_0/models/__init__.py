"""Messages of the compute that hoards memory."""

from onex.node import Message


class ComputeHoard(Message, key="name"):
    """Take this number of mebibytes until the file ``release`` is there."""

    name: str
    mebibytes: int = 0


class ComputeHoarded(Message, key="name"):
    """It was handled."""

    name: str
