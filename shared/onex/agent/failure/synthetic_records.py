"""Inputs and outputs that no topic holds, in the shape of a record, so that their dead letters are like any other."""

from dataclasses import dataclass

from typing_extensions import override

from onex.agent.message.envelope import Envelope
from onex.bus.protocols import Headers, Outgoing, ProtocolRecord
from onex.node import TimerFired
from onex.wire import headers as h

_NO_OFFSET = -1
_CREATE_TIME = 1
"""librdkafka's type of a timestamp that the producer set."""


@dataclass(frozen=True, slots=True)
class TimerRecord(ProtocolRecord):
    """A fired timer. Its value is the :class:`TimerFired` as JSON, and its offset is -1."""

    _topic: str
    _partition: int
    _envelope: Envelope
    _fired: TimerFired
    _now_ms: int
    timer_offset: int
    """Takes the place of an offset inside the engine: see :mod:`onex.wire.timer_offset`."""

    @override
    def topic(self) -> str:
        return self._topic

    @override
    def partition(self) -> int:
        return self._partition

    @override
    def offset(self) -> int:
        return _NO_OFFSET

    @override
    def key(self) -> bytes | None:
        return self._envelope.key

    @override
    def value(self) -> bytes | None:
        return self._fired.model_dump_json().encode()

    @override
    def headers(self) -> Headers | None:
        return [(h.ID, self._envelope.id), (h.CORRELATION, self._envelope.correlation)]

    @override
    def timestamp(self) -> tuple[int, int]:
        return _CREATE_TIME, self._now_ms


@dataclass(frozen=True, slots=True)
class UnsentRecord(ProtocolRecord):
    """An output that could not be published. Its offset is -1."""

    _outgoing: Outgoing
    _now_ms: int

    @override
    def topic(self) -> str:
        return self._outgoing.topic

    @override
    def partition(self) -> int:
        return self._outgoing.partition

    @override
    def offset(self) -> int:
        return _NO_OFFSET

    @override
    def key(self) -> bytes | None:
        return self._outgoing.key

    @override
    def value(self) -> bytes | None:
        return self._outgoing.value

    @override
    def headers(self) -> Headers | None:
        return self._outgoing.headers

    @override
    def timestamp(self) -> tuple[int, int]:
        return _CREATE_TIME, self._now_ms
