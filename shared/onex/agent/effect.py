"""EFFECT: messages run on one asyncio loop in key-ordered lanes; what is done is committed in transactions.

The way of a record: ``take`` decodes it and puts it into its lane -> ``_run`` calls the handler,
again where that may help -> its outcome (outputs or a dead letter) joins ``_outcomes`` -> ``commit``
writes outcomes, the watermark and the set of finished offsets beyond it in one transaction.

``take`` and ``_run`` live on the loop's thread; ``commit`` may run on another one, never twice at once.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import structlog
from tenacity import RetryCallState

from onex.agent.answers import as_emissions
from onex.agent.clock import ProtocolClock, to_datetime
from onex.agent.current import CURRENT
from onex.agent.dead_letter import DeadLetterOffice
from onex.agent.emit import Emitted, Emitter
from onex.agent.envelope import Envelope
from onex.agent.failure import Classifier, Failure, stage_of
from onex.agent.health import Health
from onex.agent.held import HeldPartitions
from onex.agent.lanes import Lanes
from onex.agent.metrics import AgentMetrics
from onex.agent.offsets import MAX_SPAN, OffsetTracker
from onex.agent.program import Program
from onex.agent.receive import Received, Receiver
from onex.agent.retry import retrying
from onex.agent.tracing import MessageTrace, Tracing
from onex.bus.protocols import Partition, Position, ProtocolConsumer, ProtocolRecord, ProtocolTransaction
from onex.model.enums import EnumFailureClass, EnumOrdering, EnumStage
from onex.model.errors import BusError, FencedError, HandlerTimeoutError, RejectedError

log = structlog.get_logger(__name__)
MAX_MESSAGE_BYTES = 1_048_576
_RETRYABLE = (EnumFailureClass.TRANSIENT, EnumFailureClass.TIMEOUT)


@dataclass(frozen=True, slots=True)
class Task:
    """A record in a lane."""

    record: ProtocolRecord
    partition: Partition
    received: Received
    trace: MessageTrace | None = None


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of a record: outputs, or one dead letter and its class."""

    record: ProtocolRecord
    partition: Partition
    emitted: Sequence[Emitted]
    dead: str = ""
    trace: MessageTrace | None = None


@dataclass(frozen=True, slots=True)
class Commit:
    """Outcomes and the positions that go with them."""

    outcomes: Sequence[Outcome]
    positions: Mapping[Partition, Position]


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
        max_message_bytes: int = MAX_MESSAGE_BYTES,
        tracing: Tracing | None = None,
    ) -> None:
        self._tracing = tracing
        self._max_bytes = max_message_bytes
        contract = program.contract
        self._receiver = Receiver(program)
        self._emitter = Emitter(program.outputs, contract.name)
        self._office = DeadLetterOffice(contract, group)
        self._policy = contract.error_handling.retry_policy
        self._classifier = Classifier(self._policy.retryable_exceptions)
        self._delivery = contract.delivery
        self._clock = clock
        self._metrics = metrics
        self._on_outcome = on_outcome
        self._held = HeldPartitions(clock, health)
        self._lanes: Lanes[Task] = Lanes(contract.delivery.concurrency)
        self._trackers: dict[Partition, OffsetTracker] = {}
        self._running: dict[asyncio.Task[None], Partition] = {}
        self._outcomes: list[Outcome] = []
        self.progress: dict[Partition, int] = {}
        """Outcomes committed per partition held; for the watchdog."""

    # -- on the loop's thread -------------------------------------------------------------------

    def adopt(self, committed: dict[Partition, Position | None]) -> None:
        """Partitions were assigned, with what is committed for them."""
        for partition, position in committed.items():
            self._trackers[partition] = OffsetTracker(position)

    def take(self, records: Sequence[ProtocolRecord]) -> None:
        """Decode records and start what may start."""
        if self._tracing is not None:
            self._tracing.polled()
        for record in records:
            partition = Partition(record.topic(), record.partition())
            tracker = self._trackers.get(partition)
            if tracker is None or not tracker.take(record.offset()):
                continue
            try:
                received = self._receiver.receive(record)
            except Exception as error:  # noqa: BLE001 - whatever is wrong with it, it becomes a dead letter
                envelope = Envelope(record)
                CURRENT.set(envelope)
                trace = None if self._tracing is None else self._tracing.received(record, envelope)
                self._settle(self._buried(record, partition, trace, error, EnumStage.DECODE))
                CURRENT.set(None)
                continue
            trace = None if self._tracing is None else self._tracing.received(record, received[2])
            self._lanes.add(self._lane(partition, record), Task(record, partition, received, trace))
        self._metrics.received.inc(len(records))
        self._start()

    def _lane(self, partition: Partition, record: ProtocolRecord) -> object:
        match self._delivery.ordering:
            case EnumOrdering.KEY if key := record.key():
                return partition.partition, key
            case EnumOrdering.PARTITION:
                return partition
            case _:
                return partition, record.offset()

    def _start(self) -> None:
        for lane, task in self._lanes.start():
            running = asyncio.get_running_loop().create_task(self._run(lane, task))
            self._running[running] = task.partition
            running.add_done_callback(self._ended)

    def _ended(self, task: "asyncio.Task[None]") -> None:
        self._running.pop(task, None)

    async def _run(self, lane: object, task: Task) -> None:
        CURRENT.set(task.received[2])
        started = self._clock.monotonic()
        queued = self._clock.now_ms() - task.record.timestamp()[1]
        self._metrics.queue_seconds.observe(max(0, queued) / 1000)
        try:
            outcome = await self._work(task)
            self._metrics.process_seconds.observe(self._clock.monotonic() - started)
            if task.partition in self._trackers:
                self._settle(outcome)
        finally:
            self._lanes.finish(lane)
            self._start()

    async def _work(self, task: Task) -> Outcome:
        """The first attempt is a plain call; only a failure that may pass meets the retry machinery."""
        first_failed = self._clock.now_ms()
        try:
            return self._done(task, await self._call(task, 1))
        except Exception as error:  # noqa: BLE001 - classified right below
            first = error
        if self._classifier.classify(first) not in _RETRYABLE or self._policy.max_attempts == 1:
            return self._buried(task.record, task.partition, task.trace, first, EnumStage.HANDLER)
        attempt = 1
        try:
            count = partial(self._count_retry, task.trace)
            async for trial in retrying(self._policy, self._is_retryable, self._park, count):
                with trial:
                    attempt = trial.retry_state.attempt_number
                    if attempt == 1:
                        raise first
                    return self._done(task, await self._call(task, attempt))
        except Exception as error:  # noqa: BLE001 - attempts are used up, or the failure is of another class now
            return self._buried(
                task.record, task.partition, task.trace, error, EnumStage.HANDLER, attempt, first_failed
            )
        raise AssertionError("tenacity either returns or raises")

    async def _call(self, task: Task, attempt: int) -> object:
        entry, message, envelope = task.received
        context = envelope.context(self._clock.now_ms(), attempt)
        limit = self._delivery.timeout
        try:
            async with asyncio.timeout(limit) as scope:
                return await entry.handle(message, context)  # type: ignore[misc]  # effects' handlers are async
        except TimeoutError:
            if scope.expired():
                raise HandlerTimeoutError(f"handler took longer than {limit:g} s") from None
            raise

    def _is_retryable(self, error: BaseException) -> bool:
        return self._classifier.classify(error) in _RETRYABLE

    async def _park(self, delay: float) -> None:
        """Wait without holding a place; the key stays behind its lane."""
        self._lanes.park()
        self._start()
        try:
            await asyncio.sleep(delay)
        finally:
            self._lanes.unpark()

    def _count_retry(self, trace: MessageTrace | None, state: RetryCallState) -> None:
        self._metrics.retries.inc()
        if trace is not None:
            error = state.outcome.exception() if state.outcome else None
            wait = state.next_action.sleep if state.next_action else 0.0
            trace.event("retry", attempt=state.attempt_number, delay=float(wait), error=str(error))

    def _done(self, task: Task, result: object) -> Outcome:
        _, _, envelope = task.received
        self._emitter.time = to_datetime(self._clock.now_ms()).isoformat().encode()
        emitted = self._emitter.emit(as_emissions(result), envelope, envelope.reply_key)
        for record in emitted:
            topic, value, _, _ = record
            if value is not None and len(value) > self._max_bytes:
                raise RejectedError(f"output for {topic} has {len(value)} bytes, {self._max_bytes} fit")
        if task.trace is not None:
            emitted = task.trace.send(emitted)
            task.trace.processed()
        return Outcome(task.record, task.partition, emitted, trace=task.trace)

    def _buried(
        self,
        record: ProtocolRecord,
        partition: Partition,
        trace: MessageTrace | None,
        error: BaseException,
        stage: EnumStage,
        attempts: int = 1,
        first_failed: int = 0,
    ) -> Outcome:
        now = self._clock.now_ms()
        kind = self._classifier.classify(error)
        failure = Failure(kind, stage_of(error, stage), error, attempts, first_failed or now, now)
        log.warning("dead letter", **{"class": kind}, stage=failure.stage, topic=record.topic(), error=str(error))
        if trace is not None:
            trace.buried(kind, failure.stage, error)
            trace.processed()
        return Outcome(record, partition, [self._office.letter(record, failure)], kind, trace)

    def _settle(self, outcome: Outcome) -> None:
        self._outcomes.append(outcome)
        self._on_outcome()

    def snapshot(self) -> Commit | None:
        """What to commit now, or None. Partitions that are held keep their outcomes."""
        self._held.to_resume()
        taken = [o for o in self._outcomes if not self._held.is_held(o.partition)]
        if not taken:
            return None
        self._outcomes = [o for o in self._outcomes if self._held.is_held(o.partition)]
        for outcome in taken:
            self._trackers[outcome.partition].finish(outcome.record.offset())
        touched = {outcome.partition for outcome in taken}
        return Commit(taken, {partition: self._trackers[partition].position() for partition in touched})

    def give_back(self, commit: Commit) -> None:
        """The commit failed: outcomes are committed again, their handlers do not run again."""
        self._outcomes = [o for o in commit.outcomes if o.partition in self._trackers] + self._outcomes

    def committed(self, commit: Commit) -> None:
        """The commit succeeded."""
        for outcome in commit.outcomes:
            self.progress[outcome.partition] = self.progress.get(outcome.partition, 0) + 1
        self._metrics.sent.inc(sum(len(outcome.emitted) for outcome in commit.outcomes if not outcome.dead))
        for outcome in commit.outcomes:
            if outcome.dead:
                self._metrics.dead(outcome.dead)

    @property
    def held(self) -> list[Partition]:
        """Partitions that stand still until what they lead to can be written."""
        return [partition for partition in self._trackers if self._held.is_held(partition)]

    def room(self) -> int:
        """How many more records fit: twice the concurrency, while the span of offsets stays bounded."""
        if any(tracker.span >= MAX_SPAN for tracker in self._trackers.values()):
            return 0
        waiting = self._lanes.size + len(self._outcomes)
        return max(0, self._delivery.concurrency * 2 + self._delivery.batch_size - waiting)

    @property
    def idle(self) -> bool:
        """Nothing in work and nothing to commit."""
        return not self._lanes.size and not self._outcomes

    @property
    def in_flight(self) -> int:
        """Records taken and not finished."""
        return self._lanes.size

    def observe(self) -> None:
        """Bring the gauges up to date."""
        self._metrics.in_flight.set(self._lanes.size)
        self._metrics.parked.set(self._lanes.parked)

    async def drain(self, partitions: Sequence[Partition], patience: float) -> None:
        """Let running handlers of these partitions end, cancel what does not; start no more of them."""
        gone = set(partitions)
        self._lanes.drop(lambda task: task.partition in gone)
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
            self.progress.pop(partition, None)
            self._held.forget(partition)
        self._outcomes = [outcome for outcome in self._outcomes if outcome.partition not in gone]

    # -- one thread at a time -------------------------------------------------------------------

    def commit(self, transaction: ProtocolTransaction, consumer: ProtocolConsumer, commit: Commit) -> bool:
        """Write outcomes and positions together; False when it must be given back. Raises FencedError."""
        started = self._clock.monotonic()
        started_ns = self._tracing.now() if self._tracing else 0
        try:
            transaction.begin()
            for outcome in commit.outcomes:
                self._write(transaction, outcome)
            transaction.commit(consumer, commit.positions)
        except FencedError:
            raise
        except BusError as error:
            self._metrics.aborts.inc()
            transaction.abort()
            self._settle_traces(commit, started_ns, committed=False)
            if not self._held.hold():
                self._held.hold_all(commit.positions, error)
            return False
        self._held.settle(commit.positions)
        self._settle_traces(commit, started_ns, committed=True)
        self._metrics.commits.inc()
        self._metrics.settle_seconds.observe(self._clock.monotonic() - started)
        return True

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
