"""What one attempt does not settle: further attempts, the retry topic, what cannot be decoded, held places.

Whoever waits here parks its lane: its key stays behind it, its place goes to another.
"""

import asyncio
from collections.abc import Awaitable, Callable, Hashable
from dataclasses import replace
from functools import partial
from weakref import WeakSet

import structlog

from onex.agent.effect.committer import Committer
from onex.agent.effect.lanes import Lanes
from onex.agent.effect.order_fence import OrderFences
from onex.agent.effect.outcome import Outcome, Task
from onex.agent.effect.outcome_builder import OutcomeBuilder
from onex.agent.effect.retry_policy import Attempts, RetryPlan
from onex.agent.effect.retry_topic import RetryTopic, place_of
from onex.agent.failure.classify import outage_of
from onex.agent.failure.memory_shortages import MEMORY_TRIES
from onex.agent.message.current import CURRENT
from onex.agent.message.decoding import DecodedInput, Decoder
from onex.agent.message.unreadable_headers import UnreadableHeaders
from onex.agent.telemetry.metrics import AgentMetrics
from onex.errors import BusError, NotNowError, OutageError, PoisonError, ProcessEndedError, StateStoreError
from onex.model.enums import EnumOrdering, EnumStage
from onex.util.clock import ProtocolClock
from onex.util.error_text import text_of
from onex.util.interrupts import raise_if_interrupted

log = structlog.get_logger(__name__)
MAX_BLOCKED = 20_000
"""Messages that wait in memory for a retry, or behind one that does; the next failure goes to the retry topic."""
MAX_BLOCKED_BYTES = 64 * 1024 * 1024
"""The same in bytes of their keys, values and headers."""
_UNTRIED = Attempts()
_WAIT = 1.0
"""Seconds before another try where memory or the bus failed; twice as many before each further one for memory."""
_LOOK_AGAIN = 0.05
_LONGEST_OUTAGE_WAIT = 30.0
"""Seconds between two tries of a message while the database, or what else it needs, is away."""
_PENDING_WAIT, _LONGEST_PENDING_WAIT = 0.05, 5.0
"""The same for a message whose schema is being looked up, the first and the longest one."""


class AttemptRunner:
    """Of one effect instance; lives on its loop."""

    def __init__(
        self,
        make: OutcomeBuilder,
        plan: RetryPlan,
        queue: RetryTopic,
        fences: OrderFences,
        lanes: Lanes[Task],
        committer: Committer,
        ordering: EnumOrdering,
        clock: ProtocolClock,
        metrics: AgentMetrics,
        start: Callable[[], None],
        receiver: Decoder,
    ) -> None:
        """``start`` starts what may start in the place of what waits."""
        self._receiver = receiver
        self._alone = asyncio.Lock()
        self.is_shut = False
        """Whether no message may start now: one for which memory was short runs alone."""
        self._outage_reported = -_LONGEST_OUTAGE_WAIT
        self._cancelled: WeakSet[asyncio.Task[None]] = WeakSet()
        self._make = make
        self._plan = plan
        self._queue = queue
        self._fences = fences
        self._lanes = lanes
        self._committer = committer
        self._ordering = ordering
        self._clock = clock
        self._metrics = metrics
        self._start = start
        self.waiting: set[asyncio.Task[None]] = set()
        """Those that only wait for their next attempt."""
        self.stands_until = 0.0
        """Monotonic time; until then no message can be tried (a circuit is open): partitions stand still."""

    def is_full(self, times: int = 1) -> bool:
        """Whether so many times what may wait in memory waits there."""
        lanes = self._lanes
        return lanes.blocked >= times * MAX_BLOCKED or lanes.blocked_bytes >= times * MAX_BLOCKED_BYTES

    def must_queue(self, task: Task) -> bool:
        """Whether an earlier message of its key waits on the retry topic, so that it has to go there as well.

        A record with unreadable headers stays: on the retry topic it would be a good one without headers.
        """
        return (
            not task.queued
            and self._ordering is EnumOrdering.KEY
            and self._queue.waits(task.partition.partition, task.record.key())
            and not isinstance(task.received, ProcessEndedError)
            and not isinstance(task.record, UnreadableHeaders)
        )

    def cancel(self, running: "asyncio.Task[None]") -> None:
        """Cancel the task of a message, which is left to the next owner of its partition."""
        self._cancelled.add(running)
        running.cancel()

    def is_of_message(self, error: BaseException, running: "asyncio.Task[None]") -> bool:
        """Whether an exception in the task of a message is the message's failure.

        It is not when the engine cancelled the task, when the loop closes the coroutine of the task from outside, and
        when it is a signal. A CancelledError that a handler raises, or that reaches it from another task, is.
        """
        try:
            is_inside = asyncio.current_task() is running
        except RuntimeError:  # no loop runs any more
            is_inside = False
        if not is_inside or running in self._cancelled:
            return False
        raise_if_interrupted(error)
        while running.cancelling():  # the handler cancelled its own task
            running.uncancel()
        return True

    async def carry(
        self,
        lane: Hashable,
        task: Task,
        began: float,
        failed: BaseException | None,
        stage: EnumStage = EnumStage.HANDLER,
    ) -> None:
        """Until the message is settled. ``began``: when it was taken in hand; ``failed``: how its first attempt
        ended, in ``stage``, where there was one already."""
        CURRENT.set(task.envelope)
        self._lanes.weigh(lane, task)
        if task.received is None:
            await self._keep_place(lane, task)
        elif failed is None and self.must_queue(task):
            self._committer.add(self._make.moved(task, _UNTRIED))
        else:
            outcome = await self._work(lane, task, task.received, began, failed=failed, stage=stage)
            self._committer.add(outcome)
            if not outcome.done:
                self._fences.hold(task.partition, task.envelope.id)
                await self._keep_place(lane, task)
        self._metrics.process_seconds.observe(self._clock.monotonic() - began)

    async def _work(
        self,
        lane: Hashable,
        task: Task,
        received: DecodedInput | BaseException,
        began: float,
        *,
        held: bool = False,
        failed: BaseException | None = None,
        stage: EnumStage = EnumStage.HANDLER,
    ) -> Outcome:
        """Attempt after attempt, until there is an outcome."""
        me = _this_task()
        short, outage_wait = 0, 0.0
        if isinstance(received, BusError | MemoryError):
            received = await self._decoded(lane, task, received)
        if isinstance(received, BaseException):
            return self._make.dead(task, received, EnumStage.DECODE, Attempts(1), held=held)
        attempts = self._queue.attempts(task.record) if task.queued else _UNTRIED
        if attempts.due_ms and (wait := attempts.due_ms - self._clock.now_ms()) > 0:
            await self._park(lane, partial(asyncio.sleep, min(wait, self._plan.longest_ms(attempts.count)) / 1000))
            began = self._clock.monotonic()
        while True:
            before, failed = failed, None
            try:
                if before is not None:
                    raise before
                stage = EnumStage.HANDLER
                call = partial(self._make.call, task, received, attempts.count + 1)
                answer = await (self._call_alone(lane, call, short) if short else call())
                stage = EnumStage.ENCODE
                return self._make.done(task, answer)
            except NotNowError as error:
                # Nothing was tried, so no attempt is counted; and nothing more is read until trying makes sense.
                if error.for_all:
                    self.stands_until = max(self.stands_until, self._clock.monotonic() + error.retry_after)
                pause = error.retry_after
                if isinstance(error, OutageError):
                    pause = outage_wait = self._outage_wait(task, error, outage_wait)
                await self._park(lane, partial(asyncio.sleep, pause))
                continue
            except StateStoreError:
                raise
            except BaseException as error:
                if not self.is_of_message(error, me):
                    raise
                if isinstance(error, MemoryError) and stage is EnumStage.HANDLER and short < MEMORY_TRIES:
                    short += 1
                    continue
                if (outage := outage_of(error)) is not None:
                    # Not the message's failure: it waits as long as the outage lasts, and no attempt is counted.
                    outage_wait = self._outage_wait(task, outage, outage_wait)
                    await self._park(lane, partial(asyncio.sleep, outage_wait))
                    continue
                now = self._clock.now_ms()
                attempts = Attempts(attempts.count + 1, attempts.first_failed_ms or now)
                delay = self._plan.next_delay(error, attempts, now)
                if delay is None:
                    return self._make.dead(task, error, stage, attempts, held=held)
                self._metrics.retries.inc()
                if task.trace is not None:
                    task.trace.event("retry", attempt=attempts.count, delay=delay, error=text_of(error))
            attempts = replace(attempts, due_ms=now + round(delay * 1000))
            if task.queued:
                self._committer.add(self._make.noted(task, attempts))
            elif not held and self._outlasts(began, delay):
                return self._make.moved(task, attempts)
            await self._park(lane, partial(asyncio.sleep, delay))

    async def _decoded(self, lane: Hashable, task: Task, received: BaseException) -> DecodedInput | BaseException:
        """Decode again what could not be decoded for a reason that is not the message's: no schema, no memory."""
        short, wait = 0, _PENDING_WAIT
        result: list[DecodedInput | BaseException] = [received]
        while isinstance(result[0], BusError) or (isinstance(result[0], MemoryError) and short < MEMORY_TRIES):
            if isinstance(result[0], BusError):  # only its key waits: others have schemas that are known
                await self._park(lane, partial(asyncio.sleep, wait))
                wait = min(2 * wait, _LONGEST_PENDING_WAIT)
            else:
                short += 1
                self.stands_until = max(self.stands_until, self._clock.monotonic() + _WAIT)
                await self._park(lane, partial(asyncio.sleep, _WAIT))
            result = self._receiver.decode([task.record])
        return result[0]

    def _outage_wait(self, task: Task, outage: OutageError, before: float) -> float:
        """Seconds to wait, twice as many as ``before``. Logs once for a while: many may wait for the same outage."""
        if task.trace is not None:
            task.trace.event("outage", error=text_of(outage))
        self._metrics.outages.inc()
        now = self._clock.monotonic()
        if now >= self._outage_reported + _LONGEST_OUTAGE_WAIT:
            self._outage_reported = now
            log.warning("messages wait for an outage to end, no attempt is counted", reason=text_of(outage))
        return min(max(2 * before, outage.retry_after), _LONGEST_OUTAGE_WAIT)

    async def _call_alone(self, lane: Hashable, call: Callable[[], Awaitable[object]], short: int) -> object:
        """A call for which memory was short: after a wait, while no other message is in its handler.

        Messages that only wait for their next attempt are not waited for.
        """
        await self._park(lane, partial(asyncio.sleep, _WAIT * 2 ** (short - 1)))
        await self._park(lane, partial(_acquired, self._alone))
        self.is_shut = True
        try:
            while self._lanes.running > 1:
                await asyncio.sleep(_LOOK_AGAIN)
            return await call()
        finally:
            self.is_shut = False
            self._alone.release()
            self._start()

    def _outlasts(self, began: float, delay: float) -> bool:
        """Whether a message waits too long for memory. In partition order everything waits behind it anyway."""
        if self._ordering is EnumOrdering.PARTITION:
            return False
        waited = self._clock.monotonic() - began
        return self.is_full() or not self._plan.fits_in_memory(waited, delay)

    async def _keep_place(self, lane: Hashable, task: Task) -> None:
        """Hold the key until its dead letter is dropped, or replayed and carried through."""
        message_id = place_of(task.record) or task.envelope.id
        while True:
            coming = self._fences.next_release(task.partition, message_id)
            if not coming.done():
                await self._park(lane, partial(_wait_for, coming))
            release = coming.result()
            CURRENT.set(release.envelope)
            if release.received is None:
                outcome = Outcome(release.record, release.partition)
            else:
                outcome = await self._work(lane, release, release.received, self._clock.monotonic(), held=True)
            if not outcome.dead:
                self._fences.forget(task.partition, message_id)
                self._committer.add(outcome)
                self._committer.add(Outcome(task.record, task.partition))
                return
            self._committer.add(outcome)

    async def _park(self, lane: Hashable, wait: Callable[[], Awaitable[None]]) -> None:
        """Wait without holding a place; the key stays behind its lane. ``wait`` makes what is awaited."""
        me = _this_task()
        self._lanes.park(lane)
        self.waiting.add(me)
        self._start()
        try:
            await wait()
        finally:
            self.waiting.discard(me)
            self._lanes.unpark(lane)
        self._start()  # it is in work again: where records are watched, the journal says so


def size_of(task: Task) -> int:
    """Bytes of a message as it came."""
    record = task.record
    size = len(record.key() or b"") + len(record.value() or b"")
    try:
        return size + sum(len(name) + len(value or b"") for name, value in record.headers() or ())
    except (UnicodeDecodeError, PoisonError):  # unreadable names: such a message is a dead letter and never waits
        return size


async def _wait_for(coming: "asyncio.Future[Task]") -> None:
    await coming


async def _acquired(lock: asyncio.Lock) -> None:
    await lock.acquire()


def _this_task() -> "asyncio.Task[None]":
    me = asyncio.current_task()
    assert me is not None
    return me
