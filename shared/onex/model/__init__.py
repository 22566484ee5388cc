"""Data and nothing else: messages, enums, errors, names and contract models."""

from onex.errors import OnexError, OutageError, RejectedError, TransientError
from onex.model.enums import EnumFailureClass, EnumNodeKind, EnumTopicCategory
from onex.model.message import Message
from onex.model.topic import TopicName

__all__ = [
    "EnumFailureClass",
    "EnumNodeKind",
    "EnumTopicCategory",
    "Message",
    "OnexError",
    "OutageError",
    "RejectedError",
    "TopicName",
    "TransientError",
]
