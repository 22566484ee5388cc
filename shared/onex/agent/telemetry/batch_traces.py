"""The traces of the batch that a pure agent has in hand."""

from onex.agent.message.envelope import Envelope
from onex.agent.telemetry.tracing import MessageTrace, Tracing
from onex.bus.protocols import ProtocolRecord


class BatchTraces:
    """All messages of a batch that are traced; they are settled when the transaction ends."""

    def __init__(self, tracing: Tracing) -> None:
        self._tracing = tracing
        self._open: list[MessageTrace] = []

    def polled(self) -> None:
        """A batch has arrived."""
        self._tracing.polled()

    def now(self) -> int:
        """Nanoseconds since 1970."""
        return self._tracing.now()

    def received(self, record: ProtocolRecord, envelope: Envelope) -> MessageTrace | None:
        """The next record is decoded; None for what its sender did not sample."""
        return self._noted(self._tracing.received(record, envelope))

    def fired(self, name: str, envelope: Envelope) -> MessageTrace | None:
        """The next input is a timer."""
        return self._noted(self._tracing.fired(name, envelope))

    def _noted(self, trace: MessageTrace | None) -> MessageTrace | None:
        if trace is not None:
            self._open.append(trace)
        return trace

    def finish(self, started_ns: int, *, committed: bool) -> None:
        """The transaction has ended; ``started_ns`` 0: before its commit began."""
        now = self.now()
        for trace in self._open:
            trace.processed()
            trace.finished(started_ns or now, now, committed=committed, batch=len(self._open))
        self._open = []
