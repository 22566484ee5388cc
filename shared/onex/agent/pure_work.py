"""What a pure agent does with the records of one batch: all that comes of them is staged here.

The way of a record: ``carry`` decodes it, ``_compute`` or ``_decide`` calls the handler and encodes, and what came
of it waits in ``outputs`` and ``letters`` for the agent to hand it over. Nothing here talks to the bus.
"""

from collections.abc import Iterable

import structlog

from onex.agent.answers import Answer, Handle, as_emissions
from onex.agent.batch_traces import BatchTraces
from onex.agent.current import CURRENT
from onex.agent.dead_letter import DeadLetterOffice
from onex.agent.emit import Emitter
from onex.agent.envelope import Envelope, TimerEnvelope, kept_for_timers
from onex.agent.failure import Classifier, Failure, stage_of
from onex.agent.program import Program
from onex.agent.receive import Receiver
from onex.agent.stores import Stores
from onex.agent.timer_record import TimerRecord
from onex.agent.timers import DueTimer
from onex.bus.protocols import Emitted, Partition, ProtocolRecord
from onex.model.clock import to_datetime
from onex.model.enums import EnumStage
from onex.model.errors import BusError, HandlerTimeoutError
from onex.model.message import Message
from onex.node import TimerFired

log = structlog.get_logger(__name__)
_DECODE, _HANDLER, _ENCODE = EnumStage.DECODE, EnumStage.HANDLER, EnumStage.ENCODE
Place = tuple[str, int, int]
"""Topic, partition and offset of a record."""


class PureWork:
    """One batch after the other; ``begin`` forgets the one before."""

    def __init__(
        self,
        program: Program,
        group: str,
        stores: Stores | None,
        traces: BatchTraces | None,
    ) -> None:
        contract, policy = program.contract, program.contract.retry_policy
        self._receive = Receiver(program).receive
        self._emitter = Emitter(program.outputs, contract.name, keeps_deadline=stores is None)
        self._office = DeadLetterOffice(contract, group)
        self._classifier = Classifier(policy.retryable_exceptions, policy.retryable_error_codes)
        self._on_timer = program.timers
        self._changelog = contract.changelog_topic
        self._stores = stores
        self._traces = traces
        self._now_ms, self._now = 0, to_datetime(0)
        self.outputs: list[Emitted] = []
        self.letters: list[tuple[Partition, Emitted]] = []
        """Dead letters, each with the partition that must not move before it is written."""
        self._dead: list[str] = []
        self.doomed: dict[Place, tuple[Exception, EnumStage]] = {}
        """Records that hung or that the bus refused: buried at once when the batch runs again."""
        self.stage = EnumStage.DECODE
        """Where the record in hand is; the watchdog looks at it from a signal handler."""
        self.carried = 0
        """Records taken in hand so far; does not move while one hangs."""

    def begin(self, now_ms: int, dead: list[str]) -> None:
        """A batch is in hand; ``dead`` gets the failure classes of its dead letters."""
        self._now_ms, self._now = now_ms, to_datetime(now_ms)
        self._dead = dead
        self._emitter.at(now_ms)
        self.outputs.clear()
        self.letters.clear()

    def carry(self, record: ProtocolRecord) -> None:
        """Decode, handle, stage the outputs: or a dead letter. Only failures of the bus get out."""
        self.carried += 1
        self.stage = _DECODE
        try:
            if self.doomed and (doom := self.doomed.get(place_of(record))):
                error, self.stage = doom
                raise error
            entry, message, envelope = self._receive(record)
            CURRENT.set(envelope)
            if self._traces is not None:
                self._traces.received(record, envelope)
            if self._stores is None:
                self._compute(entry.handle, message, envelope)
            else:
                self._decide(entry.handle, message, envelope, record.partition())
        except HandlerTimeoutError as error:
            self.doom(record, error)
            self._bury(record, Envelope(record), error)
        except BusError as error:
            if place_of(record) not in self.doomed:
                raise
            self._bury(record, Envelope(record), error)
        except Exception as error:  # noqa: BLE001 - whatever a handler raises becomes a dead letter
            self._bury(record, Envelope(record), error)
        if self._traces is not None:
            self._traces.processed()

    def doom(self, record: ProtocolRecord, error: Exception) -> None:
        """When the batch runs again, the record becomes a dead letter without being tried."""
        self.doomed[place_of(record)] = (error, self.stage)

    def _compute(self, handle: Handle, message: Message, envelope: Envelope) -> None:
        self.stage = _HANDLER
        result = handle(message)
        self.stage = _ENCODE
        only = self._emitter.only(result, envelope)
        if only is None:
            self._put(self._emitter.emit(as_emissions(result), envelope, envelope.reply_key))
        elif self._traces is None:
            self.outputs.append(only)
        else:
            self._put([only])

    def _decide(self, handle: Handle | None, message: Message, envelope: Envelope, number: int) -> None:
        """Run a keyed handler; its outputs, state and timers are staged together or not at all."""
        assert self._stores is not None
        assert handle is not None
        store, key = self._stores[number], envelope.key or b""
        state = store.get(key)
        self.stage = _HANDLER
        answer = handle(state, message, envelope.context(self._now))
        assert isinstance(answer, Answer)
        self.stage = _ENCODE
        events = answer.events
        only = self._emitter.only(events[0], envelope) if len(events) == 1 else None
        records = [only] if only is not None else self._emitter.emit(events, envelope, envelope.reply_key)
        if answer.commands:
            records += self._emitter.emit(answer.commands, envelope, key, len(records))
        if answer.state is not state:
            store.put(key, answer.state)
        if records:
            self._put(records)
        if answer.timers:
            store.timers.change(key, answer.timers, self._now_ms, kept_for_timers(envelope))

    def fire(self, number: int, timer: DueTimer) -> None:
        """A timer is an input like any other; a failing handler gives a dead letter and the timer is gone."""
        assert self._stores is not None
        store = self._stores[number]
        if not store.timers.still_due(timer):
            return
        store.timers.fired(timer)
        envelope = TimerEnvelope(timer.key, timer.name, timer.due_ms, timer.kept)
        fired = TimerFired(name=timer.name, due=to_datetime(timer.due_ms))
        self.carried += 1
        CURRENT.set(envelope)
        if self._traces is not None:
            self._traces.fired(timer.name, envelope)
        try:
            self._decide(self._on_timer, fired, envelope, number)
        except BusError:
            raise
        except Exception as error:  # noqa: BLE001 - as in carry
            self._bury(TimerRecord(self._changelog, number, envelope, fired, self._now_ms), envelope, error)
        if self._traces is not None:
            self._traces.processed()

    def _put(self, records: Iterable[Emitted]) -> None:
        self.outputs += records if self._traces is None else self._traces.send(records)

    def _bury(self, record: ProtocolRecord, envelope: Envelope, error: BaseException) -> None:
        CURRENT.set(envelope)
        kind = self._classifier.classify(error)
        failure = Failure(kind, stage_of(error, self.stage), error, 1, self._now_ms, self._now_ms)
        log.warning("dead letter", **{"class": kind}, stage=failure.stage, topic=record.topic(), error=str(error))
        if self._traces is not None:
            self._traces.buried(record, kind, failure.stage, error)
        origin = Partition(record.topic(), record.partition())
        self.letters.append((origin, self._office.letter(record, failure)))
        self._dead.append(kind)


def place_of(record: ProtocolRecord) -> Place:
    """Where a record is."""
    return record.topic(), record.partition(), record.offset()
