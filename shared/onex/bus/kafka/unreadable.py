"""Records with a header name that is not UTF-8, for readers: tools read the headers of a record more than once.

The engine replaces such records itself. :mod:`onex.agent.message.unreadable_headers` describes the fault of the
client.
"""

from confluent_kafka import Message
from typing_extensions import override

from onex.bus.protocols import Headers
from onex.errors import PoisonError
from onex.wire.wrapped_record import WrappedRecord


class UnreadableRecord(WrappedRecord):
    """A record whose headers cannot be read: ``headers`` raises PoisonError."""

    __slots__ = ()

    @override
    def headers(self) -> Headers | None:
        raise PoisonError("a header name is not UTF-8")


def with_readable_headers(messages: list[Message]) -> list[Message]:
    """Replace messages with unreadable headers by :class:`UnreadableRecord`, in place, and return the list."""
    read: list[object] = []
    while len(read) < len(messages):
        try:
            read.extend(map(Message.headers, messages[len(read) :]))
        except (UnicodeDecodeError, SystemError):  # headers that could be read before it are in ``read``
            messages[len(read)] = UnreadableRecord(messages[len(read)])  # type: ignore[call-overload,arg-type]  # they have one shape
            read.append(None)
    return messages
