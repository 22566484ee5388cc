"""The processor of a REDUCER or ORCHESTRATOR: a record changes the state that the next one of its key finds."""

from collections.abc import Sequence
from itertools import compress
from operator import attrgetter, not_
from typing import cast

from typing_extensions import override

from onex.agent.failure.memory_shortages import location_of
from onex.agent.failure.synthetic_records import TimerRecord
from onex.agent.message.adoption import has_another_key
from onex.agent.message.current import CURRENT, Current
from onex.agent.message.decoding import require_in_time
from onex.agent.message.envelope import Envelope, TimerEnvelope, read_envelope, stored_for_timers
from onex.agent.message.handlers import Result
from onex.agent.message.program import Program
from onex.agent.pure.misrouted import MisroutedKeys
from onex.agent.pure.outcome import Failed, GroupOutcome, Traced
from onex.agent.pure.processor import DecodedOrFailed, Encoded, Processor, TimerChange, envelopes_of
from onex.agent.state.store_manager import StoreManager
from onex.agent.telemetry.batch_traces import BatchTraces
from onex.agent.telemetry.tracing import MessageTrace
from onex.bus.protocols import Emitted, ProtocolRecord
from onex.errors import RejectedError
from onex.model.enums import EnumStage
from onex.model.message import Message
from onex.node import CancelTimer, SetTimer, TimerFired
from onex.util.clock import to_datetime
from onex.wire.changelog import TIMERS, dump_timers
from onex.wire.timer_offset import DueTimer, offset_of
from onex.workflow.facts import Fact

_HANDLER, _ENCODE = EnumStage.HANDLER, EnumStage.ENCODE
_COMMANDS, _TIMERS = attrgetter("commands"), attrgetter("timers")
_FEW_TIMERS, _SHORT_ENVELOPE = 64, 1024
"""Number of timers of one key, and characters of the envelope that a timer carries, that always fit."""


class KeyedProcessor(Processor):
    """Handles all records of a group, each on the state that the ones before it have left, then encodes the results.

    What a group changes is staged whole or not at all. When a result cannot be encoded, the processor forgets the
    states that the group has put, and carries the records again one by one.
    """

    def __init__(self, program: Program, group: str, stores: StoreManager, traces: BatchTraces | None) -> None:
        super().__init__(program, group, traces, keeps_deadline=False)
        self._stores = stores
        self._changelog = program.contract.changelog_topic
        self._retry_topic = program.contract.retry_topic
        self._has_workflow = program.contract.workflow_coordination is not None
        self._numbers: set[int] = set()
        """Partition numbers of the group that was handled last."""
        self.misrouted_keys: MisroutedKeys | None = None
        """Set when the engine has a connection."""

    def fire(self, number: int, timer: DueTimer) -> GroupOutcome:
        """Carry a due timer, as an input like any other. When its handler fails, the timer is gone, too."""
        timers = self._stores[number].timers
        if not timers.still_due(timer):
            return GroupOutcome()
        timers.fired(timer)
        envelope = TimerEnvelope(timer.key, timer.name, timer.due_ms, timer.kept)
        fired = TimerFired(name=timer.name, due=to_datetime(timer.due_ms))
        record = TimerRecord(self._changelog, number, envelope, fired, self._now_ms, offset_of(timer))
        assert self._decoder.timers is not None, "only nodes that take timers set them"
        failed = self._failed_inputs.get(location_of(record)) if self._failed_inputs else None
        inputs: list[DecodedOrFailed] = [failed or (self._decoder.timers, fired, envelope)]
        return self._recorded([record], inputs, self._carry([record], inputs))

    @override
    def _handle(self, records: Sequence[ProtocolRecord], inputs: Sequence[DecodedOrFailed]) -> Sequence[object]:
        """Call the handler for each record, and put the states that it returns."""
        self._numbers = {record.partition() for record in records}
        traces, stores, current = self._traces, self._stores, Current()
        CURRENT.set(current)
        results: list[object] = []
        for record, decoded in zip(records, inputs, strict=True):
            if not isinstance(decoded, tuple):
                results.append(self._undecoded(record, decoded))
                continue
            entry, message, envelope = decoded
            trace = None
            try:
                self.carried += 1
                current.envelope = envelope
                if traces is not None:
                    trace = _begin(traces, record, message, envelope)
                store, key = stores[record.partition()], envelope.key or b""
                state = store.get(key)
                self.stage = _HANDLER
                if envelope.deadline is not None:
                    require_in_time(entry, envelope, self._now_ms)
                result = entry.handle(state, message, envelope.context(self._now))
                self.stage = _ENCODE
                assert isinstance(result, Result)
                handled = result if trace is None else self._traced(result, envelope, trace)
                if result.state is not state:
                    store.put(key, result.state)
                results.append(handled)
            except BaseException as error:  # noqa: BLE001 - whatever a handler raises becomes a dead letter
                results.append(self._failed(record, error, self.stage, trace))
        return results

    def _traced(self, result: Result, envelope: Envelope, trace: MessageTrace) -> Traced:
        """Encode a traced message before the next one is handled: its spans include no other message."""
        traced = Traced(trace.send(self._records(result, envelope)), result.timers, result.facts)
        trace.processed()
        return traced

    def _records(self, result: Result, envelope: Envelope, event: Emitted | None = None) -> list[Emitted]:
        """Return all outputs of a result. ``event``: the record of its event, when it has exactly one."""
        encode_all = self._encoder.encode_all
        records = [event] if event else encode_all(result.events, envelope, envelope.reply_key)
        if result.commands:
            records += encode_all(result.commands, envelope, envelope.key, len(records))
        return records

    @override
    def _forward_misrouted(
        self, records: Sequence[ProtocolRecord], inputs: Sequence[DecodedOrFailed]
    ) -> GroupOutcome | None:
        """Send records that are on the wrong partition for their key to the right one, and carry the others again.

        Only keys that have no state here are checked: keys with a state were checked before. What was forwarded is
        never forwarded again.
        """
        assert self.misrouted_keys is not None, "opened"
        misrouted: dict[int, set[bytes]] = {}
        for number in self._numbers:
            if (new := self._stores[number].new_keys()) and (keys := self.misrouted_keys.misplaced(number, new)):
                misrouted[number] = keys
        if not misrouted:
            return None
        own_topics = (self._retry_topic, self._changelog)
        # A record that cannot be decoded is a dead letter of this partition: forwarded, it would lose its reason.
        is_forwarded = [
            isinstance(decoded, tuple)
            and (record.topic() not in own_topics or has_another_key(record))
            and (record.key() or b"") in misrouted.get(record.partition(), ())
            for record, decoded in zip(records, inputs, strict=True)
        ]
        if not any(is_forwarded):
            return None
        for number in self._numbers:
            self._stores[number].undo()
            self._stores[number].forget(misrouted.get(number, ()))
        outcome = GroupOutcome()
        for record, decoded in compress(zip(records, inputs, strict=True), is_forwarded):
            outcome.add(self._forward(self.misrouted_keys, record, decoded))
        others = [*compress(zip(records, inputs, strict=True), map(not_, is_forwarded))]
        if others:
            again = [self._failed_inputs.get(location_of(record), decoded) for record, decoded in others]
            outcome.add(self._carry([record for record, _ in others], again))
        return outcome

    def _forward(self, keys: MisroutedKeys, record: ProtocolRecord, decoded: DecodedOrFailed) -> GroupOutcome:
        envelope = decoded[2] if isinstance(decoded, tuple) else read_envelope(record)
        forwarded = keys.forwarded(record, envelope)
        try:
            self._limits.require_fit([forwarded], "record on the wrong partition for its key")
        except RejectedError as error:
            return GroupOutcome(dead_letters=[self._dead_letter(record, error, _ENCODE)])
        self._recording.forwarded(record)
        return GroupOutcome([forwarded], forwarded=1)

    @override
    def _encode(
        self, records: Sequence[ProtocolRecord], inputs: Sequence[DecodedOrFailed], results: Sequence[object]
    ) -> Encoded:
        """Encode outputs, timers and states. Raise at the first that cannot be written."""
        events = [
            result.events[0] if isinstance(result, Result) and len(result.events) == 1 else None for result in results
        ]
        envelopes = envelopes_of(inputs)
        emitted = self._encoder.encode_each(events, envelopes)
        if {*map(type, emitted)} == {tuple} and not any(map(_COMMANDS, results)) and not any(map(_TIMERS, results)):
            encoded = Encoded(cast("list[Emitted]", emitted))  # one event per result, and nothing else
        else:
            encoded = self._encode_others(records, results, envelopes, emitted)
        if not self._limits.all_fit(encoded.outputs):
            self._limits.require_fit(encoded.outputs, "output")
        if self._decoder.timers is not None:
            self._require_room_for_timers(encoded.timers)
        for number in self._numbers:
            self._stores[number].prepare()
        if self._has_workflow:
            encoded = encoded._replace(facts=_facts_of(results))
        return encoded

    def _encode_others(
        self,
        records: Sequence[ProtocolRecord],
        results: Sequence[object],
        envelopes: Sequence[Envelope | None],
        emitted: Sequence[Emitted | BaseException | None],
    ) -> Encoded:
        """Encode a group of which some results have several outputs, none, or timers, or are failures."""
        outputs: list[Emitted] = []
        failures: list[tuple[ProtocolRecord, BaseException | Failed]] = []
        timers: list[TimerChange] = []
        for record, result, envelope, event in zip(records, results, envelopes, emitted, strict=True):
            if isinstance(event, BaseException):
                raise event
            if isinstance(result, Result) and envelope is not None:
                if event and not result.commands:
                    outputs.append(event)
                else:
                    outputs += self._records(result, envelope, event)
                if result.timers:
                    timers.append(_timer_change(record, envelope, result.timers))
            elif isinstance(result, Traced) and envelope is not None:
                outputs += result.records
                if result.timers:
                    timers.append(_timer_change(record, envelope, result.timers))
            elif isinstance(result, Failed):
                failures.append((record, result))
        return Encoded(outputs, failures, timers)

    def _require_room_for_timers(self, timers: Sequence[TimerChange]) -> None:
        """Raise RejectedError for timers of a key that its changelog does not take.

        Few timers with a short envelope are not measured. The timers that several records of a group add to one key
        are not added up: a broker refuses them, and then each record is measured alone.
        """
        for number, key, changes, envelope in timers:
            changed = self._stores[number].timers.changed(key, changes, self._now_ms, envelope)
            is_short = len(changed) <= _FEW_TIMERS and sum(map(len, envelope.values())) <= _SHORT_ENVELOPE
            if self._limits.careful or not is_short:
                self._limits.require_fit([(self._changelog, dump_timers(changed), TIMERS + key, [])], "timers")

    @override
    def _stage(self, encoded: Encoded) -> None:
        for number in self._numbers:
            self._stores[number].stage()
        for number, key, changes, envelope in encoded.timers:
            self._stores[number].timers.change(key, changes, self._now_ms, envelope)

    @override
    def _undo(self) -> None:
        for number in self._numbers:
            self._stores[number].undo()


def _facts_of(results: Sequence[object]) -> list[Fact]:
    return [fact for result in results if isinstance(result, Result | Traced) for fact in result.facts]


def _timer_change(
    record: ProtocolRecord, envelope: Envelope, changes: Sequence[SetTimer | CancelTimer]
) -> TimerChange:
    return TimerChange(record.partition(), envelope.key or b"", changes, stored_for_timers(envelope))


def _begin(traces: BatchTraces, record: ProtocolRecord, message: Message, envelope: Envelope) -> MessageTrace | None:
    if isinstance(record, TimerRecord):
        return traces.fired(message.name if isinstance(message, TimerFired) else "", envelope)
    return traces.received(record, envelope)
