"""A record whose headers cannot be read, as the engine carries it on to its dead letter: as one without headers."""

from dataclasses import dataclass

from onex.agent.envelope import read_envelope
from onex.bus.protocols import Headers, ProtocolRecord
from onex.model.errors import PoisonError


@dataclass(frozen=True, slots=True)
class UnreadableHeaders:
    """See :class:`ProtocolRecord`."""

    _record: ProtocolRecord
    reason: PoisonError

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


def with_headers(record: ProtocolRecord) -> ProtocolRecord:
    """The record, or what stands for it when its headers cannot be read. Raises MemoryError."""
    try:
        read_envelope(record)
    except MemoryError:
        raise
    except PoisonError as error:
        return UnreadableHeaders(record, error)
    except Exception as error:  # noqa: BLE001 - whatever a client raises here is about this record
        return UnreadableHeaders(record, PoisonError(f"its headers cannot be read: {type(error).__name__}"))
    return record
