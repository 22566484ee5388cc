"""A record in place of another one."""

from dataclasses import dataclass

from typing_extensions import override

from onex.model.outgoing import Headers
from onex.wire.record import ProtocolRecord


@dataclass(frozen=True, slots=True)
class WrappedRecord(ProtocolRecord):
    """A record that is another one in all that a subclass does not override."""

    record: ProtocolRecord

    @override
    def topic(self) -> str:
        return self.record.topic()

    @override
    def partition(self) -> int:
        return self.record.partition()

    @override
    def offset(self) -> int:
        return self.record.offset()

    @override
    def key(self) -> bytes | None:
        return self.record.key()

    @override
    def value(self) -> bytes | None:
        return self.record.value()

    @override
    def headers(self) -> Headers | None:
        return self.record.headers()

    @override
    def timestamp(self) -> tuple[int, int]:
        return self.record.timestamp()
