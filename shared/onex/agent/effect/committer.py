"""Outcomes of an effect from the moment they are known until they are committed.

``settle`` takes an outcome, ``snapshot`` gathers what can be committed, ``write`` hands the outcomes to the producer,
``commit`` commits them with watermarks and the finished offsets beyond them in one transaction; then ``committed`` or
``give_back``. A partition whose dead letter cannot be written is held, the others go on.

``commit`` may run on another thread than the rest, never twice at once.
"""

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from operator import itemgetter

import structlog

from onex.agent.crash.effect_gate import EffectGate
from onex.agent.crash.journal import Span
from onex.agent.effect.idempotent_results import IdempotentResults
from onex.agent.effect.offsets import MAX_SPAN, OffsetTracker
from onex.agent.effect.outcome import Commit, Outcome
from onex.agent.effect.retry_topic import RetryTopic
from onex.agent.failure.blocked_partitions import BlockedPartitions
from onex.agent.state.lost_positions import read_again
from onex.agent.telemetry.health import Health
from onex.agent.telemetry.metrics import AgentMetrics
from onex.agent.telemetry.tracing import Tracing
from onex.agent.topic_limits import TopicLimits
from onex.bus.protocols import Emitted, Partition, Position, ProtocolConsumer, ProtocolTransaction
from onex.errors import BusError, FencedError, MessageTooLargeError, TransactionTimedOutError
from onex.util.clock import ProtocolClock
from onex.util.failpoint import failpoint

log = structlog.get_logger(__name__)


class Committer:
    """Offsets and outcomes of the partitions held."""

    def __init__(
        self,
        queue: RetryTopic,
        answers: IdempotentResults | None,
        held: BlockedPartitions,
        gate: EffectGate,
        clock: ProtocolClock,
        health: Health,
        metrics: AgentMetrics,
        tracing: Tracing | None,
        on_outcome: Callable[[], None],
        limits: TopicLimits,
        too_large: Callable[[Outcome, MessageTooLargeError], Outcome],
    ) -> None:
        """``too_large`` makes a dead letter of an outcome whose records a broker refuses."""
        self._limits = limits
        self._too_large = too_large
        self._refused: list[Outcome] = []
        self._queue = queue
        self._answers = answers
        self._clock = clock
        self._metrics = metrics
        self._tracing = tracing
        self._on_outcome = on_outcome
        self._health = health
        self._spans: set[str] = set()
        """Complaints about partitions at their span limit."""
        self._blocked = held
        self._gate = gate
        self._trackers: dict[Partition, OffsetTracker] = {}
        self._outcomes: list[Outcome] = []
        self._beyond: list[Outcome] = []
        """Outcomes so far beyond the watermark that their commit could not say so: they wait until it moves."""
        self._skipped: set[Partition] = set()
        """Where the watermark may have moved without an outcome: an earlier owner had finished what was read."""
        self._started, self._started_ns = 0.0, 0
        self.progress: dict[Partition, int] = {}
        """Outcomes committed per partition held; for the watchdog."""

    def adopt(self, committed: Mapping[Partition, Position | None]) -> None:
        """Partitions were assigned, with what is committed for them."""
        for partition, position in committed.items():
            self._trackers[partition] = OffsetTracker(position)

    def take(self, partition: Partition, offset: int) -> bool:
        """Whether a record that was read is to be carried: its partition is held, and it is not finished already.

        Raises BusUnavailableError when the client has gone back to what was read before.
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
        """Have an outcome committed; what comes of a partition that was given up meanwhile is its next owner's."""
        if outcome.partition in self._trackers:
            self._outcomes.append(outcome)
            self._on_outcome()

    def snapshot(self) -> Commit | None:
        """What to commit now, or None. Partitions that are held keep their outcomes."""
        self._blocked.to_resume()
        held = {partition for partition in self._trackers if self._blocked.is_stalled(partition)}
        skipped = self._skipped - held
        taken, kept = self._outcomes, list[Outcome]()
        if held:
            taken, kept = [o for o in taken if o.partition not in held], [o for o in taken if o.partition in held]
        if not taken and not skipped:
            return None
        self._outcomes, self._skipped = kept, self._skipped & held
        if self._beyond or any(tracker.is_wide for tracker in self._trackers.values()):
            taken = self._within_reach(taken, held)
        for outcome in taken:
            if outcome.done:
                self._trackers[outcome.partition].finish(outcome.record.offset())
        if not taken and not skipped:
            return None
        touched = {outcome.partition for outcome in taken} | skipped
        return Commit(taken, {partition: self._trackers[partition].position() for partition in touched})

    def _within_reach(self, taken: Sequence[Outcome], held: Collection[Partition]) -> list[Outcome]:
        """Those whose commit can say that they are done; the others wait in ``_beyond``.

        In the order of their offsets, because each may move the watermark and bring the next one within reach.
        """
        waiting, self._beyond = [*self._beyond, *taken], []
        within: list[Outcome] = []
        for outcome in sorted(waiting, key=lambda waits: waits.record.offset()):
            tracker, offset = self._trackers[outcome.partition], outcome.record.offset()
            if outcome.done and (outcome.partition in held or not tracker.fits(offset)):
                self._beyond.append(outcome)
                continue
            within.append(outcome)
            if outcome.done:
                tracker.finish(offset)
        return within

    def owes(self, partitions: Collection[Partition]) -> bool:
        """Whether any of these has something that can be committed."""
        pending = {outcome.partition for outcome in self._outcomes} | self._skipped
        return any(partition in pending and not self._blocked.is_stalled(partition) for partition in partitions)

    def give_back(self, commit: Commit, error: BusError) -> None:
        """The commit failed: outcomes are committed again a little later, their handlers do not run again. Those that
        a broker refuses for their size become dead letters.

        What was given up meanwhile is its next owner's.
        """
        for partition in commit.positions:
            if partition not in self._trackers:
                self._blocked.forget(partition)
        if not self._blocked.stall_noted():
            self._blocked.stall([partition for partition in commit.positions if partition in self._trackers], error)
        outcomes: Iterable[Outcome] = commit.outcomes
        if self._refused and isinstance(error, MessageTooLargeError):
            refused, self._refused = {id(outcome) for outcome in self._refused}, []
            outcomes = [self._too_large(o, error) if id(o) in refused else o for o in outcomes]
        self._outcomes = [o for o in outcomes if o.partition in self._trackers] + self._outcomes
        self._skipped |= {partition for partition in commit.positions if partition in self._trackers}

    def committed(self, commit: Commit) -> None:
        """The commit succeeded."""
        self._limits.trust(commit.positions)
        if self._gate.suspects:
            self._gate.committed(commit)
        self._blocked.clear(commit.positions)
        for partition, count in Counter(outcome.partition for outcome in commit.outcomes).items():
            self.progress[partition] = self.progress.get(partition, 0) + count
        for outcome in commit.outcomes:
            if outcome.partition.topic == self._queue.topic and outcome.done:
                self._queue.finished(outcome.record)
        if self._answers is not None:
            self._answers.committed([outcome.kept for outcome in commit.outcomes if outcome.kept])
        self._metrics.sent.inc(sum(len(outcome.emitted) for outcome in commit.outcomes if not outcome.dead))
        for outcome in commit.outcomes:
            if outcome.dead:
                self._metrics.dead(outcome.dead)

    @property
    def partitions(self) -> Collection[Partition]:
        """Those that are held here."""
        return self._trackers.keys()

    def stands(self, partition: Partition) -> bool:
        """Whether a partition stands still: what it leads to cannot be written, or too much waits for one offset."""
        return self._trackers[partition].span >= MAX_SPAN or self._blocked.is_stopped(partition)

    def spans(self) -> list[Span]:
        """What is taken and not finished, by partition: from the first such offset to the newest one."""
        return [Span(p, t.watermark, t.watermark + t.span) for p, t in self._trackers.items() if t.span]

    def goes_on(self, partition: Partition, working: Collection[tuple[Partition, int]]) -> bool:
        """Whether a partition that stands still goes on by itself, or waits for an operator.

        ``working``: the records that are worked on.
        """
        tracker = self._trackers.get(partition)
        if tracker is None or self._blocked.is_stopped(partition):
            return True
        return tracker.span >= MAX_SPAN and (partition, tracker.watermark) in working

    def report_spans(self) -> None:
        """Complain in health about partitions that take nothing more because of one offset."""
        for partition, tracker in self._trackers.items():
            about = f"span {partition.topic}[{partition.partition}]"
            if tracker.span >= MAX_SPAN:
                self._spans.add(about)
                waiting = f"{MAX_SPAN} offsets from there on are read"
                reason = f"blocked at offset {tracker.watermark}: it has no outcome, and {waiting}"
                if self._health.complain(about, reason):
                    log.error("partition blocked", about=about, reason=reason)
            elif about in self._spans:
                self._spans.discard(about)
                self._health.clear(about)

    @property
    def waiting(self) -> int:
        """Outcomes to be committed."""
        return len(self._outcomes)

    @property
    def idle(self) -> bool:
        """Nothing to commit."""
        return not self._outcomes and not self._skipped and not self._beyond

    def abandon(self, gone: Collection[Partition]) -> None:
        """Partitions are not ours any more."""
        for partition in gone:
            self._trackers.pop(partition, None)
            self._health.clear(f"span {partition.topic}[{partition.partition}]")
            self._skipped.discard(partition)
            self._limits.trust([partition])
            self.progress.pop(partition, None)
            self._blocked.forget(partition)
        numbers = {p.partition for p in gone} - {p.partition for p in self._trackers}
        self._queue.forget(numbers)
        if self._answers is not None:
            self._answers.forget(numbers)
        for outcome in (*self._outcomes, *self._beyond):
            if outcome.waits and outcome.partition in gone:
                self._queue.forget_moved(outcome.partition.partition, outcome.record.key())
        self._outcomes = [outcome for outcome in self._outcomes if outcome.partition not in gone]
        self._beyond = [outcome for outcome in self._beyond if outcome.partition not in gone]

    def write(self, transaction: ProtocolTransaction, commit: Commit) -> BusError | None:
        """Hand outcomes to the producer; gives why the commit must be given back. Raises FencedError."""
        self._started = self._clock.monotonic()
        self._started_ns = self._tracing.now() if self._tracing else 0
        failpoint("effect.handled")
        try:
            transaction.begin()
            self._write_all(transaction, commit.outcomes)
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
        """Commit what ``write`` wrote, or undo it where that was refused; gives why it must be given back.

        Raises FencedError.
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
                self._refused = self._culprits(commit)
            self._finish_traces(commit, committed=False)
            return error
        self._finish_traces(commit, committed=True)
        self._metrics.commits.inc()
        self._metrics.commit_seconds.observe(self._clock.monotonic() - self._started)
        return None

    def _culprits(self, commit: Commit) -> list[Outcome]:
        """Whose records the broker has refused: those that do not fit by what topics say now.

        Where all seem to fit, even when looked at again: the one that is nearest to its limit. Batches of several
        records stay below every limit, so a single record was refused. No other outcome is blamed for a dead letter
        that its topic takes no longer: the partition of that letter waits until the topic takes it.
        """
        careful = self._limits.careful
        self._limits.suspect(commit.positions)
        if any(self._limits.fill(_records(outcome)) > 1.0 for outcome in commit.outcomes if outcome.dead):
            return []
        fills = [(self._limits.fill(_records(o)), o) for o in commit.outcomes if not o.dead]
        culprits = [outcome for fill, outcome in fills if fill > 1.0]
        if not culprits and careful and fills:
            culprits = [max(fills, key=itemgetter(0))[1]]
        return culprits

    def _finish_traces(self, commit: Commit, *, committed: bool) -> None:
        if self._tracing is None:
            return
        now, size = self._tracing.now(), len(commit.outcomes)
        for outcome in commit.outcomes:
            if outcome.trace is not None:
                outcome.trace.finished(self._started_ns, now, committed=committed, batch=size, again=not committed)

    def _write_all(self, transaction: ProtocolTransaction, outcomes: Iterable[Outcome]) -> None:
        """In their order; what is nothing but outputs goes in one call."""
        plain: list[Emitted] = []
        for outcome in outcomes:
            if outcome.dead or outcome.queue is not None or outcome.kept is not None:
                transaction.produce_all(plain)
                plain = []
                self._write(transaction, outcome)
            else:
                plain += outcome.emitted
        transaction.produce_all(plain)

    def _write(self, transaction: ProtocolTransaction, outcome: Outcome) -> None:
        def report(failed: Exception | None, _: int) -> None:
            if failed is not None:
                self._blocked.note(outcome.partition, failed)

        for emitted in outcome.emitted:
            transaction.produce(*emitted, on_delivery=report if outcome.dead else None)
        if outcome.queue is not None:
            transaction.produce(*outcome.queue, partition=outcome.partition.partition)
        if self._answers is not None and (kept := outcome.kept) is not None:
            transaction.produce(*kept.record, partition=kept.number, on_delivery=self._answers.delivered(kept))


def _records(outcome: Outcome) -> list[Emitted]:
    """Everything that an outcome writes."""
    records = [*outcome.emitted]
    if outcome.queue is not None:
        records.append(outcome.queue)
    if outcome.kept is not None:
        records.append(outcome.kept.record)
    return records
