"""Outcomes of an effect from the moment they are known until they are committed.

``add`` takes an outcome, ``snapshot`` returns what can be committed, ``write`` passes its records to the producer,
and ``commit`` commits them in one transaction with the watermarks and with the finished offsets beyond. Then the
runner calls ``committed`` or ``give_back``. A partition whose dead letter cannot be written is stalled; the others
continue.

``commit`` may run on another thread than the other methods, but never twice together.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence

from onex.agent.crash.journal import Span
from onex.agent.effect.crash_gate import EffectGate
from onex.agent.effect.idempotent_results import IdempotentResults
from onex.agent.effect.offsets import MAX_SPAN, OffsetTracker
from onex.agent.effect.outcome import Commit, Outcome
from onex.agent.effect.outcome_writer import OutcomeWriter
from onex.agent.effect.retry_topic import RetryTopic
from onex.agent.effect.span_complaints import SpanComplaints
from onex.agent.failure.blocked_partitions import BlockedPartitions
from onex.agent.state.lost_positions import read_again
from onex.agent.telemetry.health import Health
from onex.agent.telemetry.metrics import AgentMetrics
from onex.agent.telemetry.tracing import Tracing
from onex.agent.topic_limits import TopicLimits
from onex.bus.protocols import Partition, Position, ProtocolConsumer, ProtocolTransaction
from onex.errors import BusError, FencedError, MessageTooLargeError, TransactionTimedOutError
from onex.util.clock import ProtocolClock
from onex.util.failpoint import failpoint


class Committer:
    """Offsets and outcomes of the assigned partitions."""

    def __init__(
        self,
        retry_topic: RetryTopic,
        results: IdempotentResults | None,
        blocked: BlockedPartitions,
        gate: EffectGate,
        clock: ProtocolClock,
        health: Health,
        metrics: AgentMetrics,
        tracing: Tracing | None,
        on_outcome: Callable[[], None],
        limits: TopicLimits,
        too_large: Callable[[Outcome, MessageTooLargeError], Outcome],
    ) -> None:
        """``too_large`` makes a dead letter of an outcome whose records a broker refused."""
        self._limits = limits
        self._writer = OutcomeWriter(blocked, results, limits)
        self._too_large = too_large
        self._refused: list[Outcome] = []
        self._retry_topic = retry_topic
        self._results = results
        self._clock = clock
        self._metrics = metrics
        self._tracing = tracing
        self._on_outcome = on_outcome
        self._complaints = SpanComplaints(health)
        self._blocked = blocked
        self._gate = gate
        self._trackers: dict[Partition, OffsetTracker] = {}
        self._outcomes: list[Outcome] = []
        self._beyond: list[Outcome] = []
        """Outcomes whose offsets have no room in the metadata of a commit: they wait until the watermark moves."""
        self._skipped: set[Partition] = set()
        """Partitions whose watermark may have moved without an outcome: an earlier owner finished what was read."""
        self._started, self._started_ns = 0.0, 0
        """Start of the running commit: monotonic seconds, and the tracer's nanoseconds."""
        self.progress: dict[Partition, int] = {}
        """Number of committed outcomes by assigned partition; for the watchdog."""

    def adopt(self, committed: Mapping[Partition, Position | None]) -> None:
        """Add assigned partitions, with their committed positions."""
        for partition, position in committed.items():
            self._trackers[partition] = OffsetTracker(position)

    def take(self, partition: Partition, offset: int) -> bool:
        """Return whether a record that was read must be carried: it is assigned, and not finished already.

        Raise BusUnavailableError when the client has gone back to records that were read before.
        """
        tracker = self._trackers.get(partition)
        if tracker is None:
            return False
        if offset < tracker.expected:
            raise read_again(partition, offset, tracker.expected)
        if not tracker.take(offset):
            self._skipped.add(partition)
            return False
        return True

    def add(self, outcome: Outcome) -> None:
        """Have an outcome committed. Outcomes of partitions that were revoked belong to the next owner."""
        if outcome.partition in self._trackers:
            self._outcomes.append(outcome)
            self._on_outcome()

    def snapshot(self) -> Commit | None:
        """Return what to commit now, or None. Outcomes of stalled partitions wait."""
        self._blocked.end_waits()
        stalled = {partition for partition in self._trackers if self._blocked.is_stalled(partition)}
        skipped = self._skipped - stalled
        outcomes, waiting = self._outcomes, list[Outcome]()
        if stalled:
            waiting = [outcome for outcome in outcomes if outcome.partition in stalled]
            outcomes = [outcome for outcome in outcomes if outcome.partition not in stalled]
        if not outcomes and not skipped:
            return None
        self._outcomes, self._skipped = waiting, self._skipped & stalled
        if self._beyond or any(tracker.is_wide for tracker in self._trackers.values()):
            outcomes = self._within_reach(outcomes, stalled)
        for outcome in outcomes:
            if outcome.done:
                self._trackers[outcome.partition].finish(outcome.record.offset())
        if not outcomes and not skipped:
            return None
        touched = {outcome.partition for outcome in outcomes} | skipped
        return Commit(outcomes, {partition: self._trackers[partition].position() for partition in touched})

    def _within_reach(self, outcomes: Sequence[Outcome], stalled: Collection[Partition]) -> list[Outcome]:
        """Return the outcomes whose offsets have room in the metadata of this commit; the others wait in ``_beyond``.

        In the order of their offsets, because each may move the watermark and bring the next one within reach.
        """
        candidates, self._beyond = [*self._beyond, *outcomes], []
        within: list[Outcome] = []
        for outcome in sorted(candidates, key=lambda candidate: candidate.record.offset()):
            tracker, offset = self._trackers[outcome.partition], outcome.record.offset()
            if outcome.done and (outcome.partition in stalled or not tracker.fits(offset)):
                self._beyond.append(outcome)
                continue
            within.append(outcome)
            if outcome.done:
                tracker.finish(offset)
        return within

    def owes(self, partitions: Collection[Partition]) -> bool:
        """Return whether any of these partitions has something that can be committed."""
        pending = {outcome.partition for outcome in self._outcomes} | self._skipped
        return any(partition in pending and not self._blocked.is_stalled(partition) for partition in partitions)

    def give_back(self, commit: Commit, error: BusError) -> None:
        """Take back a commit that failed: its outcomes are committed again later, without their handlers.

        Outcomes that a broker refused for their size become dead letters. Outcomes of partitions that were revoked
        meanwhile belong to the next owner.
        """
        for partition in commit.positions:
            if partition not in self._trackers:
                self._blocked.forget(partition)
        if not self._blocked.stall_noted():
            self._blocked.stall([partition for partition in commit.positions if partition in self._trackers], error)
        outcomes: Iterable[Outcome] = commit.outcomes
        if self._refused and isinstance(error, MessageTooLargeError):
            refused, self._refused = {id(outcome) for outcome in self._refused}, []
            outcomes = [self._too_large(each, error) if id(each) in refused else each for each in outcomes]
        self._outcomes = [outcome for outcome in outcomes if outcome.partition in self._trackers] + self._outcomes
        self._skipped |= {partition for partition in commit.positions if partition in self._trackers}

    def committed(self, commit: Commit) -> None:
        """Record that a commit succeeded."""
        self._limits.trust(commit.positions)
        if self._gate.suspects:
            self._gate.committed(commit)
        self._blocked.clear(commit.positions)
        for partition, count in Counter(outcome.partition for outcome in commit.outcomes).items():
            self.progress[partition] = self.progress.get(partition, 0) + count
        for outcome in commit.outcomes:
            if outcome.retry is not None and outcome.done:
                self._retry_topic.finish(outcome.record)
        if self._results is not None:
            self._results.committed([outcome.stored for outcome in commit.outcomes if outcome.stored])
        self._metrics.sent.inc(sum(len(outcome.emitted) for outcome in commit.outcomes if not outcome.dead))
        for outcome in commit.outcomes:
            if outcome.dead:
                self._metrics.dead(outcome.dead)

    @property
    def partitions(self) -> Collection[Partition]:
        """The assigned partitions."""
        return self._trackers.keys()

    def is_stopped(self, partition: Partition) -> bool:
        """Return whether a partition is stalled or blocked, or reads no more because of one offset."""
        return self._trackers[partition].span >= MAX_SPAN or self._blocked.is_stopped(partition)

    def spans(self) -> list[Span]:
        """Return the offsets that were taken and are not finished, by partition: from the first one to the newest."""
        return [Span(p, t.watermark, t.watermark + t.span) for p, t in self._trackers.items() if t.span]

    def is_waiting(self, partition: Partition, running: Collection[tuple[Partition, int]]) -> bool:
        """Return whether a stopped partition will continue without a restart, or waits for an operator.

        ``running``: the records whose handlers run.
        """
        tracker = self._trackers.get(partition)
        if tracker is None or self._blocked.is_stopped(partition):
            return True
        return tracker.span >= MAX_SPAN and (partition, tracker.watermark) in running

    def report_spans(self) -> None:
        """Complain in health about partitions that read no more because of one offset."""
        for partition, tracker in self._trackers.items():
            self._complaints.report(partition, tracker)

    @property
    def waiting(self) -> int:
        """Number of outcomes to commit."""
        return len(self._outcomes)

    @property
    def idle(self) -> bool:
        """Whether there is nothing to commit."""
        return not self._outcomes and not self._skipped and not self._beyond

    def abandon(self, revoked: Collection[Partition]) -> None:
        """Remove partitions that are not assigned any more, with their outcomes."""
        for partition in revoked:
            self._trackers.pop(partition, None)
            self._complaints.clear(partition)
            self._skipped.discard(partition)
            self._limits.trust([partition])
            self.progress.pop(partition, None)
            self._blocked.forget(partition)
        numbers = {p.partition for p in revoked} - {p.partition for p in self._trackers}
        self._retry_topic.forget(numbers)
        if self._results is not None:
            self._results.forget(numbers)
        for outcome in (*self._outcomes, *self._beyond):
            if outcome.blocks_key and outcome.partition in revoked:
                self._retry_topic.remove(outcome.partition.partition, outcome.record.key())
        self._outcomes = [outcome for outcome in self._outcomes if outcome.partition not in revoked]
        self._beyond = [outcome for outcome in self._beyond if outcome.partition not in revoked]

    def write(self, transaction: ProtocolTransaction, commit: Commit) -> BusError | None:
        """Pass outcomes to the producer. Return the error for which the commit must be undone. Raise FencedError."""
        self._started = self._clock.monotonic()
        self._started_ns = self._tracing.now() if self._tracing else 0
        failpoint("effect.handled")
        try:
            transaction.begin()
            self._writer.write_all(transaction, commit.outcomes)
        except (FencedError, TransactionTimedOutError):
            raise
        except BusError as error:
            return error
        failpoint("effect.produced")
        return None

    def commit(
        self,
        transaction: ProtocolTransaction,
        consumer: ProtocolConsumer,
        commit: Commit,
        refused: BusError | None,
    ) -> BusError | None:
        """Commit what ``write`` wrote, or undo it where ``write`` returned ``refused``.

        Return the error that aborted the commit, or None. Raise FencedError and TransactionTimedOutError.
        """
        try:
            if refused is not None:
                raise refused
            transaction.commit(consumer, commit.positions)
            failpoint("effect.committed")
        except (FencedError, TransactionTimedOutError):
            raise
        except BusError as error:
            self._metrics.aborts.inc()
            transaction.abort()
            if isinstance(error, MessageTooLargeError):
                self._refused = self._writer.refused(commit)
            self._finish_traces(commit, committed=False)
            return error
        self._finish_traces(commit, committed=True)
        self._metrics.commits.inc()
        self._metrics.commit_seconds.observe(self._clock.monotonic() - self._started)
        return None

    def _finish_traces(self, commit: Commit, *, committed: bool) -> None:
        if self._tracing is None:
            return
        now, size = self._tracing.now(), len(commit.outcomes)
        for outcome in commit.outcomes:
            if outcome.trace is not None:
                outcome.trace.finished(self._started_ns, now, committed=committed, batch=size, again=not committed)
