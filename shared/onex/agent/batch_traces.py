"""The traces of the batch that a pure agent has in hand."""

from collections.abc import Iterable

from onex.agent.envelope import Envelope
from onex.agent.tracing import MessageTrace, Tracing
from onex.bus.protocols import Emitted, ProtocolRecord


class BatchTraces:
    """One message at a time is open; all of them are settled when the transaction ends."""

    def __init__(self, tracing: Tracing) -> None:
        self._tracing = tracing
        self._open: MessageTrace | None = None
        self._done: list[MessageTrace] = []

    def polled(self) -> None:
        """A batch has arrived."""
        self._tracing.polled()

    def now(self) -> int:
        """Nanoseconds since 1970."""
        return self._tracing.now()

    def received(self, record: ProtocolRecord, envelope: Envelope) -> None:
        """The next record is decoded."""
        self._open = self._tracing.received(record, envelope)

    def fired(self, name: str, envelope: Envelope) -> None:
        """The next input is a timer."""
        self._open = self._tracing.fired(name, envelope)

    def send(self, records: Iterable[Emitted]) -> Iterable[Emitted]:
        """Outputs of the input in hand, with their trace context."""
        return records if self._open is None else self._open.send(records)

    def buried(self, record: ProtocolRecord, kind: str, stage: str, error: BaseException) -> None:
        """The input in hand became a dead letter, perhaps before it could be decoded."""
        if self._open is None:
            self.received(record, Envelope(record))
        if self._open is not None:
            self._open.buried(kind, stage, error)

    def processed(self) -> None:
        """The input in hand is done."""
        if self._open is not None:
            self._open.processed()
            self._done.append(self._open)
            self._open = None

    def settle(self, started_ns: int, *, committed: bool) -> None:
        """The transaction has ended; ``started_ns`` 0: before its commit began."""
        self.processed()
        now = self.now()
        for trace in self._done:
            trace.settled(started_ns or now, now, committed=committed, batch=len(self._done))
        self._done = []
