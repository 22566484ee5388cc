"""The traces of the current batch of a pure engine."""

from onex.agent.message.envelope import Envelope
from onex.agent.telemetry.tracing import MessageTrace, Tracing
from onex.bus.protocols import ProtocolRecord


class BatchTraces:
    """Has the traces of the sampled messages of a batch, and finishes them when the transaction ends."""

    def __init__(self, tracing: Tracing) -> None:
        self._tracing = tracing
        self._open: list[MessageTrace] = []

    def polled(self) -> None:
        """Note that a batch has arrived."""
        self._tracing.polled()

    def now(self) -> int:
        """Return the nanoseconds since 1970."""
        return self._tracing.now()

    def received(self, record: ProtocolRecord, envelope: Envelope) -> MessageTrace | None:
        """Start the trace of a record that was decoded; return None where none is made."""
        return self._remembered(self._tracing.received(record, envelope))

    def fired(self, name: str, envelope: Envelope) -> MessageTrace | None:
        """Start the trace of a timer that fires; return None where none is made."""
        return self._remembered(self._tracing.fired(name, envelope))

    def _remembered(self, trace: MessageTrace | None) -> MessageTrace | None:
        if trace is not None:
            self._open.append(trace)
        return trace

    def finish(self, started_ns: int, *, committed: bool) -> None:
        """Finish the traces when the transaction has ended.

        ``started_ns``: when its commit began, in nanoseconds since 1970; 0 when it ended before.
        """
        now = self.now()
        for trace in self._open:
            trace.processed()
            trace.finished(started_ns or now, now, committed=committed, batch=len(self._open))
        self._open = []
