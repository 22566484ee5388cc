"""What capabilities write about the inputs of a pure node, into the same transaction."""

from collections.abc import Sequence

from onex.agent.failure.memory_shortages import Location, location_of
from onex.agent.message.current import CURRENT, Current
from onex.agent.message.decoding import DecodedInput, IgnoredRecord
from onex.agent.message.encoding import Encoder
from onex.agent.message.envelope import read_envelope
from onex.agent.message.program import Program
from onex.agent.pure.outcome import Failed
from onex.bus.protocols import Emitted, ProtocolRecord
from onex.capability.layer import ProtocolRecorder

_FIRST = 1_000_000
"""Number of the first entry among the outputs of an input, of which ids are made. Handlers have no more outputs."""


class Recording:
    """The entries of one group after the other."""

    def __init__(self, program: Program) -> None:
        layers = program.composition.layers()
        self._recorders = [layer for layer in layers if isinstance(layer, ProtocolRecorder)]
        self._encoder = Encoder(program.entries, program.contract.name, seal=program.seal)
        self._errors: dict[Location, BaseException] = {}
        self._forwarded: set[Location] = set()

    @property
    def is_active(self) -> bool:
        """Whether any capability writes entries."""
        return bool(self._recorders)

    def begin(self, now_ms: int) -> None:
        """Begin a transaction at this time, in milliseconds since 1970."""
        self._encoder.set_time(now_ms)
        self._errors.clear()
        self._forwarded.clear()
        for recorder in self._recorders:
            recorder.began()

    def failed(self, record: ProtocolRecord, error: BaseException) -> None:
        """Note that an input becomes a dead letter."""
        if self._recorders:
            self._errors[location_of(record)] = error

    def forwarded(self, record: ProtocolRecord) -> None:
        """Note that an input goes to the partition of its key, where entries are written about it."""
        if self._recorders:
            self._forwarded.add(location_of(record))

    def entries(
        self, records: Sequence[ProtocolRecord], inputs: Sequence[DecodedInput | BaseException | Failed]
    ) -> list[Emitted]:
        """Return the entries about a group, in order. Raise when one cannot be encoded."""
        written: list[Emitted] = []
        for record, decoded in zip(records, inputs, strict=True):
            location = location_of(record)
            if location in self._forwarded or type(decoded) is IgnoredRecord:
                continue
            message, envelope = (
                (decoded[1], decoded[2]) if isinstance(decoded, tuple) else (None, read_envelope(record))
            )
            CURRENT.set(Current(envelope))
            error = self._errors.get(location)
            entries = [entry for recorder in self._recorders for entry in recorder.entries(message, error)]
            written += self._encoder.encode_all(entries, envelope, None, _FIRST)
        return written
