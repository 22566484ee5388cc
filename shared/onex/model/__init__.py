"""Data and nothing else: messages, enums, errors, names and contract models."""

from onex.model.enums import EnumFailureClass, EnumNodeKind, EnumTopicCategory
from onex.model.errors import OnexError, RejectedError, TransientError
from onex.model.message import Message
from onex.model.topic import TopicName

__all__ = [
    "EnumFailureClass",
    "EnumNodeKind",
    "EnumTopicCategory",
    "Message",
    "OnexError",
    "RejectedError",
    "TopicName",
    "TransientError",
]
