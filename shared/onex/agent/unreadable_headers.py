"""A record whose headers cannot be read, as the engine carries it on to its dead letter: as one without headers.

It takes the place of the record as soon as reading has failed, because a client may be asked only once. With
confluent-kafka 2.16, the first call of ``Message.headers`` raises UnicodeDecodeError when the name of a header is not
UTF-8, or SystemError when it is called in another way. The second returns a list with a null pointer in it, which
ends the interpreter when touched. So the engine reads headers of a record for the first time in
:func:`~onex.agent.envelope.read_envelopes` or :func:`~onex.agent.envelope.with_headers`, and nowhere else.
"""

from dataclasses import dataclass

from onex.bus.protocols import Headers, ProtocolRecord
from onex.model.errors import PoisonError


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
