"""EFFECT: messages run on one asyncio loop in key-ordered lanes; what is done is committed in transactions.

The way of a record: ``take`` decodes it and puts it into its lane -> ``_run`` calls the handler -> ``_settle``
makes outcomes of what has answered; for what has not, ``_carry`` calls it again where that may help -> the
outcome (outputs, a dead letter or a place on the retry topic) goes to the
:mod:`settlement <onex.agent.settlement>`, which commits it together with its offset. What waits on the
retry topic holds its key back: see :mod:`onex.agent.retry_queue`.

Everything here lives on the loop's thread, but for ``backlogs``.
"""

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Mapping, Sequence
from dataclasses import replace

import structlog

from onex.agent.answered import Answered, AnsweredGroup
from onex.agent.current import CURRENT
from onex.agent.envelope import Envelope
from onex.agent.health import Health
from onex.agent.kept_answers import KeptAnswers
from onex.agent.lanes import Lanes
from onex.agent.metrics import AgentMetrics
from onex.agent.order_fence import OrderFences
from onex.agent.ordering import lane_of
from onex.agent.outcome import Outcome, Task
from onex.agent.outcomes import OutcomeMaker
from onex.agent.program import Program
from onex.agent.receive import Received, Receiver
from onex.agent.retry import Attempts, RetryPlan
from onex.agent.retry_queue import Backlog, RetryQueue, is_moved, is_note, is_release, place_of, read_backlogs
from onex.agent.settlement import Settlement
from onex.agent.tracing import Tracing
from onex.bus.protocols import (
    Partition,
    Position,
    ProtocolConsumer,
    ProtocolEventBus,
    ProtocolRecord,
)
from onex.model.clock import ProtocolClock
from onex.model.enums import EnumOrdering, EnumStage
from onex.model.errors import NotNowError
from onex.model.failpoint import failpoint

log = structlog.get_logger(__name__)
_UNTRIED = Attempts()
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
        self._plan = RetryPlan(contract.retry_policy)
        self._queue = RetryQueue(contract.retry_topic)
        self._fences = OrderFences()
        self._make = OutcomeMaker(program, group, clock, metrics, self._plan, self._queue, answers)
        self._delivery = contract.delivery
        self._ordered_by_key = contract.delivery.ordering is EnumOrdering.KEY
        self._lane = lane_of(contract.delivery.ordering)
        self._clock = clock
        self._metrics = metrics
        self._lanes: Lanes[Task] = Lanes(contract.delivery.concurrency)
        self._running: dict[Hashable, tuple[asyncio.Task[None], Partition]] = {}
        """By lane; until there is an outcome, though the task may have ended with an answer."""
        self._answered = AnsweredGroup(self._settle)
        self._waiting: set[asyncio.Task[None]] = set()
        """Those of them that only wait for their next attempt."""
        self._stands_until = 0.0
        """Until then no message can be tried (a circuit is open): partitions stand still."""
        self.settlement = Settlement(self._queue, answers, clock, health, metrics, tracing, on_outcome)

    def adopt(self, committed: Mapping[Partition, Position | None], backlogs: Mapping[int, Backlog]) -> None:
        """Partitions were assigned, with what is committed for them and what waits on their retry partitions."""
        self.settlement.adopt(committed)
        self._queue.adopt(backlogs)

    def take(self, records: Sequence[ProtocolRecord]) -> None:
        """Decode records and start what may start."""
        if self._tracing is not None:
            self._tracing.polled()
        fresh: list[ProtocolRecord] = []
        for record in records:
            partition = Partition(record.topic(), record.partition())
            if not self.settlement.take(partition, record.offset()):
                continue
            if record.topic() == self._queue.topic:
                self._take_from_queue(record, partition)
            else:
                fresh.append(record)
        for record, received in zip(fresh, self._receiver.receive(fresh), strict=True):
            task = self._task(record, Partition(record.topic(), record.partition()), received)
            self._lanes.add(self._lane(task), task)
        self._metrics.received.inc(len(records))
        failpoint("effect.taken")
        self._start()

    def _take_from_queue(self, record: ProtocolRecord, partition: Partition) -> None:
        """What the engine moved to the retry topic, what it noted there, and what somebody replays."""
        moved = is_moved(record)
        if moved and is_note(record):
            self.settlement.settle(Outcome(record, partition))
            return
        if moved and (place_of(record) or self._queue.attempts(record).is_dead):
            envelope = Envelope(record)
            self._fences.hold(partition, place_of(record) or envelope.id)
            task = Task(record, partition, envelope, None, None, moved)
        elif is_release(record):
            task = Task(record, partition, Envelope(record), None)
        else:
            (received,) = self._receiver.receive([record])
            task = self._task(record, partition, received, moved=moved)
        if self._fences.released(task):
            return
        if task.received is None and not moved:
            self.settlement.settle(Outcome(record, partition))
            return
        self._lanes.add(self._lane(task), task)

    def _task(
        self, record: ProtocolRecord, partition: Partition, received: Received | Exception, *, moved: bool = False
    ) -> Task:
        envelope = received[2] if isinstance(received, tuple) else Envelope(record)
        trace = None if self._tracing is None else self._tracing.received(record, envelope)
        return Task(record, partition, envelope, received, trace, moved)

    def _start(self) -> None:
        loop = asyncio.get_running_loop()
        for lane, task in self._lanes.start():
            self._running[lane] = loop.create_task(self._run(lane, task)), task.partition

    async def _run(self, lane: Hashable, task: Task) -> None:
        """The first attempt, which is all that most messages need."""
        CURRENT.set(task.envelope)
        began = self._clock.monotonic()
        queued = self._clock.now_ms() - task.record.timestamp()[1]
        self._metrics.queue_seconds.observe(max(0, queued) / 1000)
        failed: Exception | None = None
        if self._is_common(task) and isinstance(task.received, tuple):
            try:
                answer = await self._make.call(task, task.received, 1)
            except Exception as error:  # noqa: BLE001 - raised again in _work, which knows what to do
                failed = error
            except BaseException:
                self._finish(lane)
                raise
            else:
                self._answered.add(Answered(lane, task, answer, began))
                return
        await self._carry(lane, task, began, failed)

    def _is_common(self, task: Task) -> bool:
        """Whether nothing stands before the handler. Answers that are kept must be kept as soon as they are there."""
        return self._answers is None and not task.queued and not self._must_queue(task)

    def _settle(self, group: Sequence[Answered]) -> None:
        """Outcomes of answers; those of which none can be made are failures, as of the handler."""
        outcomes = self._make.all_done([(one.task, one.answer) for one in group])
        now = self._clock.monotonic()
        for (lane, task, _, began), outcome in zip(group, outcomes, strict=True):
            if isinstance(outcome, Exception):
                work = self._carry(lane, task, began, outcome, EnumStage.ENCODE)
                self._running[lane] = asyncio.get_running_loop().create_task(work), task.partition
                continue
            self.settlement.settle(outcome)
            self._metrics.process_seconds.observe(now - began)
            del self._running[lane]
            self._lanes.finish(lane)
        self._start()

    async def _carry(
        self,
        lane: Hashable,
        task: Task,
        began: float,
        failed: Exception | None,
        stage: EnumStage = EnumStage.HANDLER,
    ) -> None:
        """All but the common way: further attempts, the retry topic, what cannot be decoded, held places."""
        CURRENT.set(task.envelope)
        try:
            if task.received is None:
                await self._keep_place(lane, task)
            elif failed is None and self._must_queue(task):
                self.settlement.settle(self._make.moved(task, _UNTRIED))
            else:
                outcome = await self._work(lane, task, task.received, began, failed=failed, stage=stage)
                self.settlement.settle(outcome)
                if not outcome.done:
                    self._fences.hold(task.partition, task.envelope.id)
                    await self._keep_place(lane, task)
            self._metrics.process_seconds.observe(self._clock.monotonic() - began)
        finally:
            self._finish(lane)

    def _finish(self, lane: Hashable) -> None:
        del self._running[lane]
        self._lanes.finish(lane)
        self._start()

    def _must_queue(self, task: Task) -> bool:
        return (
            not task.queued
            and self._ordered_by_key
            and self._queue.waits(task.partition.partition, task.record.key())
        )

    async def _work(
        self,
        lane: Hashable,
        task: Task,
        received: Received | Exception,
        began: float,
        *,
        held: bool = False,
        failed: Exception | None = None,
        stage: EnumStage = EnumStage.HANDLER,
    ) -> Outcome:
        """Attempt after attempt, until there is an outcome; ``began`` is when the message was taken in hand.

        ``failed`` is how the first attempt ended, in ``stage``, where there was one already.
        """
        if isinstance(received, Exception):
            return self._make.dead(task, received, EnumStage.DECODE, Attempts(1), held=held)
        attempts = self._queue.attempts(task.record) if task.queued else _UNTRIED
        if attempts.due_ms and (wait := attempts.due_ms - self._clock.now_ms()) > 0:
            await self._park(lane, asyncio.sleep(min(wait, self._plan.longest_ms(attempts.count)) / 1000))
            began = self._clock.monotonic()
        while True:
            before, failed = failed, None
            try:
                if before is not None:
                    raise before
                stage = EnumStage.HANDLER
                answer = await self._make.call(task, received, attempts.count + 1)
                stage = EnumStage.ENCODE
                return self._make.done(task, answer)
            except NotNowError as error:
                # Nothing was tried, so no attempt is counted; and nothing more is read until trying makes sense.
                if error.for_all:
                    self._stands_until = max(self._stands_until, self._clock.monotonic() + error.retry_after)
                await self._park(lane, asyncio.sleep(error.retry_after))
                continue
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
                self.settlement.settle(self._make.noted(task, attempts))
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
                outcome = await self._work(lane, release, release.received, self._clock.monotonic(), held=True)
            if not outcome.dead:
                self._fences.forget(task.partition, message_id)
                self.settlement.settle(outcome)
                self.settlement.settle(Outcome(task.record, task.partition))
                return
            self.settlement.settle(outcome)

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

    @property
    def held(self) -> list[Partition]:
        """Partitions that stand still: what they lead to cannot be written, or too much in them waits."""
        return [partition for partition in self.settlement.partitions if self._stands(partition)]

    def _stands(self, partition: Partition) -> bool:
        limit = MAX_BLOCKED if partition.topic == self._queue.topic else 2 * MAX_BLOCKED
        if self._clock.monotonic() < self._stands_until or self._lanes.blocked >= limit:
            return True
        return self.settlement.stands(partition)

    def room(self) -> int:
        """How many more records fit: twice the concurrency and a batch, not counting what waits for a retry."""
        waiting = self._lanes.size - self._lanes.blocked + self.settlement.waiting
        return max(0, self._delivery.concurrency * 2 + self._delivery.batch_size - waiting)

    @property
    def idle(self) -> bool:
        """Nothing in work and nothing to commit."""
        return not self._lanes.size and self.settlement.idle

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
        running = [task for task, partition in self._running.values() if partition in gone]
        for waiting in self._waiting.intersection(running):
            waiting.cancel()
        if not running:
            return
        await asyncio.wait(running, timeout=patience)
        self._answered.flush()
        await asyncio.sleep(0)  # a task that is cancelled before it began would not free its lane
        late = [task for task, partition in self._running.values() if partition in gone]
        for task in late:
            task.cancel()
        if late:
            log.warning("handlers cancelled", count=len(late), patience=patience)
            await asyncio.wait(late)

    def abandon(self, partitions: Sequence[Partition]) -> None:
        """Partitions are not ours any more."""
        self.settlement.abandon(set(partitions))
        self._fences.forget_all(set(partitions))

    def close(self) -> None:
        """Release what is on this machine; after a failure partitions were not given up one by one."""
        if self._answers is not None:
            self._answers.close()

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


async def _wait_for(coming: "asyncio.Future[Task]") -> None:
    await coming
