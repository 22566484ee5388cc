"""EFFECT: messages run on one asyncio loop in key-ordered lanes; what is done is committed in transactions.

The way of a record: ``take`` decodes it and puts it into its lane -> ``_run`` calls the handler, again
where that may help -> its outcome (outputs, a dead letter or a place on the retry topic) joins
``_outcomes`` -> ``commit`` writes outcomes, the watermark and the set of finished offsets beyond it in
one transaction. What waits on the retry topic holds its key back: see :mod:`onex.agent.retry_queue`.

``take`` and ``_run`` live on the loop's thread; ``commit`` may run on another one, never twice at once.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Hashable, Mapping, Sequence
from dataclasses import replace

import structlog

from onex.agent.clock import ProtocolClock
from onex.agent.current import CURRENT
from onex.agent.envelope import Envelope
from onex.agent.health import Health
from onex.agent.held import HeldPartitions
from onex.agent.kept_answers import KeptAnswers
from onex.agent.lanes import Lanes
from onex.agent.metrics import AgentMetrics
from onex.agent.offsets import MAX_SPAN, OffsetTracker
from onex.agent.order_fence import OrderFences
from onex.agent.outcome import Commit, Outcome, Task
from onex.agent.outcomes import OutcomeMaker
from onex.agent.program import Program
from onex.agent.receive import Received, Receiver
from onex.agent.retry import Attempts, RetryPlan
from onex.agent.retry_queue import Backlog, RetryQueue, is_moved, is_note, is_release, place_of, read_backlogs
from onex.agent.tracing import Tracing
from onex.bus.protocols import (
    Partition,
    Position,
    ProtocolConsumer,
    ProtocolEventBus,
    ProtocolRecord,
    ProtocolTransaction,
)
from onex.model.enums import EnumOrdering, EnumStage
from onex.model.errors import BusError, FencedError
from onex.model.failpoint import failpoint

log = structlog.get_logger(__name__)
MAX_BLOCKED = 20_000
"""Messages that wait in memory for a retry, or behind one that does; the next failure goes to the retry topic."""


class EffectEngine:
    """Lanes, retries, outcomes and commits of one effect instance. Knows no threads; see the two hosts."""

    def __init__(
        self,
        program: Program,
        group: str,
        clock: ProtocolClock,
        health: Health,
        metrics: AgentMetrics,
        on_outcome: Callable[[], None],
        tracing: Tracing | None = None,
        answers: KeptAnswers | None = None,
    ) -> None:
        self._tracing = tracing
        self._answers = answers
        contract = program.contract
        self._receiver = Receiver(program)
        self._plan = RetryPlan(contract.error_handling.retry_policy)
        self._queue = RetryQueue(contract.retry_topic)
        self._fences = OrderFences()
        self._make = OutcomeMaker(program, group, clock, metrics, self._plan, self._queue, answers)
        self._delivery = contract.delivery
        self._ordered_by_key = contract.delivery.ordering is EnumOrdering.KEY
        self._clock = clock
        self._metrics = metrics
        self._on_outcome = on_outcome
        self._held = HeldPartitions(clock, health)
        self._lanes: Lanes[Task] = Lanes(contract.delivery.concurrency)
        self._trackers: dict[Partition, OffsetTracker] = {}
        self._running: dict[asyncio.Task[None], Partition] = {}
        self._waiting: set[asyncio.Task[None]] = set()
        """Those of them that only wait for their next attempt."""
        self._outcomes: list[Outcome] = []
        self._skipped: set[Partition] = set()
        """Where the watermark may have moved without an outcome: an earlier owner had finished what was read."""
        self.progress: dict[Partition, int] = {}
        """Outcomes committed per partition held; for the watchdog."""

    # -- on the loop's thread -------------------------------------------------------------------

    def adopt(self, committed: Mapping[Partition, Position | None], backlogs: Mapping[int, Backlog]) -> None:
        """Partitions were assigned, with what is committed for them and what waits on their retry partitions."""
        for partition, position in committed.items():
            self._trackers[partition] = OffsetTracker(position)
        self._queue.adopt(backlogs)

    def take(self, records: Sequence[ProtocolRecord]) -> None:
        """Decode records and start what may start."""
        if self._tracing is not None:
            self._tracing.polled()
        for record in records:
            partition = Partition(record.topic(), record.partition())
            tracker = self._trackers.get(partition)
            if tracker is None:
                continue
            if not tracker.take(record.offset()):
                self._skipped.add(partition)
                continue
            queued = record.topic() == self._queue.topic and is_moved(record)
            if queued and is_note(record):
                self._settle(Outcome(record, partition))
                continue
            task = self._task(record, partition, queued)
            if record.topic() == self._queue.topic and self._fences.released(task):
                continue
            if task.received is None and not queued:
                self._settle(Outcome(record, partition))
                continue
            self._lanes.add(self._lane(task), task)
        self._metrics.received.inc(len(records))
        failpoint("effect.taken")
        self._start()

    def _task(self, record: ProtocolRecord, partition: Partition, queued: bool) -> Task:
        if queued and (place_of(record) or self._queue.attempts(record).is_dead):
            envelope = Envelope(record)
            self._fences.hold(partition, place_of(record) or envelope.id)
            return Task(record, partition, envelope, None, None, queued)
        if record.topic() == self._queue.topic and is_release(record):
            return Task(record, partition, Envelope(record), None)
        received: Received | Exception
        try:
            received = self._receiver.receive(record)
            envelope = received[2]
        except Exception as error:  # noqa: BLE001 - whatever is wrong with it, it becomes a dead letter
            received, envelope = error, Envelope(record)
        trace = None if self._tracing is None else self._tracing.received(record, envelope)
        return Task(record, partition, envelope, received, trace, queued)

    def _lane(self, task: Task) -> Hashable:
        """What waits on the retry topic has a lane of its own: later messages move behind it, not into memory."""
        match self._delivery.ordering:
            case EnumOrdering.KEY if key := task.record.key():
                return task.partition.partition, key, task.queued
            case EnumOrdering.PARTITION:
                return task.partition
            case _:
                return task.partition, task.record.offset()

    def _start(self) -> None:
        for lane, task in self._lanes.start():
            running = asyncio.get_running_loop().create_task(self._run(lane, task))
            self._running[running] = task.partition
            running.add_done_callback(self._ended)

    def _ended(self, task: "asyncio.Task[None]") -> None:
        self._running.pop(task, None)

    async def _run(self, lane: Hashable, task: Task) -> None:
        CURRENT.set(task.envelope)
        started = self._clock.monotonic()
        queued = self._clock.now_ms() - task.record.timestamp()[1]
        self._metrics.queue_seconds.observe(max(0, queued) / 1000)
        try:
            if task.received is None:
                await self._keep_place(lane, task)
            elif self._must_queue(task):
                self._settle(self._make.moved(task, Attempts()))
            else:
                outcome = await self._work(lane, task, task.received)
                self._settle(outcome)
                if not outcome.done:
                    self._fences.hold(task.partition, task.envelope.id)
                    await self._keep_place(lane, task)
            self._metrics.process_seconds.observe(self._clock.monotonic() - started)
        finally:
            self._lanes.finish(lane)
            self._start()

    def _must_queue(self, task: Task) -> bool:
        return (
            not task.queued
            and self._ordered_by_key
            and self._queue.waits(task.partition.partition, task.record.key())
        )

    async def _work(
        self, lane: Hashable, task: Task, received: Received | Exception, *, held: bool = False
    ) -> Outcome:
        """Attempt after attempt, until there is an outcome."""
        if isinstance(received, Exception):
            return self._make.dead(task, received, EnumStage.DECODE, Attempts(1), held=held)
        attempts = self._queue.attempts(task.record) if task.queued else Attempts()
        if (wait := attempts.due_ms - self._clock.now_ms()) > 0:
            await self._park(lane, asyncio.sleep(min(wait, self._plan.longest_ms) / 1000))
        began = self._clock.monotonic()
        while True:
            stage = EnumStage.HANDLER
            try:
                answer = await self._make.call(task, received, attempts.count + 1)
                stage = EnumStage.ENCODE
                return self._make.done(task, answer)
            except Exception as error:  # noqa: BLE001 - classified right below
                now = self._clock.now_ms()
                attempts = Attempts(attempts.count + 1, attempts.first_failed_ms or now)
                delay = self._plan.next_delay(error, attempts, now)
                if delay is None:
                    return self._make.dead(task, error, stage, attempts, held=held)
                self._metrics.retries.inc()
                if task.trace is not None:
                    task.trace.event("retry", attempt=attempts.count, delay=delay, error=str(error))
            attempts = replace(attempts, due_ms=now + round(delay * 1000))
            if task.queued:
                self._settle(self._make.noted(task, attempts))
            elif not held and self._outlasts(began, delay):
                return self._make.moved(task, attempts)
            await self._park(lane, asyncio.sleep(delay))

    def _outlasts(self, began: float, delay: float) -> bool:
        """Whether a message waits too long for memory. In partition order everything waits behind it anyway."""
        if self._delivery.ordering is EnumOrdering.PARTITION:
            return False
        waited = self._clock.monotonic() - began
        return self._lanes.blocked >= MAX_BLOCKED or not self._plan.fits_in_memory(waited, delay)

    async def _keep_place(self, lane: Hashable, task: Task) -> None:
        """Hold the key until its dead letter is dropped, or replayed and carried through."""
        message_id = place_of(task.record) or task.envelope.id
        while True:
            coming = self._fences.next_release(task.partition, message_id)
            if not coming.done():
                await self._park(lane, _wait_for(coming))
            release = coming.result()
            CURRENT.set(release.envelope)
            if release.received is None:
                outcome = Outcome(release.record, release.partition)
            else:
                outcome = await self._work(lane, release, release.received, held=True)
            if not outcome.dead:
                self._fences.forget(task.partition, message_id)
                self._settle(outcome)
                self._settle(Outcome(task.record, task.partition))
                return
            self._settle(outcome)

    async def _park(self, lane: Hashable, waiting: Awaitable[None]) -> None:
        """Wait without holding a place; the key stays behind its lane."""
        me = asyncio.current_task()
        assert me is not None
        self._lanes.park(lane)
        self._waiting.add(me)
        self._start()
        try:
            await waiting
        finally:
            self._waiting.discard(me)
            self._lanes.unpark(lane)

    def _settle(self, outcome: Outcome) -> None:
        """Have an outcome committed; what comes of a partition that was given up meanwhile is its next owner's."""
        if outcome.partition in self._trackers:
            self._outcomes.append(outcome)
            self._on_outcome()

    def snapshot(self) -> Commit | None:
        """What to commit now, or None. Partitions that are held keep their outcomes."""
        self._held.to_resume()
        taken = [o for o in self._outcomes if not self._held.is_held(o.partition)]
        skipped = {partition for partition in self._skipped if not self._held.is_held(partition)}
        self._skipped -= skipped
        if not taken and not skipped:
            return None
        self._outcomes = [o for o in self._outcomes if self._held.is_held(o.partition)]
        for outcome in taken:
            if outcome.done:
                self._trackers[outcome.partition].finish(outcome.record.offset())
        touched = {outcome.partition for outcome in taken} | skipped
        return Commit(taken, {partition: self._trackers[partition].position() for partition in touched})

    def owes(self, partitions: Collection[Partition]) -> bool:
        """Whether any of these has something that can be committed."""
        pending = {outcome.partition for outcome in self._outcomes} | self._skipped
        return any(partition in pending and not self._held.is_held(partition) for partition in partitions)

    def give_back(self, commit: Commit, error: BusError) -> None:
        """The commit failed: outcomes are committed again a little later, their handlers do not run again.

        What was given up meanwhile is its next owner's.
        """
        for partition in commit.positions:
            if partition not in self._trackers:
                self._held.forget(partition)
        if not self._held.hold():
            self._held.hold_all([partition for partition in commit.positions if partition in self._trackers], error)
        self._outcomes = [o for o in commit.outcomes if o.partition in self._trackers] + self._outcomes
        self._skipped |= {partition for partition in commit.positions if partition in self._trackers}

    def committed(self, commit: Commit) -> None:
        """The commit succeeded."""
        self._held.settle(commit.positions)
        for outcome in commit.outcomes:
            if outcome.done and outcome.partition.topic == self._queue.topic:
                self._queue.finished(outcome.record)
            self.progress[outcome.partition] = self.progress.get(outcome.partition, 0) + 1
        if self._answers is not None:
            self._answers.committed([outcome.kept for outcome in commit.outcomes if outcome.kept])
        self._metrics.sent.inc(sum(len(outcome.emitted) for outcome in commit.outcomes if not outcome.dead))
        for outcome in commit.outcomes:
            if outcome.dead:
                self._metrics.dead(outcome.dead)

    @property
    def held(self) -> list[Partition]:
        """Partitions that stand still: what they lead to cannot be written, or too much in them waits."""
        return [partition for partition, tracker in self._trackers.items() if self._stands(partition, tracker)]

    def _stands(self, partition: Partition, tracker: OffsetTracker) -> bool:
        if tracker.span >= MAX_SPAN or self._held.is_held(partition):
            return True
        limit = MAX_BLOCKED if partition.topic == self._queue.topic else 2 * MAX_BLOCKED
        return self._lanes.blocked >= limit

    def room(self) -> int:
        """How many more records fit: twice the concurrency and a batch, not counting what waits for a retry."""
        waiting = self._lanes.size - self._lanes.blocked + len(self._outcomes)
        return max(0, self._delivery.concurrency * 2 + self._delivery.batch_size - waiting)

    @property
    def idle(self) -> bool:
        """Nothing in work and nothing to commit."""
        return not self._lanes.size and not self._outcomes and not self._skipped

    @property
    def in_flight(self) -> int:
        """Records taken and not finished."""
        return self._lanes.size

    def observe(self) -> None:
        """Bring the gauges up to date."""
        self._metrics.in_flight.set(self._lanes.size)
        self._metrics.parked.set(self._lanes.parked)

    async def drain(self, partitions: Sequence[Partition], patience: float) -> None:
        """Let running handlers of these partitions end, cancel what does not; start no more of them.

        What waits for its next attempt is not waited for: the next owner takes it up.
        """
        gone = set(partitions)
        self._lanes.drop(lambda task: task.partition in gone)
        for waiting in [task for task in self._waiting if self._running.get(task) in gone]:
            waiting.cancel()
        running = [task for task, partition in self._running.items() if partition in gone]
        if not running:
            return
        _, late = await asyncio.wait(running, timeout=patience)
        for task in late:
            task.cancel()
        if late:
            log.warning("handlers cancelled", count=len(late), patience=patience)
            await asyncio.wait(late)

    def abandon(self, partitions: Sequence[Partition]) -> None:
        """Partitions are not ours any more."""
        gone = set(partitions)
        for partition in gone:
            self._trackers.pop(partition, None)
            self._skipped.discard(partition)
            self.progress.pop(partition, None)
            self._held.forget(partition)
        numbers = {p.partition for p in gone} - {p.partition for p in self._trackers}
        self._queue.forget(numbers)
        if self._answers is not None:
            self._answers.forget(numbers)
        self._fences.forget_all(gone)
        for outcome in self._outcomes:
            if outcome.waits and outcome.partition in gone:
                self._queue.forget_moved(outcome.partition.partition, outcome.record.key())
        self._outcomes = [outcome for outcome in self._outcomes if outcome.partition not in gone]

    # -- one thread at a time -------------------------------------------------------------------

    def backlogs(
        self, bus: ProtocolEventBus, consumer: ProtocolConsumer, partitions: Sequence[Partition]
    ) -> Mapping[int, Backlog]:
        """What waits on the retry partitions that belong to newly assigned ones. Raises BusError.

        Restores the answers that are kept for them as well.
        """
        numbers = self._queue.unknown(partitions)
        if self._answers is not None:
            self._answers.restore(numbers)
        committed = consumer.committed([Partition(self._queue.topic, number) for number in numbers])
        return read_backlogs(bus, self._queue.topic, committed, numbers)

    def commit(self, transaction: ProtocolTransaction, consumer: ProtocolConsumer, commit: Commit) -> BusError | None:
        """Write outcomes and positions together; gives why it must be given back. Raises FencedError."""
        started = self._clock.monotonic()
        started_ns = self._tracing.now() if self._tracing else 0
        failpoint("effect.handled")
        try:
            transaction.begin()
            for outcome in commit.outcomes:
                self._write(transaction, outcome)
            failpoint("effect.produced")
            transaction.commit(consumer, commit.positions)
            failpoint("effect.committed")
        except FencedError:
            raise
        except BusError as error:
            self._metrics.aborts.inc()
            transaction.abort()
            self._settle_traces(commit, started_ns, committed=False)
            return error
        self._settle_traces(commit, started_ns, committed=True)
        self._metrics.commits.inc()
        self._metrics.settle_seconds.observe(self._clock.monotonic() - started)
        return None

    def _settle_traces(self, commit: Commit, started_ns: int, *, committed: bool) -> None:
        if self._tracing is None:
            return
        now = self._tracing.now()
        for outcome in commit.outcomes:
            if outcome.trace is not None:
                outcome.trace.settled(
                    started_ns, now, committed=committed, batch=len(commit.outcomes), again=not committed
                )

    def _write(self, transaction: ProtocolTransaction, outcome: Outcome) -> None:
        def report(failed: Exception | None, _: int) -> None:
            if failed is not None:
                self._held.note(outcome.partition, failed)

        for emitted in outcome.emitted:
            transaction.produce(*emitted, on_delivery=report if outcome.dead else None)
        if outcome.queue is not None:
            transaction.produce(*outcome.queue, partition=outcome.partition.partition)
        if self._answers is not None and (kept := outcome.kept) is not None:
            transaction.produce(*kept.record, partition=kept.number, on_delivery=self._answers.delivered(kept))


async def _wait_for(coming: "asyncio.Future[Task]") -> None:
    await coming
