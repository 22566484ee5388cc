"""The attempts of one message, from the second one on, and the waits between them.

Further paths end here, too: messages that must wait on the retry topic, messages that cannot be decoded, and the
placeholders of dead letters. A message that waits parks its lane (:mod:`onex.agent.effect.parking`).
"""

import asyncio
from collections.abc import Hashable
from dataclasses import dataclass, replace
from functools import partial

import structlog

from onex.agent.effect.cancellations import Cancellations
from onex.agent.effect.committer import Committer
from onex.agent.effect.lanes import Lanes
from onex.agent.effect.order_fence import OrderFences
from onex.agent.effect.outages import Outages
from onex.agent.effect.outcome import Outcome, Task
from onex.agent.effect.outcome_builder import OutcomeBuilder
from onex.agent.effect.parking import MEMORY_WAIT, Parking, this_task
from onex.agent.effect.retry_policy import RetryPlan
from onex.agent.effect.retry_topic import RetryTopic
from onex.agent.failure.classify import outage_of
from onex.agent.failure.memory_shortages import MEMORY_TRIES
from onex.agent.message.current import CURRENT, Current
from onex.agent.message.decoding import DecodedInput, Decoder, IgnoredRecord
from onex.agent.message.unreadable_headers import UnreadableHeaders
from onex.agent.telemetry.metrics import AgentMetrics
from onex.errors import BusError, NotNowError, OutageError, ProcessEndedError, StateStoreError
from onex.model.enums import EnumOrdering, EnumStage
from onex.util.clock import ProtocolClock
from onex.util.error_text import text_of
from onex.wire.retry import UNTRIED, Attempts, Moved

log = structlog.get_logger(__name__)
_LONGEST_OUTAGE_WAIT = 30.0
"""Seconds between two tries of a message while the database, or another dependency, is away."""
_FIRST_SCHEMA_WAIT, _LONGEST_SCHEMA_WAIT = 0.05, 5.0
"""Seconds between two look-ups of the schema of a message."""


@dataclass(slots=True)
class _Progress:
    """A decoded message between its attempts."""

    lane: Hashable
    task: Task
    received: DecodedInput
    started: float
    """Monotonic seconds; waits in memory count from here."""
    attempts: Attempts
    is_fenced: bool = False
    """Whether its key waits behind a placeholder already."""
    shortages: int = 0
    """How often memory was short in the handler."""
    outage_wait: float = 0.0
    """Seconds of the latest wait for an outage to end."""
    wait: float | None = None
    """Seconds to wait before the next attempt; None for an attempt without a wait."""


class AttemptRunner:
    """Carries messages of one instance to their outcomes. Lives on the event loop."""

    def __init__(
        self,
        builder: OutcomeBuilder,
        plan: RetryPlan,
        retry_topic: RetryTopic,
        fences: OrderFences,
        lanes: Lanes[Task],
        committer: Committer,
        parking: Parking,
        cancellations: Cancellations,
        decoder: Decoder,
        ordering: EnumOrdering,
        clock: ProtocolClock,
        metrics: AgentMetrics,
        outages: Outages,
    ) -> None:
        self._builder = builder
        self._plan = plan
        self._retry_topic = retry_topic
        self._fences = fences
        self._lanes = lanes
        self._committer = committer
        self._parking = parking
        self._cancellations = cancellations
        self._decoder = decoder
        self._ordering = ordering
        self._clock = clock
        self._metrics = metrics
        self._outages = outages
        self._outage_reported = -_LONGEST_OUTAGE_WAIT

    def must_move(self, task: Task) -> bool:
        """Return whether an earlier message of its key waits on the retry topic, so that it has to go there as well.

        A record with unreadable headers stays: on the retry topic it would be a readable one without headers.
        """
        return (
            task.retry is None
            and self._ordering is EnumOrdering.KEY
            and self._retry_topic.has_waiting(task.partition.partition, task.record.key())
            and not isinstance(task.received, ProcessEndedError)
            and not isinstance(task.record, UnreadableHeaders)
        )

    async def carry(self, lane: Hashable, task: Task, started: float) -> None:
        """Carry a message that was not tried yet to its outcome. ``started``: monotonic seconds."""
        self._begin(lane, task)
        if task.received is None:
            await self._wait_for_release(lane, task)
        elif self.must_move(task):
            self._committer.add(self._builder.moved(task, UNTRIED))
        else:
            with self._outages.ended_by(task):
                await self._conclude(lane, task, await self._outcome(lane, task, task.received, started))
        self._metrics.process_seconds.observe(self._clock.monotonic() - started)

    async def carry_failed(
        self,
        lane: Hashable,
        task: Task,
        received: DecodedInput,
        started: float,
        error: BaseException,
        stage: EnumStage,
    ) -> None:
        """Carry a message whose first attempt has failed in ``stage`` to its outcome."""
        self._begin(lane, task)
        progress = _Progress(lane, task, received, started, UNTRIED)
        with self._outages.ended_by(task):
            outcome = self._after(progress, error, stage) or await self._outcome_after_wait(progress)
            await self._conclude(lane, task, outcome)
        self._metrics.process_seconds.observe(self._clock.monotonic() - started)

    def _begin(self, lane: Hashable, task: Task) -> None:
        CURRENT.set(Current(task.envelope))
        self._lanes.weigh(lane, task)

    async def _conclude(self, lane: Hashable, task: Task, outcome: Outcome) -> None:
        """Have an outcome committed. A message that is now a placeholder waits for the release of its dead letter."""
        self._committer.add(outcome)
        if not outcome.done:
            self._fences.add(task.partition, task.envelope.id)
            await self._wait_for_release(lane, task)

    async def _outcome(
        self,
        lane: Hashable,
        task: Task,
        received: DecodedInput | BaseException,
        started: float,
        *,
        is_fenced: bool = False,
    ) -> Outcome:
        """Return the outcome of a message that was not tried yet in this process."""
        if not task.is_final:
            task, received = await self._decoded(lane, task, received, _FIRST_SCHEMA_WAIT)
        if type(received) is IgnoredRecord:
            return Outcome(task.record, task.partition, trace=task.trace, retry=task.retry)
        if isinstance(received, BaseException):
            return self._builder.dead_letter(task, received, EnumStage.DECODE, Attempts(1), is_fenced=is_fenced)
        attempts = UNTRIED
        match task.retry:
            case Moved() as moved:
                attempts = self._retry_topic.attempts(task.record, moved)
        if attempts.due_ms and (wait_ms := attempts.due_ms - self._clock.now_ms()) > 0:
            await self._parking.sleep(lane, min(wait_ms, self._plan.longest_ms(attempts.count)) / 1000)
            started = self._clock.monotonic()
        progress = _Progress(lane, task, received, started, attempts, is_fenced)
        return await self._attempt(progress) or await self._outcome_after_wait(progress)

    async def _outcome_after_wait(self, progress: _Progress) -> Outcome:
        """Wait and try again until there is an outcome."""
        while True:
            if progress.wait is not None:
                await self._parking.sleep(progress.lane, progress.wait)
            if (outcome := await self._attempt(progress)) is not None:
                return outcome

    async def _attempt(self, progress: _Progress) -> Outcome | None:
        """Call the handler. Return None when the message must be tried again."""
        task, stage = progress.task, EnumStage.HANDLER
        try:
            call = partial(self._builder.call, task, progress.received, progress.attempts.count + 1)
            if progress.shortages:
                result = await self._parking.call_alone(progress.lane, call, progress.shortages)
            else:
                result = await call()
            self._outages.end(task)
            stage = EnumStage.ENCODE
            return self._builder.success(task, result)
        except (NotNowError, StateStoreError) as error:
            return self._after(progress, error, stage)
        except BaseException as error:
            if not self._cancellations.is_of_message(error, this_task()):
                raise
            return self._after(progress, error, stage)

    def _after(self, progress: _Progress, error: BaseException, stage: EnumStage) -> Outcome | None:
        """Return the outcome after a failed attempt, or None and set the wait before the next one.

        Raise StateStoreError, which is no failure of the message.
        """
        task = progress.task
        match error:
            case NotNowError():
                # Nothing was tried, so no attempt is counted; and no input is read until another try makes sense.
                if error.for_all:
                    self._parking.stop_reading_for(error.retry_after)
                if isinstance(error, OutageError):
                    self._wait_for_outage(progress, error)
                else:
                    self._outages.note(task, error)
                    progress.wait = error.retry_after
                return None
            case StateStoreError():
                raise error
            case MemoryError() if stage is EnumStage.HANDLER and progress.shortages < MEMORY_TRIES:
                progress.shortages += 1
                progress.wait = None
                return None
        if (outage := outage_of(error)) is not None:
            # Not the message's failure: it waits as long as the outage lasts, and no attempt is counted.
            self._wait_for_outage(progress, outage)
            return None
        self._outages.end(task)
        now = self._clock.now_ms()
        attempts = Attempts(progress.attempts.count + 1, progress.attempts.first_failed_ms or now)
        delay = self._plan.next_delay(error, attempts, now)
        if delay is None and self._plan.is_transient(error) and self._outages.are_known:
            # The last attempt does not count while a dependency fails: each good message would end like this.
            self._wait_for_outage(progress, OutageError(text_of(error)))
            return None
        if delay is None:
            return self._builder.dead_letter(task, error, stage, attempts, is_fenced=progress.is_fenced)
        self._metrics.retries.inc()
        if task.trace is not None:
            task.trace.event("retry", attempt=attempts.count, delay=delay, error=text_of(error))
        progress.attempts = attempts = replace(attempts, due_ms=now + round(delay * 1000))
        if task.retry is not None:
            self._committer.add(self._builder.noted(task, attempts))
        elif not progress.is_fenced and self._outlasts(progress.started, delay):
            return self._builder.moved(task, attempts)
        progress.wait = delay
        return None

    async def decoded(self, lane: Hashable, task: Task) -> Task:
        """Wait for the schema of a record. Return its task with the decoded record, or why it cannot be decoded.

        The first try has no wait: the schema may be the one that the record before it has waited for.
        """
        match task.received:
            case BusError() | MemoryError() as received:
                self._begin(lane, task)
                task, final = await self._decoded(lane, task, received, 0.0)
                return task._replace(received=final, is_final=True)
        return task

    async def _decoded(
        self, lane: Hashable, task: Task, received: DecodedInput | BaseException, wait: float
    ) -> tuple[Task, DecodedInput | BaseException]:
        """Decode a message again that failed for a reason that is not its own: no schema, or no memory.

        ``wait``: seconds before the first try for a schema. Return the task with what the decoder has made of its
        record, too.
        """
        shortages, single = 0, [task.record]
        while True:
            match received:
                case BusError():  # only its lane waits: other messages have schemas that are cached
                    if wait:
                        await self._parking.sleep(lane, wait)
                    wait = min(max(2 * wait, _FIRST_SCHEMA_WAIT), _LONGEST_SCHEMA_WAIT)
                case MemoryError() if shortages < MEMORY_TRIES:
                    shortages += 1
                    self._parking.stop_reading_for(MEMORY_WAIT)
                    await self._parking.sleep(lane, MEMORY_WAIT)
                case _:
                    return task, received
            (received,) = self._decoder.decode(single)
            match received:
                case (_, _, envelope):
                    task = task._replace(record=single[0], envelope=envelope, received=received)

    def _wait_for_outage(self, progress: _Progress, outage: OutageError) -> None:
        """Set a wait that grows with each try. Log once in a while: many messages may wait for the same outage."""
        if progress.task.trace is not None:
            progress.task.trace.event("outage", error=text_of(outage))
        self._metrics.outages.inc()
        self._outages.note(progress.task, outage)
        now = self._clock.monotonic()
        if now >= self._outage_reported + _LONGEST_OUTAGE_WAIT:
            self._outage_reported = now
            log.warning("messages wait for an outage to end, no attempt is counted", reason=text_of(outage))
        progress.wait = min(max(2 * progress.outage_wait, outage.retry_after), _LONGEST_OUTAGE_WAIT)
        progress.outage_wait = progress.wait

    def _outlasts(self, started: float, delay: float) -> bool:
        """Return whether a message waits too long for memory.

        With partition order it never does: the later records of the partition wait behind it anyway.
        """
        if self._ordering is EnumOrdering.PARTITION:
            return False
        waited = self._clock.monotonic() - started
        return self._parking.is_full() or not self._plan.fits_in_memory(waited, delay)

    async def _wait_for_release(self, lane: Hashable, task: Task) -> None:
        """Block the key until its dead letter is dropped, or its replay has an outcome."""
        message_id = task.awaited_id
        while True:
            next_release = self._fences.next_release(task.partition, message_id)
            if not next_release.done():
                await self._parking.wait(lane, partial(_result_of, next_release))
            release = next_release.result()
            CURRENT.set(Current(release.envelope))
            if release.received is None:
                outcome = Outcome(release.record, release.partition)
            else:
                now = self._clock.monotonic()
                with self._outages.ended_by(release):
                    outcome = await self._outcome(lane, release, release.received, now, is_fenced=True)
            if not outcome.dead:
                self._fences.forget(task.partition, message_id)
                self._committer.add(outcome)
                self._committer.add(Outcome(task.record, task.partition, retry=task.retry))
                return
            self._committer.add(outcome)


async def _result_of(release: "asyncio.Future[Task]") -> Task:
    return await release
