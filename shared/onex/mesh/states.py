"""Keyed state of a node, read from its changelog as the node itself restores it."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from onex.bus.protocols import Partition, ProtocolEventBus, ProtocolRecord
from onex.bus.topics import require_topic
from onex.errors import ConfigurationError, MessageError, PoisonError
from onex.model.message import Message
from onex.schema import Codec, ProtocolSchemaCatalogue
from onex.wire.changelog import STATE, TIMERS, decode_timers
from onex.wire.partitioner import partition_of
from onex.wire.skipped import SkippedRecords

if TYPE_CHECKING:
    from onex.contract import ResolvedNode


class StateReader:
    """Reads the changelog of one stateful node."""

    def __init__(self, bus: ProtocolEventBus, catalogue: ProtocolSchemaCatalogue, node: "ResolvedNode") -> None:
        """Raises ConfigurationError for a node without state."""
        from onex.workflow import WorkflowState  # the workflow engine, which other parts of this package do not need

        contract = node.contract
        if not contract.node_type.is_stateful:
            raise ConfigurationError(f"{contract.name} is a {contract.node_type}: it has no state")
        self._bus = bus
        self._topic = contract.changelog_topic
        self._codec = Codec.of_topic(node.state_model or WorkflowState, self._topic, catalogue)
        self.skipped = SkippedRecords()
        """Records that are neither state nor timers of this node."""

    def get(self, key: str) -> tuple[Message | None, Mapping[str, int]]:
        """Return the state of a key, or None, and the due times of its timers by name, in milliseconds since 1970.

        Raises PoisonError when the state cannot be decoded: the node cannot use it either.
        """
        number = partition_of(key.encode(), self._partitions())
        latest = self._latest([number])
        state, timers = latest.get(STATE + key.encode()), latest.get(TIMERS + key.encode())
        due: Mapping[str, int] = {}
        if timers is not None and (value := timers.value()):
            try:
                due = {name: timer.due_ms for name, timer in decode_timers(value).items()}
            except PoisonError as error:
                self.skipped.skip(timers, error)
        if state is None or not state.value():
            return None, due
        try:
            return self._codec.decode(state.value()), due
        except MessageError as error:
            place = f"{self._topic}[{number}] at offset {state.offset()}"
            raise PoisonError(f"the state of {key!r} in {place} cannot be decoded: {error}") from None

    def scan(self) -> Iterator[tuple[str, Message]]:
        """Yield every key with its state, sorted by key. State that cannot be decoded is skipped."""
        latest = self._latest(range(self._partitions()))
        for key in sorted(key for key in latest if key.startswith(STATE)):
            record = latest[key]
            if not (value := record.value()):
                continue
            try:
                state = self._codec.decode(value)
            except MessageError as error:
                self.skipped.skip(record, error)
                continue
            yield key[len(STATE) :].decode(errors="backslashreplace"), state

    def _partitions(self) -> int:
        return require_topic(self._bus.admin, self._topic).partitions

    def _latest(self, numbers: Sequence[int]) -> dict[bytes, ProtocolRecord]:
        latest: dict[bytes, ProtocolRecord] = {}
        reader = self._bus.read({Partition(self._topic, number): 0 for number in numbers})
        try:
            for record in reader.until_end():
                latest[record.key() or b""] = record
        finally:
            reader.close()
        return latest
