"""What a pure engine reports of its batches and its state."""

from collections.abc import Sequence

from onex.agent.pure.outcome import BatchTotals
from onex.agent.state.standby import Standby
from onex.agent.state.store_manager import StoreManager
from onex.agent.telemetry.metrics import AgentMetrics
from onex.capability import BatchFacts
from onex.capability.layer import ProtocolBatchObserver
from onex.util.clock import ProtocolClock

_STATE_INTERVAL = 1.0
"""Seconds between two looks at the size of the state."""


class BatchReport:
    """Metrics, and capabilities that observe batches."""

    def __init__(self, metrics: AgentMetrics, layers: Sequence[object], clock: ProtocolClock) -> None:
        self._metrics = metrics
        self._observers = [layer for layer in layers if isinstance(layer, ProtocolBatchObserver)]
        self._clock = clock
        self._state_reported = 0.0

    def began(self, inputs: int, waited: float | None) -> None:
        """Report a batch of this many inputs; ``waited``: age of its first record in seconds."""
        self._metrics.in_flight.set(inputs)
        if waited is not None:
            self._metrics.queue_seconds.observe(waited)

    def ended(self) -> None:
        """Report that no input is in work."""
        self._metrics.in_flight.set(0)

    def aborted(self) -> None:
        """Report that a batch is undone."""
        self._metrics.aborts.inc()

    def committed(self, count: int, totals: BatchTotals, process_seconds: float, commit_seconds: float) -> None:
        """Report a batch of this many records."""
        metrics, failure_classes = self._metrics, totals.failure_classes
        for observer in self._observers:
            observer.observed(BatchFacts(count, totals.sent, failure_classes, process_seconds))
        for failure_class in failure_classes:
            metrics.dead(failure_class)
        if metrics.workflow is not None:
            metrics.workflow.count(totals.facts)
        metrics.received.inc(count)
        metrics.sent.inc(totals.sent - totals.forwarded)
        metrics.misrouted.inc(totals.forwarded)
        metrics.commits.inc()
        metrics.process_seconds.observe(process_seconds)
        metrics.commit_seconds.observe(commit_seconds)

    def state(self, stores: StoreManager | None, standby: Standby | None) -> None:
        """Report, once a second, the size of the state and the offsets that are still to be restored."""
        if stores is None or (now := self._clock.monotonic()) - self._state_reported < _STATE_INTERVAL:
            return
        self._state_reported = now
        keys, size = stores.size()
        self._metrics.state_keys.set(keys)
        self._metrics.state_bytes.set(size)
        self._metrics.restore_remaining.set(stores.remaining())
        if self._metrics.workflow is not None:
            self._metrics.workflow.open_runs.set(stores.open_runs())
        if standby is not None:
            self._metrics.standby_keys.set(standby.keys())
