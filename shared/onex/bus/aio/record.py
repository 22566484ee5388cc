"""Records of aiokafka in the shape of the bus."""

from collections.abc import Sequence
from typing import Protocol

from aiokafka import AIOKafkaConsumer
from typing_extensions import override

from onex.bus.protocols import Headers, ProtocolRecord

getone = AIOKafkaConsumer.getone
"""The method as it is before any instrumentation.

An instrumented one raises at a ``traceparent`` that is not UTF-8, and records may come from any sender.

A listener also reads the messages of all callers, and only those that a caller waits for belong in a trace. The
caller makes the span.
"""


class ProtocolConsumerRecord(Protocol):
    """The attributes of aiokafka's ``ConsumerRecord`` that are used."""

    topic: str
    partition: int
    offset: int
    timestamp: int
    timestamp_type: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes]]


class AioRecord(ProtocolRecord):
    """A record of an aiokafka consumer. A header name that is not UTF-8 is an ``UnreadableName``."""

    __slots__ = ("_record",)

    def __init__(self, record: ProtocolConsumerRecord) -> None:
        self._record = record

    @override
    def topic(self) -> str:
        return self._record.topic

    @override
    def partition(self) -> int:
        return self._record.partition

    @override
    def offset(self) -> int:
        return self._record.offset

    @override
    def key(self) -> bytes | None:
        return self._record.key

    @override
    def value(self) -> bytes | None:
        return self._record.value

    @override
    def headers(self) -> Headers | None:
        return list(self._record.headers)

    @override
    def timestamp(self) -> tuple[int, int]:
        return self._record.timestamp_type + 1, self._record.timestamp  # librdkafka counts the types from 1
