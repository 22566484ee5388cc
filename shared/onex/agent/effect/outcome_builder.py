"""From one message of an effect to its outcome: outputs, a dead letter, or a record on the retry topic."""

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import structlog

from onex.agent.effect.idempotent_results import IdempotentResults
from onex.agent.effect.outcome import Outcome, Task
from onex.agent.effect.result_batch import HandlerResult
from onex.agent.effect.retry_policy import RetryPlan
from onex.agent.effect.retry_topic import RetryTopic
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
from onex.wire.retry import Attempts

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
        retry_topic: RetryTopic,
        results: IdempotentResults | None,
    ) -> None:
        contract = program.contract
        self._clock = clock
        self._metrics = metrics
        self._plan = plan
        self._retry_topic = retry_topic
        self._results = results
        self._time_limit = TimeLimit(contract.handler_timeout)
        self._is_by_key = contract.delivery.ordering is EnumOrdering.KEY
        self._has_order_fence = contract.error_handling.dead_letter.order_fence
        self._encoder = Encoder(
            program.outputs, contract.name, program.limits, keeps_deadline=True, seal=program.seal
        )
        self._dead_letters = DeadLetterBuilder(contract, group, program.limits)
        self._limits = program.limits

    async def call(self, task: Task, received: DecodedInput, attempt: int) -> object:
        """Return the stored result, or that of one attempt.

        Raise what the handler raises; HandlerTimeoutError; DeadlineError for a command that is too late; and
        RejectedError where the idempotency key belongs to another message.
        """
        if self._results is None:
            return await self._attempt(received, attempt)
        work = partial(self._attempt, received, attempt)
        key, digest = task.envelope.idempotency_key, digest_of(received[1])
        return await self._results.once(task.partition.partition, key, digest, work)

    async def _attempt(self, received: DecodedInput, attempt: int) -> object:
        """Call the handler, within ``delivery.timeout``."""
        entry, message, envelope = received
        now_ms = self._clock.now_ms()
        if envelope.deadline is not None:
            require_in_time(entry, envelope, now_ms)
        context = envelope.context(to_datetime(now_ms), attempt, message)
        return await self._time_limit.run(entry.handle(message, context))  # type: ignore[arg-type]  # effects' are async

    def success(self, task: Task, result: object) -> Outcome:
        """Return the outcome of a result. Raise WrongOutputError, and RejectedError for one that is too large."""
        self._encoder.set_time(self._clock.now_ms())
        (output,) = self._encoder.encode_each([result], [task.envelope])
        if isinstance(output, BaseException):
            raise output
        return self._with_outputs(task, result, output)

    def successes(self, results: Sequence[HandlerResult]) -> list[Outcome | BaseException]:
        """Return for each result what :meth:`success` returns or raises."""
        self._encoder.set_time(self._clock.now_ms())
        outputs = self._encoder.encode_each(
            [each.result for each in results], [each.task.envelope for each in results]
        )
        outcomes: list[Outcome | BaseException] = []
        for (_, task, result, _), output in zip(results, outputs, strict=True):
            encoded = None if isinstance(output, MemoryError) else output  # None: encoded again, without the others
            try:
                outcomes.append(
                    encoded if isinstance(encoded, BaseException) else self._with_outputs(task, result, encoded)
                )
            except BaseException as error:  # noqa: BLE001 - passed to the caller, who retries or makes a dead letter
                raise_if_interrupted(error)
                outcomes.append(error)
        return outcomes

    def _with_outputs(self, task: Task, result: object, output: Emitted | None) -> Outcome:
        """``output``: the one output, encoded, where the result is one declared message."""
        emitted = [output] if output else self._emitted(task, result)
        if not output or self._limits.careful:
            self._limits.require_fit(emitted, "output")
        stored = None
        if self._results is not None and isinstance(task.received, tuple):
            digest = digest_of(task.received[1])
            stored = self._results.store(task.partition.partition, task.envelope.idempotency_key, digest, result)
        if task.trace is not None:
            emitted = task.trace.send(emitted)
            task.trace.processed()
        return Outcome(task.record, task.partition, emitted, trace=task.trace, retry=task.retry, stored=stored)

    def _emitted(self, task: Task, result: object) -> list[Emitted]:
        if result is None and isinstance(task.received, tuple):
            task.received[0].require_none_allowed()
        return self._encoder.encode_all(as_emissions(result), task.envelope, task.envelope.reply_key)

    def moved(self, task: Task, attempts: Attempts) -> Outcome:
        """Return the move of a message to the retry topic. From now on, later messages of its key go there, too.

        A message that is too large for the retry topic becomes a dead letter: its batch was compressed better than
        one record is.
        """
        moved = self._retry_topic.moved(task.record, task.envelope, attempts)
        try:
            self._limits.require_fit([moved], "the message to be tried again")
        except RejectedError as error:
            return self.dead_letter(task, error, EnumStage.ENCODE, attempts, is_fenced=False)
        if self._is_by_key:
            self._retry_topic.add(task.partition.partition, task.record.key())
        self._metrics.moved.inc()
        if task.trace is not None:
            task.trace.event("moved to the retry topic", attempt=attempts.count)
            task.trace.processed()
        return Outcome(task.record, task.partition, trace=task.trace, to_retry_topic=moved)

    def too_large(self, outcome: Outcome, error: MessageTooLargeError) -> Outcome:
        """Return a dead letter instead of an outcome whose records a broker refused, though they seemed to fit.

        A message of the retry topic gets no placeholder: its lane is free already, so no message of the key could
        wait for the release.
        """
        record, partition = outcome.record, outcome.partition
        if outcome.blocks_key:
            self._retry_topic.remove(partition.partition, record.key())
        if outcome.stored is not None and self._results is not None:
            self._results.withdraw(outcome.stored)
        task = Task(record, partition, read_envelope(record), None, None, outcome.retry)
        is_fenced = outcome.retry is not None
        return self.dead_letter(task, error, EnumStage.ENCODE, Attempts(1), is_fenced=is_fenced)

    def noted(self, task: Task, attempts: Attempts) -> Outcome:
        """Return a note of a further failure of a message that stays on the retry topic."""
        note = self._retry_topic.note(task.record, attempts)
        return Outcome(task.record, task.partition, done=False, to_retry_topic=note, retry=task.retry)

    def dead_letter(
        self, task: Task, error: BaseException, stage: EnumStage, attempts: Attempts, *, is_fenced: bool
    ) -> Outcome:
        """Return a dead letter. With ``order_fence`` its key waits for it, unless it ``is_fenced`` already.

        A message that becomes a dead letter on the retry topic is its own placeholder: later messages of its key
        queue behind it already.
        """
        now, record, trace = self._clock.now_ms(), task.record, task.trace
        kind = self._plan.classify(error)
        failure = Failure(kind, stage_of(error, stage), error, attempts.count, attempts.first_failed_ms or now, now)
        log.warning("dead letter", **{"class": kind}, stage=failure.stage, topic=record.topic(), error=text_of(error))
        if trace is not None:
            trace.dead_lettered(kind, failure.stage, error)
            trace.processed()
        letter = self._dead_letters.letter(record, failure)
        if not self._has_order_fence or is_fenced or not record.key():
            return Outcome(record, task.partition, [letter], kind, trace, retry=task.retry)
        if task.retry is not None:
            note = self._retry_topic.note(record, replace(attempts, is_dead=True))
            return Outcome(record, task.partition, [letter], kind, trace, False, note, task.retry)
        self._retry_topic.add(task.partition.partition, record.key())
        placeholder = self._retry_topic.placeholder(record, task.envelope)
        return Outcome(record, task.partition, [letter], kind, trace, to_retry_topic=placeholder)
