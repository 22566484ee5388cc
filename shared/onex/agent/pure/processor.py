"""What a pure agent does with the records of one batch: all that comes of them is staged here.

The way of some records: ``carry`` decodes them, ``_work`` (:mod:`compute_work <onex.agent.pure.compute>`,
:mod:`keyed_work <onex.agent.pure.keyed>`) calls the handler and encodes, and what came of it waits in ``outputs`` and
``letters`` for the agent to hand it over. Nothing here talks to the bus.
"""

from abc import ABC, abstractmethod
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

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
from onex.agent.message.current import CURRENT
from onex.agent.message.decoding import DecodedInput, Decoder
from onex.agent.message.encoding import Encoder
from onex.agent.message.envelope import read_envelope, with_headers
from onex.agent.message.program import Program
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
from onex.util.clock import to_datetime
from onex.util.error_text import text_of
from onex.util.interrupts import raise_if_interrupted

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Failed:
    """A record that becomes a dead letter."""

    error: BaseException
    stage: EnumStage
    trace: MessageTrace | None = None


Taken = DecodedInput | BaseException | Failed
"""A record that can be handled, or why it cannot."""


class Processor(ABC):
    """One batch after the other; ``begin`` forgets the one before."""

    def __init__(self, program: Program, group: str, traces: BatchTraces | None, *, keeps_deadline: bool) -> None:
        contract, policy = program.contract, program.contract.retry_policy
        self._receiver = Decoder(program)
        self._emitter = Encoder(program.outputs, contract.name, keeps_deadline=keeps_deadline)
        self._limits = program.limits
        self._office = DeadLetterBuilder(contract, group, program.limits)
        self._classifier = Classifier(policy.retryable_exceptions, policy.retryable_error_codes)
        self._traces = traces
        self._now_ms, self._now = 0, to_datetime(0)
        self.outputs: list[Emitted] = []
        self.letters: list[tuple[Partition, Emitted]] = []
        """Dead letters, each with the partition that must not move before it is written."""
        self._dead: list[str] = []
        self.failed_records: dict[Location, Failed] = {}
        """Inputs that hung, that the bus refused or that an operator skips: buried when the batch runs again."""
        self.memory_shortages = MemoryShortages()
        """Inputs for which memory was short."""
        self.stage = EnumStage.DECODE
        """Where the record in hand is; the watchdog looks at it from a signal handler."""
        self.waits: Partition | None = None
        """Whose record met an outage, or a state that cannot be read: only that partition waits."""
        self.forwarded = 0
        """Records of this batch that go to the partition of their key."""
        self.carried = 0
        """Records brought to their handler so far; does not move while one hangs."""

    def begin(self, now_ms: int, dead: list[str]) -> None:
        """A batch is in hand; ``dead`` gets the failure classes of its dead letters."""
        self._now_ms, self._now = now_ms, to_datetime(now_ms)
        self._dead = dead
        self._emitter.set_time(now_ms)
        self.outputs.clear()
        self.letters.clear()
        self.waits = None
        self.forwarded = 0

    def carry(self, records: list[ProtocolRecord]) -> None:
        """Decode, handle, stage the outputs: or dead letters. Only failures of the bus and of the state get out.

        One stage after the other over all records: a processor learns the branches of a short loop, and not those
        of everything that happens to a message. See decision 20.
        """
        self.stage = EnumStage.DECODE
        taken: Sequence[Taken] = (
            self._receiver.decode(records) if not self.failed_records else self._without_failed(records)
        )
        self._work(records, taken)

    def _without_failed(self, records: list[ProtocolRecord]) -> list[Taken]:
        """The same where some are failed_records, which are not even decoded: that may be what ends the process."""
        failed = [self.failed_records.get(location_of(record)) for record in records]
        others = [record for record, one in zip(records, failed, strict=True) if one is None]
        received = iter(self._receiver.decode(others))
        replaced = iter(others)
        records[:] = [
            next(replaced) if one is None else with_headers(r) for r, one in zip(records, failed, strict=True)
        ]
        return [next(received) if one is None else one for one in failed]

    @abstractmethod
    def _work(self, records: Sequence[ProtocolRecord], taken: Sequence[Taken]) -> None:
        """Call handlers, in the order of the records, and stage what comes of it in that order."""

    def mark_failed(self, place: Location, error: Exception, stage: EnumStage) -> None:
        """When the batch runs again, this input becomes a dead letter without being tried."""
        self.failed_records[place] = Failed(error, stage)

    def passed(self, positions: Mapping[Partition, Position], timers: Collection[Location]) -> None:
        """What lies before these positions is committed, and these fired timers."""
        self.failed_records = without_committed(self.failed_records, positions, timers)
        self.memory_shortages.remove_committed(positions, timers)

    def forget(self, partition: Partition) -> None:
        """The partition is assigned to another instance."""
        self.failed_records = without_partition(self.failed_records, partition)
        self.memory_shortages.forget(partition)

    def _undecoded(self, record: ProtocolRecord, one: BaseException | Failed) -> Failed:
        """Why a record does not come to its handler; raises what is a failure of the bus."""
        return one if isinstance(one, Failed) else self._failed(record, one, EnumStage.DECODE)

    def _failed(
        self, record: ProtocolRecord, error: BaseException, stage: EnumStage, trace: MessageTrace | None = None
    ) -> Failed:
        """Why the record becomes a dead letter. Raises what is no failure of the record: of the bus, of the state, a
        signal; and OutOfMemoryError when the record shall be tried again alone."""
        if isinstance(error, OutageError):
            error = BusUnavailableError(str(error)).with_traceback(error.__traceback__)
        if isinstance(error, BusError | StateStoreError):
            if not isinstance(error, MessageTooLargeError):
                self.waits = Partition(record.topic(), record.partition())
            raise error
        raise_if_interrupted(error)
        if isinstance(error, MemoryError):
            self.memory_shortages.count(record, error)
        if isinstance(error, HandlerTimeoutError):
            self.mark_failed(location_of(record), error, self.stage)
        return Failed(error, stage, trace)

    def _dead_letter(self, record: ProtocolRecord, failed: Failed) -> None:
        """Stage the dead letter of a record. Raises nothing: what follows the letter is reported, not required."""
        error, kind = failed.error, self._classifier.classify(failed.error)
        failure = Failure(kind, stage_of(error, failed.stage), error, 1, self._now_ms, self._now_ms)
        self.letters.append((Partition(record.topic(), record.partition()), self._office.letter(record, failure)))
        self._dead.append(kind)
        envelope = read_envelope(record)
        CURRENT.set(envelope)
        text = text_of(error)
        log.warning("dead letter", **{"class": kind}, stage=failure.stage, topic=record.topic(), error=text)
        trace = failed.trace
        try:
            if trace is None and self._traces is not None:
                trace = self._traces.received(record, envelope)
            if trace is not None:
                trace.buried(kind, failure.stage, error)
                trace.processed()
        except Exception as broken:  # noqa: BLE001 - a trace is worth less than the record's outcome
            log.warning("a dead letter is missing in its trace", error=text_of(broken))
