"""The work of a REDUCER or ORCHESTRATOR: a record changes the state that the next one of its key finds."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import chain, compress
from operator import not_

from onex.agent.failure.memory_shortages import location_of
from onex.agent.failure.synthetic_records import TimerRecord
from onex.agent.message.current import CURRENT
from onex.agent.message.decoding import require_in_time
from onex.agent.message.envelope import Envelope, TimerEnvelope, read_envelope, stored_for_timers
from onex.agent.message.handlers import Result
from onex.agent.message.misrouted import MisroutedKeys
from onex.agent.message.program import Program
from onex.agent.pure.processor import Failed, Processor, Taken
from onex.agent.state.store_manager import StoreManager
from onex.agent.telemetry.batch_traces import BatchTraces
from onex.agent.telemetry.tracing import MessageTrace
from onex.bus.protocols import Emitted, ProtocolRecord
from onex.errors import RejectedError
from onex.model.enums import EnumStage
from onex.model.message import Message
from onex.node import TimerFired
from onex.util.clock import to_datetime
from onex.wire.changelog import TIMERS, dump_timers
from onex.wire.timer_offset import DueTimer, offset_of

_HANDLER, _ENCODE = EnumStage.HANDLER, EnumStage.ENCODE
_FEW_TIMERS, _SHORT_KEPT = 64, 1024
"""Of one key; characters of what a timer keeps of its message."""


@dataclass(frozen=True, slots=True)
class _Sent:
    """A traced message: its outputs are ready as soon as it is handled."""

    answer: Result
    records: Sequence[Emitted]


class KeyedProcessor(Processor):
    """Handles all records, each on the state that the ones before it have left, then encodes what they gave.

    What a record changes is staged whole or not at all: when an answer cannot be encoded, the states that its group
    has put are forgotten, and the records are carried again one by one.
    """

    def __init__(self, program: Program, group: str, stores: StoreManager, traces: BatchTraces | None) -> None:
        super().__init__(program, group, traces, keeps_deadline=False)
        self._stores = stores
        self._changelog = program.contract.changelog_topic
        self._retry_topic = program.contract.retry_topic
        self.places: MisroutedKeys | None = None
        """Where keys belong; known once the agent is connected."""

    def fire(self, number: int, timer: DueTimer) -> None:
        """A timer is an input like any other; a failing handler gives a dead letter and the timer is gone."""
        timers = self._stores[number].timers
        if not timers.still_due(timer):
            return
        timers.fired(timer)
        envelope = TimerEnvelope(timer.key, timer.name, timer.due_ms, timer.kept)
        fired = TimerFired(name=timer.name, due=to_datetime(timer.due_ms))
        record = TimerRecord(self._changelog, number, envelope, fired, self._now_ms, offset_of(timer))
        assert self._receiver.timers is not None, "only nodes that take timers set them"
        doomed = self.failed_records.get(location_of(record)) if self.failed_records else None
        self._work([record], [doomed or (self._receiver.timers, fired, envelope)])

    def _work(self, records: Sequence[ProtocolRecord], taken: Sequence[Taken]) -> None:
        results = self._handle(records, taken)
        numbers = {record.partition() for record in records}
        stores = [self._stores[number] for number in numbers]
        if self._forward(records, taken, numbers):
            return
        self.stage = _ENCODE
        try:
            ready = self._encode(results, taken)
            if self._receiver.timers is not None:
                self._require_room_for_timers(records, taken, results)
            for store in stores:
                store.stage()
        except BaseException as error:  # noqa: BLE001 - found out below whose it is, and that one becomes a dead letter
            for store in stores:
                store.undo()
            if len(records) == 1:
                self._dead_letter(records[0], self._failed(records[0], error, _ENCODE))
            else:
                for record, one in zip(records, taken, strict=True):
                    self._work([record], [self.failed_records.get(location_of(record), one)])
            return
        self._stage(records, taken, results, ready)

    def _forward(self, records: Sequence[ProtocolRecord], taken: Sequence[Taken], numbers: Iterable[int]) -> bool:
        """Send records that are on the wrong partition for their key to the right one; whether there were any.

        Only keys that have no state here are looked at: with one, they were looked at before. What was done for the
        records is undone, and the others are carried without them. What was forwarded is never forwarded again.
        """
        assert self.places is not None, "opened"
        wrong: dict[int, set[bytes]] = {}
        for number in numbers:
            if (new := self._stores[number].new_keys()) and (keys := self.places.misplaced(number, new)):
                wrong[number] = keys
        if not wrong:
            return False
        own = (self._retry_topic, self._changelog)
        # What cannot be decoded is a dead letter of this partition: forwarded, it would come without its reason.
        away = [
            isinstance(one, tuple) and r.topic() not in own and (r.key() or b"") in wrong.get(r.partition(), ())
            for r, one in zip(records, taken, strict=True)
        ]
        if not any(away):
            return False
        for number in numbers:
            self._stores[number].undo()
            self._stores[number].forget(wrong.get(number, ()))
        for record, one in compress(zip(records, taken, strict=True), away):
            self._send_away(record, one)
        stays = [*compress(zip(records, taken, strict=True), map(not_, away))]
        if stays:
            self._work(
                [record for record, _ in stays], [self.failed_records.get(location_of(r), one) for r, one in stays]
            )
        return True

    def _send_away(self, record: ProtocolRecord, one: Taken) -> None:
        assert self.places is not None, "opened"
        envelope = one[2] if isinstance(one, tuple) else read_envelope(record)
        letter = self.places.forwarded(record, envelope)
        try:
            self._limits.require_fit([letter], "record on the wrong partition for its key")
        except RejectedError as error:
            self._dead_letter(record, Failed(error, _ENCODE))
            return
        self.outputs.append(letter)
        self.forwarded += 1

    def _handle(self, records: Sequence[ProtocolRecord], taken: Sequence[Taken]) -> list[Result | _Sent | Failed]:
        """What the handler answers to each record, with states put as it says."""
        set_current, traces, stores = CURRENT.set, self._traces, self._stores
        results: list[Result | _Sent | Failed] = []
        for record, one in zip(records, taken, strict=True):
            if not isinstance(one, tuple):
                results.append(self._undecoded(record, one))
                continue
            entry, message, envelope = one
            trace = None
            try:
                self.carried += 1
                set_current(envelope)
                if traces is not None:
                    trace = _begin(traces, record, message, envelope)
                store, key = stores[record.partition()], envelope.key or b""
                state = store.get(key)
                self.stage = _HANDLER
                if envelope.deadline is not None:
                    require_in_time(entry, envelope, self._now_ms)
                answer = entry.handle(state, message, envelope.context(self._now))
                self.stage = _ENCODE
                assert isinstance(answer, Result)
                result = answer if trace is None else self._send(answer, envelope, trace)
                if answer.state is not state:
                    store.put(key, answer.state)
                results.append(result)
            except BaseException as error:  # noqa: BLE001 - whatever a handler raises becomes a dead letter
                results.append(self._failed(record, error, self.stage, trace))
        return results

    def _encode(self, results: Sequence[Result | _Sent | Failed], taken: Sequence[Taken]) -> list[Sequence[Emitted]]:
        """Outputs of every answer; raises at the first that cannot be written."""
        ready: list[Sequence[Emitted]] = []
        events = [
            result.events[0] if isinstance(result, Result) and len(result.events) == 1 else None for result in results
        ]
        envelopes = [one[2] if isinstance(one, tuple) else None for one in taken]
        for result, envelope, only in zip(
            results, envelopes, self._emitter.encode_each(events, envelopes), strict=True
        ):
            if isinstance(only, BaseException):
                raise only
            if isinstance(result, Result) and envelope is not None:
                ready.append(self._records(result, envelope, only) if result.commands or not only else (only,))
            else:
                ready.append(result.records if isinstance(result, _Sent) else ())
        outputs = [*chain.from_iterable(ready)]
        if not self._limits.all_fit(outputs):
            self._limits.require_fit(outputs, "output")
        return ready

    def _require_room_for_timers(
        self, records: Sequence[ProtocolRecord], taken: Sequence[Taken], results: Sequence[Result | _Sent | Failed]
    ) -> None:
        """Raise RejectedError for timers of a key that its changelog does not take. Few small ones are not measured.

        What several records of a group add to the timers of one key is not added up: the broker refuses that, and
        each of them is measured alone.
        """
        for record, one, result in zip(records, taken, results, strict=True):
            answer = result.answer if isinstance(result, _Sent) else result
            if isinstance(answer, Failed) or not answer.timers or not isinstance(one, tuple):
                continue
            key, kept = one[2].key or b"", stored_for_timers(one[2])
            timers = self._stores[record.partition()].timers.changed(key, answer.timers, self._now_ms, kept)
            if len(timers) > _FEW_TIMERS or sum(map(len, kept.values())) > _SHORT_KEPT or self._limits.careful:
                self._limits.require_fit([(self._changelog, dump_timers(timers), TIMERS + key, [])], "timers")

    def _records(self, answer: Result, envelope: Envelope, only: Emitted | None = None) -> list[Emitted]:
        """All outputs of an answer. ``only``: that of its event, where it has just one."""
        emit = self._emitter.encode_all
        records = [only] if only else emit(answer.events, envelope, envelope.reply_key)
        if answer.commands:
            records += emit(answer.commands, envelope, envelope.key, len(records))
        return records

    def _send(self, answer: Result, envelope: Envelope, trace: MessageTrace) -> _Sent:
        """A traced message goes all the way before the next one: its spans show nothing of its neighbours."""
        sent = _Sent(answer, trace.send(self._records(answer, envelope)))
        trace.processed()
        return sent

    def _stage(
        self,
        records: Sequence[ProtocolRecord],
        taken: Sequence[Taken],
        results: Sequence[Result | _Sent | Failed],
        ready: Sequence[Sequence[Emitted]],
    ) -> None:
        outputs = self.outputs
        for record, one, result, emitted in zip(records, taken, results, ready, strict=True):
            if isinstance(result, Failed):
                self._dead_letter(record, result)
                continue
            outputs += emitted
            answer = result.answer if isinstance(result, _Sent) else result
            if answer.timers:
                assert isinstance(one, tuple)
                envelope = one[2]
                timers = self._stores[record.partition()].timers
                timers.change(envelope.key or b"", answer.timers, self._now_ms, stored_for_timers(envelope))


def _begin(traces: BatchTraces, record: ProtocolRecord, message: Message, envelope: Envelope) -> MessageTrace | None:
    if isinstance(record, TimerRecord):
        return traces.fired(message.name if isinstance(message, TimerFired) else "", envelope)
    return traces.received(record, envelope)
