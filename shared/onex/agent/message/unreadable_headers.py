"""A record whose headers cannot be read, as the engine carries it on to its dead letter: as one without headers.

It takes the place of the record as soon as reading has failed, because a client may be asked only once. With
confluent-kafka 2.16, the first call of ``Message.headers`` sets an error and returns a list with a null pointer in
it when the name of a header is not UTF-8. CPython makes a SystemError of it, but not where a line of Python that
calls the method is hot: there the list ends the interpreter when touched, as it does after a second call, which sets
no error. So the engine reads headers of a record for the first time in
:func:`~onex.agent.message.envelope.read_envelopes` or :func:`~onex.agent.message.envelope.with_headers`, and nowhere
else.
"""

from dataclasses import dataclass

from onex.bus.protocols import Headers, ProtocolRecord
from onex.errors import PoisonError


@dataclass(frozen=True, slots=True)
class UnreadableHeaders:
    """See :class:`ProtocolRecord`."""

    _record: ProtocolRecord
    reason: PoisonError | MemoryError
    """MemoryError: there was none for its headers, which says nothing about them."""

    def topic(self) -> str:
        return self._record.topic()

    def partition(self) -> int:
        return self._record.partition()

    def offset(self) -> int:
        return self._record.offset()

    def key(self) -> bytes | None:
        return self._record.key()

    def value(self) -> bytes | None:
        return self._record.value()

    def headers(self) -> Headers | None:
        return None

    def timestamp(self) -> tuple[int, int]:
        return self._record.timestamp()
