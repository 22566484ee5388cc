"""The work of a COMPUTE: every record for itself."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

from onex.agent.failure.memory_shortages import location_of
from onex.agent.message.current import CURRENT
from onex.agent.message.decoding import require_in_time
from onex.agent.message.envelope import Envelope
from onex.agent.message.handlers import as_emissions
from onex.agent.message.program import Input, Program
from onex.agent.pure.processor import Failed, Processor, Taken
from onex.agent.telemetry.batch_traces import BatchTraces
from onex.agent.telemetry.tracing import MessageTrace
from onex.bus.protocols import Emitted, ProtocolRecord
from onex.errors import RejectedError
from onex.model.enums import EnumStage

_HANDLER, _ENCODE = EnumStage.HANDLER, EnumStage.ENCODE


@dataclass(frozen=True, slots=True)
class _Sent:
    """Outputs of a message that is traced: they are ready as soon as it is handled."""

    records: Sequence[Emitted]


class ComputeProcessor(Processor):
    """Handles all records, then encodes what they gave."""

    def __init__(self, program: Program, group: str, traces: BatchTraces | None) -> None:
        super().__init__(program, group, traces, keeps_deadline=True)

    def _work(self, records: Sequence[ProtocolRecord], taken: Sequence[Taken]) -> None:
        results = self._handle(records, taken)
        envelopes = [one[2] if isinstance(one, tuple) else None for one in taken]
        self.stage = _ENCODE
        outputs, letters, dead = self.outputs, self.letters, self._dead
        marks = len(outputs), len(letters), len(dead)
        ready = self._emitter.encode_each(results, envelopes)
        if {*map(type, ready)} == {tuple}:  # one message each
            outputs += cast("list[Emitted]", ready)
        else:
            self._stage_all(records, results, envelopes, ready)
        ours = outputs[marks[0] :]
        if self._limits.all_fit(ours):
            return
        del outputs[marks[0] :], letters[marks[1] :], dead[marks[2] :]
        if len(records) > 1:  # found out whose it is; handlers are pure, so nothing is done twice
            for record, one in zip(records, taken, strict=True):
                self._work([record], [self.failed_records.get(location_of(record), one)])
            return
        try:
            self._limits.require_fit(ours, "output")
        except RejectedError as error:
            self._dead_letter(records[0], Failed(error, _ENCODE))

    def _stage_all(
        self,
        records: Sequence[ProtocolRecord],
        results: Sequence[object],
        envelopes: Sequence[Envelope | None],
        ready: Sequence[Emitted | BaseException | None],
    ) -> None:
        for record, result, envelope, emitted in zip(records, results, envelopes, ready, strict=True):
            if isinstance(emitted, tuple):
                self.outputs.append(emitted)
            elif emitted is None:
                self._stage(record, result, envelope)
            else:
                self._dead_letter(record, self._failed(record, emitted, _ENCODE))

    def _handle(self, records: Sequence[ProtocolRecord], taken: Sequence[Taken]) -> list[object]:
        """What the handler gives for each record, or why it gives nothing."""
        set_current, traces = CURRENT.set, self._traces
        results: list[object] = []
        self.stage = _HANDLER
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
                    trace = traces.received(record, envelope)
                if envelope.deadline is not None:
                    require_in_time(entry, envelope, self._now_ms)
                result = entry.handle(message)
                if result is None or trace is not None:
                    self.stage = _ENCODE
                    result = self._checked(entry, result, envelope, trace)
                    self.stage = _HANDLER
                results.append(result)
            except BaseException as error:  # noqa: BLE001 - whatever a handler raises becomes a dead letter
                results.append(self._failed(record, error, self.stage, trace))
                self.stage = _HANDLER
        return results

    def _checked(self, entry: Input, result: object, envelope: Envelope, trace: MessageTrace | None) -> object:
        """The result of a traced message, or None where the contract allows it. Raise WrongOutputError."""
        if result is None:
            entry.require_none_allowed()
        return result if trace is None else self._send(result, envelope, trace)

    def _send(self, result: object, envelope: Envelope, trace: MessageTrace) -> _Sent:
        """A traced message goes all the way before the next one: its spans show nothing of its neighbours."""
        sent = _Sent(trace.send(self._emitter.encode_all(as_emissions(result), envelope, envelope.reply_key)))
        trace.processed()
        return sent

    def _stage(self, record: ProtocolRecord, result: object, envelope: Envelope | None) -> None:
        """Whatever is not one message: several, none, or a failure."""
        if isinstance(result, Failed):
            self._dead_letter(record, result)
        elif isinstance(result, _Sent):
            self.outputs += result.records
        elif envelope is not None:
            try:
                self.outputs += self._emitter.encode_all(as_emissions(result), envelope, envelope.reply_key)
            except BaseException as error:  # noqa: BLE001 - as above
                self._dead_letter(record, self._failed(record, error, _ENCODE))
