"""The work of a REDUCER or ORCHESTRATOR: a record changes the state that the next one of its key finds."""

from collections.abc import Sequence

from onex.agent.answers import Answer, Handle
from onex.agent.batch_traces import BatchTraces
from onex.agent.current import CURRENT
from onex.agent.envelope import Envelope, TimerEnvelope, kept_for_timers
from onex.agent.program import Program
from onex.agent.pure_work import Failed, PureWork
from onex.agent.receive import Received
from onex.agent.store import PartitionStore
from onex.agent.stores import Stores
from onex.agent.timer_record import TimerRecord
from onex.agent.timers import DueTimer
from onex.agent.tracing import MessageTrace
from onex.bus.protocols import ProtocolRecord
from onex.model.clock import to_datetime
from onex.model.enums import EnumStage
from onex.model.message import Message
from onex.node import TimerFired

_HANDLER, _ENCODE = EnumStage.HANDLER, EnumStage.ENCODE


class KeyedWork(PureWork):
    """Handles and encodes one record after the other: what a record changes is staged whole or not at all."""

    def __init__(self, program: Program, group: str, stores: Stores, traces: BatchTraces | None) -> None:
        super().__init__(program, group, traces, keeps_deadline=False)
        self._stores = stores
        self._on_timer = program.timers
        self._changelog = program.contract.changelog_topic

    def _work(self, records: Sequence[ProtocolRecord], received: Sequence[Received | Exception | Failed]) -> None:
        set_current, traces, stores = CURRENT.set, self._traces, self._stores
        for record, one in zip(records, received, strict=True):
            if not isinstance(one, tuple):
                self._bury(record, self._undecoded(record, one))
                continue
            entry, message, envelope = one
            trace = None
            try:
                self.carried += 1
                set_current(envelope)
                if traces is not None:
                    trace = traces.received(record, envelope)
                self._decide(entry.handle, message, envelope, stores[record.partition()], trace)
            except Exception as error:  # noqa: BLE001 - whatever a handler raises becomes a dead letter
                self._bury(record, self._failed(record, error, self.stage, trace))

    def fire(self, number: int, timer: DueTimer) -> None:
        """A timer is an input like any other; a failing handler gives a dead letter and the timer is gone."""
        store = self._stores[number]
        if not store.timers.still_due(timer):
            return
        store.timers.fired(timer)
        envelope = TimerEnvelope(timer.key, timer.name, timer.due_ms, timer.kept)
        fired = TimerFired(name=timer.name, due=to_datetime(timer.due_ms))
        self.carried += 1
        CURRENT.set(envelope)
        trace = None if self._traces is None else self._traces.fired(timer.name, envelope)
        assert self._on_timer is not None, "only nodes that take timers set them"
        try:
            self._decide(self._on_timer, fired, envelope, store, trace)
        except Exception as error:  # noqa: BLE001 - as in _work
            record = TimerRecord(self._changelog, number, envelope, fired, self._now_ms)
            self._bury(record, self._failed(record, error, self.stage, trace), envelope)

    def _decide(
        self,
        handle: Handle,
        message: Message,
        envelope: Envelope,
        store: PartitionStore,
        trace: MessageTrace | None,
    ) -> None:
        """Outputs, state and timers of one input are staged together or not at all."""
        key = envelope.key or b""
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
            self.outputs += records if trace is None else trace.send(records)
        if answer.timers:
            store.timers.change(key, answer.timers, self._now_ms, kept_for_timers(envelope))
        if trace is not None:
            trace.processed()
