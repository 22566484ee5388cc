"""Translates errors of aiokafka into errors of :mod:`onex.errors`."""

from aiokafka.errors import (
    MessageSizeTooLargeError,
    TopicAuthorizationFailedError,
    UnknownTopicOrPartitionError,
)

from onex.errors import (
    BusError,
    BusUnavailableError,
    MessageTooLargeError,
    MissingTopicError,
    NotAuthorizedError,
)


def translate(error: Exception, doing: str) -> BusError:
    """Return the bus error for an error of aiokafka."""
    text = f"{doing}: {error or type(error).__name__}"
    match error:
        case MessageSizeTooLargeError():
            return MessageTooLargeError(text)
        case UnknownTopicOrPartitionError():
            return MissingTopicError(f"{text}; `onex apply` creates declared topics")
        case TopicAuthorizationFailedError():
            return NotAuthorizedError(text)
        case _:
            return BusUnavailableError(text)
