"""EFFECT: messages run on one asyncio loop in key-ordered lanes; what is done is committed in transactions.

The way of a record: ``take`` decodes it and puts it into its lane -> ``_run`` calls the handler -> ``_settle``
makes outcomes of what has answered; :mod:`further attempts <onex.agent.effect.attempts>` are made for what
has not -> the outcome (outputs, a dead letter or a place on the retry topic) goes to the
:mod:`settlement <onex.agent.effect.committer>`, which commits it together with its offset. What waits on the
retry topic holds its key back: see :mod:`onex.agent.effect.retry_topic`.

Everything here lives on the loop's thread.
"""

import asyncio
from collections.abc import Callable, Hashable, Sequence

import structlog

from onex.agent.crash import Isolation
from onex.agent.crash.effect_gate import EffectGate
from onex.agent.effect.attempts import AttemptRunner, size_of
from onex.agent.effect.committer import Committer
from onex.agent.effect.idempotent_results import IdempotentResults
from onex.agent.effect.lane_key import lane_of
from onex.agent.effect.lanes import Lanes
from onex.agent.effect.order_fence import OrderFences
from onex.agent.effect.outcome import Outcome, Task
from onex.agent.effect.outcome_builder import OutcomeBuilder
from onex.agent.effect.partitions import Adopted, EffectPartitions
from onex.agent.effect.result_batch import HandlerResult, ResultBatch
from onex.agent.effect.retry_policy import Attempts, RetryPlan
from onex.agent.effect.retry_topic import RetryTopic, is_moved, is_note, is_release, place_of
from onex.agent.failure.blocked_partitions import BlockedPartitions
from onex.agent.message.current import CURRENT
from onex.agent.message.decoding import DecodedInput, Decoder
from onex.agent.message.envelope import read_envelope, with_headers
from onex.agent.message.program import Program
from onex.agent.message.unreadable_headers import UnreadableHeaders
from onex.agent.telemetry.health import Health
from onex.agent.telemetry.metrics import AgentMetrics
from onex.agent.telemetry.tracing import Tracing
from onex.bus.protocols import (
    Partition,
    ProtocolEventBus,
    ProtocolRecord,
)
from onex.errors import BusError, StateStoreError
from onex.model.enums import EnumStage
from onex.util.clock import ProtocolClock
from onex.util.failpoint import failpoint
from onex.wire.skip import Skip, is_skip

log = structlog.get_logger(__name__)


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
        answers: IdempotentResults | None = None,
        isolation: Isolation | None = None,
    ) -> None:
        self._tracing = tracing
        self._answers = answers
        contract = program.contract
        self._receiver = Decoder(program)
        plan = RetryPlan(contract.retry_policy)
        self._queue = RetryTopic(contract.retry_topic)
        self._fences = OrderFences()
        self._make = OutcomeBuilder(program, group, clock, metrics, plan, self._queue, answers)
        self.limits = program.limits
        self._delivery = contract.delivery
        self._lane = lane_of(contract.delivery.ordering)
        self._clock = clock
        self._metrics = metrics
        self._health = health
        self._lanes: Lanes[Task] = Lanes(contract.delivery.concurrency, size_of)
        self._running: dict[Hashable, tuple[asyncio.Task[None], Task]] = {}
        """By lane; until there is an outcome, though the task may have ended with an answer."""
        self.failure: BaseException | None = None
        """Why this engine cannot go on: not the failure of a message. The host ends the run with it."""
        self._on_outcome = on_outcome
        self._answered = ResultBatch(self._settle)
        self._node = contract.name
        self._blocked = held = BlockedPartitions(clock, health)
        found_out = isolation or Isolation(None, clock)
        self._gate = EffectGate(found_out, held, contract.name, contract.retry_topic, group, clock)
        self.committer = Committer(
            self._queue,
            answers,
            held,
            self._gate,
            clock,
            health,
            metrics,
            tracing,
            on_outcome,
            program.limits,
            self._make.too_large,
        )
        self._further = AttemptRunner(
            self._make,
            plan,
            self._queue,
            self._fences,
            self._lanes,
            self.committer,
            contract.delivery.ordering,
            clock,
            metrics,
            self._start,
            self._receiver,
        )

    def partitions_on(self, bus: ProtocolEventBus) -> EffectPartitions:
        """What the host hands newly assigned partitions to; the engine adopts them from there."""
        health, metrics = self._health, self._metrics
        return EffectPartitions(
            self._queue, self._answers, self._node, bus, health, metrics, lambda: self.partitions_to_pause
        )

    def adopt(self, adopted: Adopted) -> None:
        """Partitions were assigned, and what must be known of them has been read.

        Those that are lost stand still until an operator has decided where they go on.
        """
        for partition, what in adopted.lost.items():
            self._blocked.lose(partition, what)
        self.committer.adopt(adopted.committed)
        self._gate.adopt(adopted.committed)
        self._queue.adopt(adopted.backlogs)

    def take(self, records: Sequence[ProtocolRecord]) -> None:
        """Decode records and start what may start."""
        if self._tracing is not None:
            self._tracing.polled()
        if self._gate.suspects:
            records = self._gate.admit(records)
        fresh: list[ProtocolRecord] = []
        queued: list[ProtocolRecord] = []
        for record in records:
            partition = Partition(record.topic(), record.partition())
            if not self.committer.take(partition, record.offset()):
                if self._gate.watches:
                    self._gate.was_done(partition, record.offset())
                continue
            (queued if record.topic() == self._queue.topic else fresh).append(record)
        if not self._gate.watches:
            self._gate.took(self.committer.spans())  # before anything is decoded, which may end the process too
        for record in queued:
            self._take_queued(record, Partition(record.topic(), record.partition()))
        # The receiver is done before the records are looked at: it may replace some of them.
        for record, received in zip(fresh, self._receive(fresh), strict=True):
            task = self._task(record, Partition(record.topic(), record.partition()), received)
            self._lanes.add(self._lane(task), task)
        self._metrics.received.inc(len(records))
        failpoint("effect.taken")
        self._start()

    def _receive(self, records: list[ProtocolRecord]) -> list[DecodedInput | BaseException]:
        if self._gate.watches:
            return self._gate.receive(self._receiver, records, self._in_work())
        return self._receiver.decode(records)

    def _in_work(self) -> list[Task]:
        """Messages whose handler runs now; those that wait for their next attempt do not count."""
        return [task for run, task in self._running.values() if run not in self._further.waiting]

    def decisions(self, bus: ProtocolEventBus) -> Sequence[Skip]:
        """What operators have decided about records that are blocked here. On the thread that polls."""
        return self._gate.decisions(bus)

    def unblock(self, skip: Skip) -> None:
        """A blocked record becomes a dead letter; its partition goes on."""
        self.take(self._gate.release(skip))

    def _take_queued(self, record: ProtocolRecord, partition: Partition) -> None:
        """A record of the retry topic. One that is not as the engine writes it becomes a dead letter."""
        record = with_headers(record)
        try:
            self._take_from_queue(record, partition)
        except Exception as error:  # noqa: BLE001 - becomes its dead letter
            task = Task(record, partition, read_envelope(record), error)
            self._lanes.add((partition, record.offset()), task)

    def _take_from_queue(self, record: ProtocolRecord, partition: Partition) -> None:
        """What the engine moved to the retry topic, what it noted there, and what somebody replays."""
        moved = is_moved(record)
        if is_skip(record) or (moved and is_note(record)):
            self.committer.add(Outcome(record, partition))
            return
        if isinstance(record, UnreadableHeaders):
            task = self._task(record, partition, record.reason)
        elif moved and (place_of(record) or self._queue.attempts(record).is_dead):
            envelope = read_envelope(record)
            self._fences.hold(partition, place_of(record) or envelope.id)
            task = Task(record, partition, envelope, None, None, moved)
        elif is_release(record) and not moved:
            task = Task(record, partition, read_envelope(record), None)
        else:
            (received,) = self._receive([record])
            task = self._task(record, partition, received, moved=moved)
        if not moved and self._fences.released(task):
            return
        if task.received is None and not moved:
            self.committer.add(Outcome(record, partition))
            return
        self._lanes.add(self._lane(task), task)

    def _task(
        self,
        record: ProtocolRecord,
        partition: Partition,
        received: DecodedInput | BaseException,
        *,
        moved: bool = False,
    ) -> Task:
        if isinstance(received, MemoryError) and isinstance(record, UnreadableHeaders):
            raise received  # the record can only be read again from the start
        if not isinstance(received, tuple):
            record = with_headers(record)  # what is skipped was not decoded
        envelope = received[2] if isinstance(received, tuple) else read_envelope(record)
        trace = None if self._tracing is None else self._tracing.received(record, envelope)
        return Task(record, partition, envelope, received, trace, moved)

    def _start(self) -> None:
        watches = self._gate.watches
        if self._further.is_shut:
            self._lanes.concurrency = 0
        else:
            self._lanes.concurrency = 1 if watches and self._gate.alone else self._delivery.concurrency
        loop = asyncio.get_running_loop()
        for lane, task in self._lanes.start():
            self._running[lane] = loop.create_task(self._run(lane, task)), task
        if watches:
            self._gate.running(self._in_work())
        elif not self._running:
            self._gate.idle()

    async def _run(self, lane: Hashable, task: Task) -> None:
        """The first attempt, which is all that most messages need."""
        CURRENT.set(task.envelope)
        began = self._clock.monotonic()
        written_ms, now_ms = task.record.timestamp()[1], self._clock.now_ms()
        self._metrics.queue_seconds.observe((now_ms - written_ms) / 1000 if 0 < written_ms < now_ms else 0.0)
        failed: BaseException | None = None
        if self._is_common(task) and isinstance(task.received, tuple):
            try:
                answer = await self._make.call(task, task.received, 1)
            except BaseException as error:
                if not self._further.is_of_message(error, self._running[lane][0]):
                    self._finish(lane)
                    raise
                failed = error
            else:
                self._answered.add(HandlerResult(lane, task, answer, began))
                return
        await self._carry(lane, task, began, failed)

    def _is_common(self, task: Task) -> bool:
        """Whether nothing stands before the handler. Answers that are kept must be kept as soon as they are there."""
        return self._answers is None and not task.queued and not self._further.must_queue(task)

    def _settle(self, group: Sequence[HandlerResult]) -> None:
        """Outcomes of answers; those of which none can be made are failures, as of the handler."""
        try:
            self._settle_all(group)
        except BaseException as error:  # noqa: BLE001 - the loop would only log it, and their lanes would wait for ever
            self._fail(error)

    def _settle_all(self, group: Sequence[HandlerResult]) -> None:
        outcomes = self._make.all_done([(one.task, one.answer) for one in group])
        now = self._clock.monotonic()
        for (lane, task, _, began), outcome in zip(group, outcomes, strict=True):
            if isinstance(outcome, BaseException):
                work = self._carry(lane, task, began, outcome, EnumStage.ENCODE)
                self._running[lane] = asyncio.get_running_loop().create_task(work), task
                continue
            self.committer.add(outcome)
            self._metrics.process_seconds.observe(now - began)
            del self._running[lane]
            self._lanes.finish(lane)
        self._start()

    async def _carry(
        self,
        lane: Hashable,
        task: Task,
        began: float,
        failed: BaseException | None,
        stage: EnumStage = EnumStage.HANDLER,
    ) -> None:
        try:
            await self._further.carry(lane, task, began, failed, stage)
        except BaseException as error:
            if not self._further.is_of_message(error, self._running[lane][0]):
                raise
            self._last_resort(task, error)
        finally:
            self._finish(lane)

    def _last_resort(self, task: Task, error: BaseException) -> None:
        """Settle a message whose outcome could not be made: with a dead letter that holds no place.

        A failure of the bus, of the state or of this engine ends the run instead.
        """
        if task.received is None or isinstance(error, BusError | StateStoreError):
            self._fail(error)
            return
        try:
            self.committer.add(self._make.dead(task, error, EnumStage.HANDLER, Attempts(1), held=True))
        except Exception as broken:  # noqa: BLE001 - reported by the host
            self._fail(broken)

    def _fail(self, error: BaseException) -> None:
        """End the run of this engine: the host raises ``failure``."""
        self.failure = self.failure or error
        self._on_outcome()

    def _finish(self, lane: Hashable) -> None:
        del self._running[lane]
        self._lanes.finish(lane)
        self._start()

    @property
    def partitions_to_pause(self) -> list[Partition]:
        """Partitions to take nothing from: what they lead to cannot be written, or too much in them waits."""
        return [partition for partition in self.committer.partitions if self._stands(partition)]

    def _stands(self, partition: Partition) -> bool:
        return self._waits(partition) or self.committer.stands(partition)

    def _waits(self, partition: Partition) -> bool:
        is_input = partition.topic != self._queue.topic
        if is_input and self._queue.is_full:
            return True
        times = 2 if is_input else 1
        return self._clock.monotonic() < self._further.stands_until or self._further.is_full(times)

    def waiting_partitions(self) -> list[Partition]:
        """Those of ``held`` that will go on by themselves, or wait for an operator; for the watchdog, on its thread.

        A partition at its span limit does so only while a task works on the record at its watermark.
        """
        working = {(task.partition, task.record.offset()) for _, task in list(self._running.values())}
        return [
            partition
            for partition in list(self.committer.partitions)
            if self._waits(partition) or self.committer.goes_on(partition, working)
        ]

    def room(self) -> int:
        """How many more records fit: twice the concurrency and a batch, not counting what waits for a retry."""
        waiting = self._lanes.size - self._lanes.blocked + self.committer.waiting
        return max(0, self._delivery.concurrency * 2 + self._delivery.batch_size - waiting)

    @property
    def idle(self) -> bool:
        """Nothing in work and nothing to commit."""
        return not self._lanes.size and self.committer.idle

    @property
    def in_flight(self) -> int:
        """Records taken and not finished."""
        return self._lanes.size

    def observe(self) -> None:
        """Bring the gauges up to date."""
        self._metrics.in_flight.set(self._lanes.size)
        self._metrics.parked.set(self._lanes.parked)
        self.committer.report_spans()

    async def drain(self, partitions: Sequence[Partition], patience: float) -> None:
        """Let running handlers of these partitions end, cancel what does not; start no more of them.

        What waits for its next attempt is not waited for: the next owner takes it up.
        """
        gone = set(partitions)
        self._lanes.drop(lambda task: task.partition in gone)
        running = [run for run, task in self._running.values() if task.partition in gone]
        for waiting in self._further.waiting.intersection(running):
            self._further.cancel(waiting)
        if not running:
            return
        await asyncio.wait(running, timeout=patience)
        self._answered.flush()
        await asyncio.sleep(0)  # a task that is cancelled before it began would not free its lane
        late = [run for run, task in self._running.values() if task.partition in gone]
        for run in late:
            self._further.cancel(run)
        if late:
            log.warning("handlers cancelled", count=len(late), patience=patience)
            await asyncio.wait(late)

    def abandon(self, partitions: Sequence[Partition]) -> None:
        """Partitions are not ours any more."""
        self.committer.abandon(set(partitions))
        self._gate.forget(set(partitions))
        self._fences.forget_all(set(partitions))

    def close(self) -> None:
        """Release what is on this machine; after a failure partitions were not given up one by one."""
        for running, _ in self._running.values():
            self._further.cancel(running)
        if self._answers is not None:
            self._answers.close()
