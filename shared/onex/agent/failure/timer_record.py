"""A fired timer in the shape of a record, so that its dead letter is like any other."""

from dataclasses import dataclass

from onex.agent.message.envelope import Envelope
from onex.bus.protocols import Headers
from onex.node import TimerFired
from onex.wire import headers as h


@dataclass(frozen=True, slots=True)
class TimerRecord:
    """See :class:`ProtocolRecord`; offset -1 says that no topic holds it."""

    _topic: str
    _partition: int
    _envelope: Envelope
    _fired: TimerFired
    _now_ms: int
    place: int
    """Stands for an offset inside of the engine: see :mod:`onex.wire.timer_offset`."""

    def topic(self) -> str:
        return self._topic

    def partition(self) -> int:
        return self._partition

    def offset(self) -> int:
        return -1

    def key(self) -> bytes | None:
        return self._envelope.key

    def value(self) -> bytes | None:
        return self._fired.model_dump_json().encode()

    def headers(self) -> Headers | None:
        return [(h.ID, self._envelope.id), (h.CORRELATION, self._envelope.correlation)]

    def timestamp(self) -> tuple[int, int]:
        return 1, self._now_ms
