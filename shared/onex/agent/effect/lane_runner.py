"""Runs the messages of the lanes, each in an asyncio task: the first attempt, and the path to its outcome.

Results of first attempts are gathered, and their outcomes made together (:mod:`onex.agent.effect.result_batch`). What
follows a failure is in :mod:`onex.agent.effect.attempts`.
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Hashable, Sequence
from functools import partial

import structlog

from onex.agent.effect.attempts import AttemptRunner
from onex.agent.effect.cancellations import Cancellations
from onex.agent.effect.committer import Committer
from onex.agent.effect.crash_gate import EffectGate
from onex.agent.effect.lane_key import UndecodedLane, lane_of
from onex.agent.effect.lanes import Lanes
from onex.agent.effect.order_fence import OrderFences
from onex.agent.effect.outages import Outages
from onex.agent.effect.outcome import Task
from onex.agent.effect.outcome_builder import OutcomeBuilder
from onex.agent.effect.parking import Parking
from onex.agent.effect.result_batch import HandlerResult, ResultBatch
from onex.agent.effect.retry_policy import RetryPlan
from onex.agent.effect.retry_topic import RetryTopic
from onex.agent.message.current import CURRENT, Current
from onex.agent.message.decoding import Decoder
from onex.agent.telemetry.metrics import AgentMetrics
from onex.bus.protocols import Partition
from onex.errors import BusError, StateStoreError
from onex.model.contract import ModelDelivery
from onex.model.enums import EnumStage
from onex.util.clock import ProtocolClock
from onex.wire.retry import Attempts

log = structlog.get_logger(__name__)


class LaneRunner:
    """The running messages of one instance. Lives on the event loop."""

    def __init__(
        self,
        lanes: Lanes[Task],
        delivery: ModelDelivery,
        gate: EffectGate,
        builder: OutcomeBuilder,
        committer: Committer,
        plan: RetryPlan,
        retry_topic: RetryTopic,
        fences: OrderFences,
        decoder: Decoder,
        clock: ProtocolClock,
        metrics: AgentMetrics,
        outages: Outages,
        on_failure: Callable[[BaseException], None],
        *,
        stores_results: bool,
    ) -> None:
        """``on_failure`` ends the run of the engine. ``stores_results``: whether results are idempotent."""
        self._lanes = lanes
        self._lane = lane_of(delivery.ordering)
        self._delivery = delivery
        self._gate = gate
        self._builder = builder
        self._committer = committer
        self._clock = clock
        self._metrics = metrics
        self._on_failure = on_failure
        self._stores_results = stores_results
        self._results = ResultBatch(self._add_outcomes)
        self._running: dict[Hashable, tuple[asyncio.Task[None], Task]] = {}
        """By lane, until the message has an outcome: its asyncio task may have ended with a result before."""
        self._cancellations = Cancellations()
        self._draining: set[Partition] = set()
        """Partitions of which no more handlers are started."""
        self.parking = Parking(lanes, clock, self.start)
        self._attempts = AttemptRunner(
            builder,
            plan,
            retry_topic,
            fences,
            lanes,
            committer,
            self.parking,
            self._cancellations,
            decoder,
            delivery.ordering,
            clock,
            metrics,
            outages,
        )

    def start(self) -> None:
        """Start the messages for which there are slots."""
        watches = self._gate.watches
        if self.parking.runs_alone:
            self._lanes.concurrency = 0
        else:
            self._lanes.concurrency = 1 if watches and self._gate.is_alone else self._delivery.concurrency
        loop = asyncio.get_running_loop()
        for lane, task in self._lanes.start():
            self._running[lane] = loop.create_task(self._run(lane, task)), task
        if watches:
            self._gate.running(self.in_handlers())
        elif not self._running:
            self._gate.idle()

    def in_handlers(self) -> list[Task]:
        """Return the messages whose handler runs now, without those that wait for their next attempt."""
        return [task for running, task in self._running.values() if running not in self.parking.waiting]

    def records(self) -> set[tuple[Partition, int]]:
        """Return partition and offset of all messages that run or wait for their next attempt. From any thread."""
        return {(task.partition, task.record.offset()) for _, task in list(self._running.values())}

    async def _run(self, lane: Hashable, task: Task) -> None:
        """Make the first attempt, which is the only one for most messages."""
        CURRENT.set(Current(task.envelope))
        if type(lane) is UndecodedLane:
            await self._carry(lane, task, partial(self._to_its_lane, lane, task))
            return
        started = self._clock.monotonic()
        written_ms, now_ms = task.record.timestamp()[1], self._clock.now_ms()
        self._metrics.queue_seconds.observe((now_ms - written_ms) / 1000 if 0 < written_ms < now_ms else 0.0)
        received = task.received
        if self._is_common(task) and isinstance(received, tuple):
            try:
                result = await self._builder.call(task, received, 1)
            except BaseException as error:
                if not self._cancellations.is_of_message(error, self._running[lane][0]):
                    self._finish(lane)
                    raise
                stage = EnumStage.HANDLER
                work = partial(self._attempts.carry_failed, lane, task, received, started, error, stage)
            else:
                self._results.add(HandlerResult(lane, task, result, started))
                return
        else:
            work = partial(self._attempts.carry, lane, task, started)
        await self._carry(lane, task, work)

    async def _to_its_lane(self, lane: Hashable, task: Task) -> None:
        """Queue a message in the lane of its key, which is known when it is decoded."""
        task = await self._attempts.decoded(lane, task)
        if task.partition not in self._draining:  # it is left to the next owner
            self._lanes.add(self._lane(task), task)

    def _is_common(self, task: Task) -> bool:
        """Return whether nothing comes before the handler. Results to be stored are stored without waiting."""
        return not self._stores_results and task.retry is None and not self._attempts.must_move(task)

    def _add_outcomes(self, results: Sequence[HandlerResult]) -> None:
        """Have the outcomes of results committed."""
        try:
            self._add_all(results)
        except BaseException as error:  # noqa: BLE001 - the loop would only log it, and the lanes would wait for ever
            self._on_failure(error)

    def _add_all(self, results: Sequence[HandlerResult]) -> None:
        outcomes = self._builder.successes(results)
        now = self._clock.monotonic()
        for (lane, task, _, started), outcome in zip(results, outcomes, strict=True):
            if isinstance(outcome, BaseException):
                self._running[lane] = self._retried(lane, task, started, outcome), task
                continue
            self._committer.add(outcome)
            self._metrics.process_seconds.observe(now - started)
            del self._running[lane]
            self._lanes.finish(lane)
        self.start()

    def _retried(self, lane: Hashable, task: Task, started: float, error: BaseException) -> "asyncio.Task[None]":
        """Return a new asyncio task for a message of whose result no outcome could be made."""
        assert isinstance(task.received, tuple)
        stage = EnumStage.ENCODE
        work = partial(self._attempts.carry_failed, lane, task, task.received, started, error, stage)
        return asyncio.get_running_loop().create_task(self._carry(lane, task, work))

    async def _carry(self, lane: Hashable, task: Task, work: Callable[[], Awaitable[None]]) -> None:
        try:
            await work()
        except BaseException as error:
            if not self._cancellations.is_of_message(error, self._running[lane][0]):
                raise
            self._last_resort(task, error)
        finally:
            self._finish(lane)

    def _last_resort(self, task: Task, error: BaseException) -> None:
        """Make a dead letter of a message of which no outcome could be made, without a placeholder.

        A failure of the bus, of the state or of the engine ends the run instead.
        """
        if task.received is None or isinstance(error, BusError | StateStoreError):
            self._on_failure(error)
            return
        try:
            outcome = self._builder.dead_letter(task, error, EnumStage.HANDLER, Attempts(1), is_fenced=True)
            self._committer.add(outcome)
        except Exception as unwritable:  # noqa: BLE001 - the runner reports it
            self._on_failure(unwritable)

    def _finish(self, lane: Hashable) -> None:
        del self._running[lane]
        self._lanes.finish(lane)
        self.start()

    async def drain(self, partitions: Sequence[Partition], timeout: float) -> None:
        """Wait ``timeout`` seconds for running handlers of these partitions, then cancel them; start no more of them.

        Messages that wait for their next attempt are left to the next owner.
        """
        revoked = set(partitions)
        self._draining |= revoked
        try:
            await self._drain(revoked, timeout)
        finally:
            self._draining -= revoked

    async def _drain(self, revoked: Collection[Partition], timeout: float) -> None:
        self._lanes.drop(lambda task: task.partition in revoked)
        running = [running for running, task in self._running.values() if task.partition in revoked]
        for waiting in self.parking.waiting.intersection(running):
            self._cancellations.cancel(waiting)
        if not running:
            return
        await asyncio.wait(running, timeout=timeout)
        self._results.flush()
        await asyncio.sleep(0)  # a task that is cancelled before it has begun would not free its lane
        late = [running for running, task in self._running.values() if task.partition in revoked]
        for running_late in late:
            self._cancellations.cancel(running_late)
        if late:
            log.warning("handlers cancelled", count=len(late), timeout=timeout)
            await asyncio.wait(late)

    def cancel_all(self) -> None:
        """Cancel all messages: after a failure, no partition is revoked first."""
        for running, _ in self._running.values():
            self._cancellations.cancel(running)
