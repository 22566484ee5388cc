"""An output that could not be published, in the shape of a record, so that its dead letter is like any other."""

from dataclasses import dataclass

from onex.bus.protocols import Headers, Outgoing


@dataclass(frozen=True, slots=True)
class UnsentRecord:
    """See :class:`ProtocolRecord`; offset -1 says that no topic holds it."""

    _outgoing: Outgoing
    _now_ms: int

    def topic(self) -> str:
        return self._outgoing.topic

    def partition(self) -> int:
        return self._outgoing.partition

    def offset(self) -> int:
        return -1

    def key(self) -> bytes | None:
        return self._outgoing.key

    def value(self) -> bytes | None:
        return self._outgoing.value

    def headers(self) -> Headers | None:
        return self._outgoing.headers

    def timestamp(self) -> tuple[int, int]:
        return 1, self._now_ms
