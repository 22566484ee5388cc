"""Records with a header name that is not UTF-8, for readers, whose records go to tools that ask more than once.

The engine takes such a record out itself: see :mod:`onex.agent.message.unreadable_headers`, which says why.
"""

from dataclasses import dataclass

from confluent_kafka import Message

from onex.bus.protocols import Headers
from onex.errors import PoisonError


@dataclass(frozen=True, slots=True)
class UnreadableRecord:
    """See :class:`ProtocolRecord`. ``headers`` raises PoisonError."""

    _message: Message

    def topic(self) -> str:
        return str(self._message.topic())

    def partition(self) -> int:
        return int(self._message.partition() or 0)

    def offset(self) -> int:
        return int(self._message.offset() or 0)

    def key(self) -> bytes | None:
        return self._message.key()

    def value(self) -> bytes | None:
        return self._message.value()

    def headers(self) -> Headers | None:
        raise PoisonError("a header name is not UTF-8")

    def timestamp(self) -> tuple[int, int]:
        return self._message.timestamp()


def with_readable_headers(messages: list[Message]) -> list[Message]:
    """The messages, in which records with unreadable headers are replaced by :class:`UnreadableRecord`."""
    read: list[object] = []
    while len(read) < len(messages):
        try:
            read.extend(map(Message.headers, messages[len(read) :]))
        except (UnicodeDecodeError, SystemError):  # what was read before it is in ``read`` already
            messages[len(read)] = UnreadableRecord(messages[len(read)])  # type: ignore[call-overload]  # has its shape
            read.append(None)
    return messages
