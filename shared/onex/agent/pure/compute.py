"""The processor of a COMPUTE: every record is independent of the others."""

from collections.abc import Sequence
from typing import cast

from typing_extensions import override

from onex.agent.message.current import CURRENT, Current
from onex.agent.message.decoding import require_in_time
from onex.agent.message.envelope import Envelope
from onex.agent.message.handlers import as_emissions
from onex.agent.message.program import Input, Program
from onex.agent.pure.outcome import Failed, Traced
from onex.agent.pure.processor import DecodedOrFailed, Encoded, Processor, envelopes_of
from onex.agent.telemetry.batch_traces import BatchTraces
from onex.agent.telemetry.tracing import MessageTrace
from onex.bus.protocols import Emitted, ProtocolRecord
from onex.model.enums import EnumStage

_HANDLER, _ENCODE = EnumStage.HANDLER, EnumStage.ENCODE


class ComputeProcessor(Processor):
    """Handles all records of a group, then encodes their results."""

    def __init__(self, program: Program, group: str, traces: BatchTraces | None) -> None:
        super().__init__(program, group, traces, keeps_deadline=True)

    @override
    def _handle(self, records: Sequence[ProtocolRecord], inputs: Sequence[DecodedOrFailed]) -> Sequence[object]:
        traces, current = self._traces, Current()
        CURRENT.set(current)
        results: list[object] = []
        self.stage = _HANDLER
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
        """Return the result of a traced message, or None where the contract allows it. Raise WrongOutputError."""
        if result is None:
            entry.require_none_allowed()
        return result if trace is None else self._traced(result, envelope, trace)

    def _traced(self, result: object, envelope: Envelope, trace: MessageTrace) -> Traced:
        """Encode a traced message before the next one is handled: its spans include no other message."""
        traced = Traced(trace.send(self._encoder.encode_all(as_emissions(result), envelope, envelope.reply_key)))
        trace.processed()
        return traced

    @override
    def _encode(
        self, records: Sequence[ProtocolRecord], inputs: Sequence[DecodedOrFailed], results: Sequence[object]
    ) -> Encoded:
        """Raise RejectedError when a topic does not take an output. Other failures are about single records."""
        envelopes = envelopes_of(inputs)
        emitted = self._encoder.encode_each(results, envelopes)
        if {*map(type, emitted)} == {tuple}:  # one message per result
            encoded = Encoded(cast("list[Emitted]", emitted))
        else:
            encoded = self._encode_others(records, results, envelopes, emitted)
        if not self._limits.all_fit(encoded.outputs):
            self._limits.require_fit(encoded.outputs, "output")
        return encoded

    def _encode_others(
        self,
        records: Sequence[ProtocolRecord],
        results: Sequence[object],
        envelopes: Sequence[Envelope | None],
        emitted: Sequence[Emitted | BaseException | None],
    ) -> Encoded:
        """Encode a group of which some results are several messages, none, or failures."""
        outputs: list[Emitted] = []
        failures: list[tuple[ProtocolRecord, BaseException | Failed]] = []
        for record, result, envelope, output in zip(records, results, envelopes, emitted, strict=True):
            if isinstance(output, tuple):
                outputs.append(output)
            elif output is not None:
                failures.append((record, output))
            elif isinstance(result, Failed):
                failures.append((record, result))
            elif isinstance(result, Traced):
                outputs += result.records
            elif envelope is not None:
                try:
                    outputs += self._encoder.encode_all(as_emissions(result), envelope, envelope.reply_key)
                except BaseException as error:  # noqa: BLE001 - whatever encoding raises becomes a dead letter
                    failures.append((record, error))
        return Encoded(outputs, failures)

    @override
    def _forward_misrouted(self, records: Sequence[ProtocolRecord], inputs: Sequence[DecodedOrFailed]) -> None:
        """Do nothing: without a state, any partition is right."""

    @override
    def _stage(self, encoded: Encoded) -> None:
        """Do nothing: a COMPUTE has no state."""

    @override
    def _undo(self) -> None:
        """Do nothing: a COMPUTE has no state."""
