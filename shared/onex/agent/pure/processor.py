"""What a pure engine does with the records of one batch, group by group.

The way of a group: ``carry`` decodes its records -> ``_handle`` calls the handler for each -> ``_encode`` makes
records of the results -> ``_stage`` takes over what the group changes in the state -> the engine writes the
:class:`GroupOutcome` that ``carry`` returns. The middle steps are in :mod:`onex.agent.pure.compute` and
:mod:`onex.agent.pure.keyed`. No step talks to the bus.
"""

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping, Sequence
from operator import itemgetter
from typing import NamedTuple, cast

import structlog

from onex.agent.failure.classify import Classifier, Failure, stage_of
from onex.agent.failure.dead_letter import DeadLetterBuilder
from onex.agent.failure.memory_shortages import (
    Location,
    MemoryShortages,
    location_of,
    without_committed,
    without_partition,
)
from onex.agent.message.adopting_decoder import decoder_of
from onex.agent.message.any_command import AnyCommandWriter
from onex.agent.message.current import CURRENT, Current
from onex.agent.message.decoding import DecodedInput, IgnoredRecord
from onex.agent.message.encoding import Encoder
from onex.agent.message.envelope import Envelope, read_envelope, with_headers
from onex.agent.message.program import Program
from onex.agent.pure.outcome import DeadLetter, Failed, GroupOutcome
from onex.agent.pure.recording import Recording
from onex.agent.telemetry.batch_traces import BatchTraces
from onex.agent.telemetry.tracing import MessageTrace
from onex.bus.protocols import Emitted, Partition, Position, ProtocolRecord
from onex.errors import (
    BusError,
    BusUnavailableError,
    HandlerTimeoutError,
    MessageTooLargeError,
    OutageError,
    StateStoreError,
)
from onex.model.enums import EnumStage
from onex.node import CancelTimer, SetTimer
from onex.util.clock import to_datetime
from onex.util.error_text import text_of
from onex.util.interrupts import raise_if_interrupted
from onex.workflow.facts import Fact

log = structlog.get_logger(__name__)

DecodedOrFailed = DecodedInput | BaseException | Failed
"""An input for the handler, or why the record has none."""


_ENVELOPE = itemgetter(2)


def envelopes_of(inputs: Sequence[DecodedOrFailed]) -> Sequence[Envelope | None]:
    """Return the envelope of each input, None for a record without one. Nearly always, all records have one."""
    if {*map(type, inputs)} == {tuple}:
        return [*map(_ENVELOPE, cast("Sequence[DecodedInput]", inputs))]
    return [*map(_envelope_of, inputs)]


def _envelope_of(decoded: DecodedOrFailed) -> Envelope | None:
    match decoded:
        case (_, _, envelope):
            return envelope
        case _:
            return None


class TimerChange(NamedTuple):
    """Changes that a handler asks of the timers of a key."""

    number: int
    """Of the partition."""
    key: bytes
    changes: Sequence[SetTimer | CancelTimer]
    envelope: dict[str, str]
    """The part of the envelope that the timers carry until they fire."""


class Encoded(NamedTuple):
    """What ``_encode`` makes of the results of a group."""

    outputs: list[Emitted]
    failures: Sequence[tuple[ProtocolRecord, BaseException | Failed]] = ()
    timers: Sequence[TimerChange] = ()
    facts: Sequence[Fact] = ()


class Processor(ABC):
    """Carries the groups of one batch after the other; ``begin`` comes before the first group of each batch."""

    def __init__(self, program: Program, group: str, traces: BatchTraces | None, *, keeps_deadline: bool) -> None:
        contract, policy = program.contract, program.contract.retry_policy
        self._decoder = decoder_of(program)
        self._encoder = Encoder(
            program.outputs,
            contract.name,
            keeps_deadline=keeps_deadline,
            seal=program.seal,
            any_command=AnyCommandWriter(contract, program.limits) if contract.event_bus.sends_any_command else None,
        )
        self._limits = program.limits
        self._dead_letters = DeadLetterBuilder(contract, group, program.limits)
        self._classifier = Classifier(policy.retryable_exceptions, policy.retryable_error_codes)
        self._traces = traces
        self._now_ms, self._now = 0, to_datetime(0)
        self._recording = Recording(program)
        self._failed_inputs: dict[Location, Failed] = {}
        """Inputs that hung, that a broker refused or that an operator skips. They become dead letters, without an
        attempt, when the batch runs again."""
        self.memory_shortages = MemoryShortages()
        """Inputs for which memory was short."""
        self.stage = EnumStage.DECODE
        """Stage of the current record. The watchdog reads it in a signal handler."""
        self.stalled_partition: Partition | None = None
        """The partition of a record that met an outage, or a state that cannot be read: only that partition waits."""
        self.carried = 0
        """Number of records whose handler was called. It does not change while a handler hangs."""

    def begin(self, now_ms: int) -> None:
        """Begin a batch at this time, in milliseconds since 1970."""
        self._now_ms, self._now = now_ms, to_datetime(now_ms)
        self._encoder.set_time(now_ms)
        self._recording.begin(now_ms)
        self.stalled_partition = None

    def carry(self, records: list[ProtocolRecord]) -> GroupOutcome:
        """Decode and handle records, and return their outputs and dead letters. Raise BusError, StateStoreError.

        Each stage runs over all records before the next one: a CPU learns the branches of a short loop, and not those
        of everything that happens to a message. See decision 20.
        """
        self.stage = EnumStage.DECODE
        inputs: Sequence[DecodedOrFailed] = (
            self._decoder.decode(records) if not self._failed_inputs else self._decode_others(records)
        )
        return self._recorded(records, inputs, self._carry(records, inputs))

    def _recorded(
        self, records: Sequence[ProtocolRecord], inputs: Sequence[DecodedOrFailed], outcome: GroupOutcome
    ) -> GroupOutcome:
        """Add the entries that capabilities write about the inputs of an outcome."""
        if self._recording.is_active:
            outcome.entries += self._recording.entries(records, inputs)
        return outcome

    def _decode_others(self, records: list[ProtocolRecord]) -> list[DecodedOrFailed]:
        """Decode the records but for failed inputs: decoding one of those may be what ends the process."""
        failed = [self._failed_inputs.get(location_of(record)) for record in records]
        others = [record for record, failure in zip(records, failed, strict=True) if failure is None]
        decoded = iter(self._decoder.decode(others))
        replaced = iter(others)
        records[:] = [
            next(replaced) if failure is None else with_headers(record)
            for record, failure in zip(records, failed, strict=True)
        ]
        return [next(decoded) if failure is None else failure for failure in failed]

    def _carry(self, records: Sequence[ProtocolRecord], inputs: Sequence[DecodedOrFailed]) -> GroupOutcome:
        """Carry a group whole. When its results cannot be encoded together, carry its records one by one."""
        results = self._handle(records, inputs)
        if (outcome := self._forward_misrouted(records, inputs)) is not None:
            return outcome
        self.stage = EnumStage.ENCODE
        try:
            encoded = self._encode(records, inputs, results)
        except BaseException as error:  # noqa: BLE001 - carried one by one, the record that it is about becomes a dead letter
            raise_if_interrupted(error)
            self._undo()
            if len(records) > 1:
                return self._one_by_one(records, inputs)
            (record,) = records
            return GroupOutcome(dead_letters=[self._dead_letter(record, error, EnumStage.ENCODE)])
        self._stage(encoded)
        return GroupOutcome(
            encoded.outputs,
            [self._dead_letter(record, failure, EnumStage.ENCODE) for record, failure in encoded.failures],
            facts=[*encoded.facts],
        )

    def _one_by_one(self, records: Sequence[ProtocolRecord], inputs: Sequence[DecodedOrFailed]) -> GroupOutcome:
        outcome = GroupOutcome()
        for record, decoded in zip(records, inputs, strict=True):
            outcome.add(self._carry([record], [self._failed_inputs.get(location_of(record), decoded)]))
        return outcome

    @abstractmethod
    def _handle(self, records: Sequence[ProtocolRecord], inputs: Sequence[DecodedOrFailed]) -> Sequence[object]:
        """Return the result of the handler for each record in order, or a :class:`Failed` or :class:`Traced`."""

    @abstractmethod
    def _encode(
        self, records: Sequence[ProtocolRecord], inputs: Sequence[DecodedOrFailed], results: Sequence[object]
    ) -> Encoded:
        """Return the outputs of a group. Raise when the group cannot be written whole."""

    @abstractmethod
    def _forward_misrouted(
        self, records: Sequence[ProtocolRecord], inputs: Sequence[DecodedOrFailed]
    ) -> GroupOutcome | None:
        """Return the outcome of a group with records on the wrong partition; None for any other group."""

    @abstractmethod
    def _stage(self, encoded: Encoded) -> None:
        """Make what the group changes in the state a part of the batch."""

    @abstractmethod
    def _undo(self) -> None:
        """Forget what the group changes in the state."""

    def mark_failed(self, location: Location, error: Exception, stage: EnumStage) -> None:
        """Make this input a dead letter, without an attempt, when the batch runs again."""
        self._failed_inputs[location] = Failed(error, stage)

    def remove_committed(self, positions: Mapping[Partition, Position], timers: Collection[Location]) -> None:
        """Forget inputs that were committed with these positions and fired timers."""
        self._failed_inputs = without_committed(self._failed_inputs, positions, timers)
        self.memory_shortages.remove_committed(positions, timers)

    def forget(self, partition: Partition) -> None:
        """Forget the inputs of a partition that is assigned to another instance."""
        self._failed_inputs = without_partition(self._failed_inputs, partition)
        self.memory_shortages.forget(partition)

    def _undecoded(self, record: ProtocolRecord, failure: BaseException | Failed) -> Failed | IgnoredRecord:
        """Return why a record does not reach its handler. Raise failures of the bus."""
        match failure:
            case Failed() | IgnoredRecord():
                return failure
        return self._failed(record, failure, EnumStage.DECODE)

    def _failed(
        self, record: ProtocolRecord, error: BaseException, stage: EnumStage, trace: MessageTrace | None = None
    ) -> Failed:
        """Return why the record becomes a dead letter.

        Raise errors that are no failures of the record: of the bus, of the state, a signal. Raise OutOfMemoryError
        for a record that the engine is to carry again, alone.
        """
        if isinstance(error, OutageError):
            error = BusUnavailableError(str(error)).with_traceback(error.__traceback__)
        if isinstance(error, BusError | StateStoreError):
            if not isinstance(error, MessageTooLargeError):
                self.stalled_partition = Partition(record.topic(), record.partition())
            raise error
        raise_if_interrupted(error)
        if isinstance(error, MemoryError):
            self.memory_shortages.count(record, error)
        if isinstance(error, HandlerTimeoutError):
            self.mark_failed(location_of(record), error, self.stage)
        return Failed(error, stage, trace)

    def _dead_letter(self, record: ProtocolRecord, failure: BaseException | Failed, stage: EnumStage) -> DeadLetter:
        """Return the dead letter of a record; ``stage`` is where an exception was raised. Raise as ``_failed`` does.

        A failure of its trace is logged, not raised.
        """
        failed = failure if isinstance(failure, Failed) else self._failed(record, failure, stage)
        error, kind = failed.error, self._classifier.classify(failed.error)
        self._recording.failed(record, error)
        details = Failure(kind, stage_of(error, failed.stage), error, 1, self._now_ms, self._now_ms)
        dead_letter = DeadLetter(
            Partition(record.topic(), record.partition()), self._dead_letters.letter(record, details), kind
        )
        envelope = read_envelope(record)
        CURRENT.set(Current(envelope))
        text = text_of(error)
        log.warning("dead letter", **{"class": kind}, stage=details.stage, topic=record.topic(), error=text)
        trace = failed.trace
        try:
            if trace is None and self._traces is not None:
                trace = self._traces.received(record, envelope)
            if trace is not None:
                trace.dead_lettered(kind, details.stage, error)
                trace.processed()
        except Exception as broken:  # noqa: BLE001 - a trace is worth less than the record's outcome
            log.warning("a dead letter is missing in its trace", error=text_of(broken))
        return dead_letter
