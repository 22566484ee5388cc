"""Records with a header name that is not UTF-8, for readers: tools read the headers of a record more than once.

The engine replaces such records itself. :mod:`onex.agent.message.unreadable_headers` describes the fault of the
client.
"""

from dataclasses import dataclass

from confluent_kafka import Message
from typing_extensions import override

from onex.bus.protocols import Headers, ProtocolRecord
from onex.errors import PoisonError


@dataclass(frozen=True, slots=True)
class UnreadableRecord(ProtocolRecord):
    """A record whose headers cannot be read: ``headers`` raises PoisonError."""

    _message: Message

    @override
    def topic(self) -> str:
        return str(self._message.topic())

    @override
    def partition(self) -> int:
        return int(self._message.partition() or 0)

    @override
    def offset(self) -> int:
        return int(self._message.offset() or 0)

    @override
    def key(self) -> bytes | None:
        return self._message.key()

    @override
    def value(self) -> bytes | None:
        return self._message.value()

    @override
    def headers(self) -> Headers | None:
        raise PoisonError("a header name is not UTF-8")

    @override
    def timestamp(self) -> tuple[int, int]:
        return self._message.timestamp()


def with_readable_headers(messages: list[Message]) -> list[Message]:
    """Replace messages with unreadable headers by :class:`UnreadableRecord`, in place, and return the list."""
    read: list[object] = []
    while len(read) < len(messages):
        try:
            read.extend(map(Message.headers, messages[len(read) :]))
        except (UnicodeDecodeError, SystemError):  # headers that could be read before it are in ``read``
            messages[len(read)] = UnreadableRecord(messages[len(read)])  # type: ignore[call-overload]  # has its shape
            read.append(None)
    return messages
