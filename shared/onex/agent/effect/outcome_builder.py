"""From one message of an effect to its outcome: outputs, a dead letter, a place on the retry topic."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import structlog

from onex.agent.effect.idempotent_results import IdempotentResults
from onex.agent.effect.outcome import Outcome, Task
from onex.agent.effect.retry_policy import Attempts, RetryPlan
from onex.agent.effect.retry_topic import RetryTopic, is_moved
from onex.agent.effect.time_limit import TimeLimit
from onex.agent.failure.classify import Failure, stage_of
from onex.agent.failure.dead_letter import DeadLetterBuilder
from onex.agent.message.decoding import DecodedInput, require_in_time
from onex.agent.message.encoding import Encoder
from onex.agent.message.envelope import read_envelope
from onex.agent.message.handlers import as_emissions
from onex.agent.message.program import Program
from onex.agent.telemetry.metrics import AgentMetrics
from onex.bus.protocols import Emitted
from onex.errors import MessageTooLargeError, RejectedError
from onex.model.enums import EnumOrdering, EnumStage
from onex.node.idempotent_result import digest_of
from onex.util.clock import ProtocolClock, to_datetime
from onex.util.error_text import text_of
from onex.util.interrupts import raise_if_interrupted

log = structlog.get_logger(__name__)


class OutcomeBuilder:
    """Calls the handler and makes outcomes. Knows no lanes, no offsets and no transactions."""

    def __init__(
        self,
        program: Program,
        group: str,
        clock: ProtocolClock,
        metrics: AgentMetrics,
        plan: RetryPlan,
        queue: RetryTopic,
        answers: IdempotentResults | None,
    ) -> None:
        contract = program.contract
        self._clock = clock
        self._metrics = metrics
        self._plan = plan
        self._queue = queue
        self._answers = answers
        self._limit = TimeLimit(contract.handler_timeout)
        self._by_key = contract.delivery.ordering is EnumOrdering.KEY
        self._fenced = contract.error_handling.dead_letter.order_fence
        self._emitter = Encoder(program.outputs, contract.name, program.limits, keeps_deadline=True)
        self._office = DeadLetterBuilder(contract, group, program.limits)
        self._limits = program.limits

    async def call(self, task: Task, received: DecodedInput, attempt: int) -> object:
        """The answer that is kept, or one attempt; raises what the handler raises, or HandlerTimeoutError."""
        if self._answers is None:
            return await self._attempt(received, attempt)
        work = partial(self._attempt, received, attempt)
        key, digest = task.envelope.idempotency_key, digest_of(received[1])
        return await self._answers.once(task.partition.partition, key, digest, work)

    async def _attempt(self, received: DecodedInput, attempt: int) -> object:
        """One call of the handler, within ``delivery.timeout``."""
        entry, message, envelope = received
        now_ms = self._clock.now_ms()
        if envelope.deadline is not None:
            require_in_time(entry, envelope, now_ms)
        context = envelope.context(to_datetime(now_ms), attempt, message)
        return await self._limit.hold(entry.handle(message, context))  # type: ignore[arg-type]  # effects' are async

    def done(self, task: Task, result: object) -> Outcome:
        """Outputs of an answer; raises WrongOutputError, RejectedError for one that is too large."""
        self._emitter.set_time(self._clock.now_ms())
        (only,) = self._emitter.encode_each([result], [task.envelope])
        if isinstance(only, BaseException):
            raise only
        return self._with_outputs(task, result, only)

    def all_done(self, answered: Sequence[tuple[Task, object]]) -> list[Outcome | BaseException]:
        """What ``done`` gives for each answer, or raises."""
        self._emitter.set_time(self._clock.now_ms())
        emitted = self._emitter.encode_each(
            [answer for _, answer in answered], [task.envelope for task, _ in answered]
        )
        outcomes: list[Outcome | BaseException] = []
        for (task, answer), found in zip(answered, emitted, strict=True):
            only = None if isinstance(found, MemoryError) else found  # encoded again, without the others
            try:
                outcomes.append(only if isinstance(only, BaseException) else self._with_outputs(task, answer, only))
            except BaseException as error:  # noqa: BLE001 - handed to the caller, who knows what to do about it
                raise_if_interrupted(error)
                outcomes.append(error)
        return outcomes

    def _with_outputs(self, task: Task, result: object, only: Emitted | None) -> Outcome:
        """``only``: the one output, where the result is one declared message."""
        envelope = task.envelope
        emitted = [only] if only else self._emitted(task, result)
        if not only or self._limits.careful:
            self._limits.require_fit(emitted, "output")
        kept = None
        if self._answers is not None and isinstance(task.received, tuple):
            digest = digest_of(task.received[1])
            kept = self._answers.keep(task.partition.partition, envelope.idempotency_key, digest, result)
        if task.trace is not None:
            emitted = task.trace.send(emitted)
            task.trace.processed()
        return Outcome(task.record, task.partition, emitted, trace=task.trace, kept=kept)

    def _emitted(self, task: Task, result: object) -> list[Emitted]:
        if result is None and isinstance(task.received, tuple):
            task.received[0].require_none_allowed()
        return self._emitter.encode_all(as_emissions(result), task.envelope, task.envelope.reply_key)

    def moved(self, task: Task, attempts: Attempts) -> Outcome:
        """The message goes to the retry topic; from now on the later ones of its key go there too.

        One that the retry topic does not take is a dead letter now: its batch was compressed better than it is alone.
        """
        letter = self._queue.letter(task.record, task.envelope, attempts)
        try:
            self._limits.require_fit([letter], "the message to be tried again")
        except RejectedError as error:
            return self.dead(task, error, EnumStage.ENCODE, attempts, held=False)
        if self._by_key:
            self._queue.moved(task.partition.partition, task.record.key())
        self._metrics.moved.inc()
        if task.trace is not None:
            task.trace.event("moved to the retry topic", attempt=attempts.count)
            task.trace.processed()
        return Outcome(task.record, task.partition, trace=task.trace, queue=letter, waits=True)

    def too_large(self, outcome: Outcome, error: MessageTooLargeError) -> Outcome:
        """A dead letter instead of an outcome whose records a broker refuses, though they seemed to fit.

        On the retry topic it has no fence: its lane is free already, so that none could wait for its release.
        """
        record, partition = outcome.record, outcome.partition
        if outcome.waits:
            self._queue.forget_moved(partition.partition, record.key())
        if outcome.kept is not None and self._answers is not None:
            self._answers.withdraw(outcome.kept)
        moved = partition.topic == self._queue.topic and is_moved(record)
        task = Task(record, partition, read_envelope(record), None, None, moved)
        return self.dead(task, error, EnumStage.ENCODE, Attempts(1), held=moved)

    def noted(self, task: Task, attempts: Attempts) -> Outcome:
        """The message stays on the retry topic; its further failure is remembered."""
        return Outcome(task.record, task.partition, done=False, queue=self._queue.note(task.record, attempts))

    def dead(self, task: Task, error: BaseException, stage: EnumStage, attempts: Attempts, *, held: bool) -> Outcome:
        """A dead letter; with ``order_fence`` its key waits for it, unless its place is ``held`` already.

        What dies on the retry topic keeps its own place there: later ones queue behind it already.
        """
        now, record, trace = self._clock.now_ms(), task.record, task.trace
        kind = self._plan.classify(error)
        failure = Failure(kind, stage_of(error, stage), error, attempts.count, attempts.first_failed_ms or now, now)
        log.warning("dead letter", **{"class": kind}, stage=failure.stage, topic=record.topic(), error=text_of(error))
        if trace is not None:
            trace.dead_lettered(kind, failure.stage, error)
            trace.processed()
        letter = self._office.letter(record, failure)
        if not self._fenced or held or not record.key():
            return Outcome(record, task.partition, [letter], kind, trace)
        if task.queued:
            note = self._queue.note(record, replace(attempts, is_dead=True))
            return Outcome(record, task.partition, [letter], kind, trace, done=False, queue=note)
        self._queue.moved(task.partition.partition, record.key())
        place = self._queue.place(record, task.envelope)
        return Outcome(record, task.partition, [letter], kind, trace, queue=place, waits=True)
