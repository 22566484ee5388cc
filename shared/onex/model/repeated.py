"""The reply of a declared workflow to a command that is repeated after its end."""

from onex.model.message import Message


class CompletionRepeated(Message):
    """The completion of a run that has ended, for the sender of a repeated command only.

    The completion itself is published once, for everybody who reads its topic.
    """

    completion: str
    """Name of the completion's message type."""
    content: str
    """The completion as JSON."""
