"""Keyed state of a node as its changelog has it: what the node itself would restore."""

from collections.abc import Iterator, Mapping, Sequence

from onex.agent.store import STATE, TIMERS
from onex.agent.timers import decode_timers
from onex.bus.murmur2 import partition_of
from onex.bus.protocols import Partition, ProtocolEventBus
from onex.bus.schema import Codec, ProtocolSchemaCatalogue
from onex.contract import ResolvedNode
from onex.model.errors import ConfigurationError, MissingTopicError
from onex.model.message import Message
from onex.workflow import WorkflowState


class StateReader:
    """Reads the changelog of one stateful node; raises ConfigurationError for a node without state."""

    def __init__(self, bus: ProtocolEventBus, catalogue: ProtocolSchemaCatalogue, node: ResolvedNode) -> None:
        contract = node.contract
        if not contract.node_type.is_stateful:
            raise ConfigurationError(f"{contract.name} is a {contract.node_type}: it keeps no state")
        self._bus = bus
        self._topic = contract.changelog_topic
        self._codec = Codec.of_topic(node.state_model or WorkflowState, self._topic, catalogue)

    def get(self, key: str) -> tuple[Message | None, Mapping[str, int]]:
        """State of a key (None when there is none) and its timers, due in milliseconds since 1970, by name."""
        number = partition_of(key.encode(), self._partitions())
        latest = self._latest([number])
        state, timers = latest.get(STATE + key.encode()), latest.get(TIMERS + key.encode())
        return (self._codec.decode(state) if state else None), {
            name: timer.due_ms for name, timer in (decode_timers(timers) if timers else {}).items()
        }

    def scan(self) -> Iterator[tuple[str, Message]]:
        """Every key with its state, by key."""
        latest = self._latest(range(self._partitions()))
        for key, value in sorted(latest.items()):
            if key.startswith(STATE) and value is not None:
                yield key[len(STATE) :].decode(errors="replace"), self._codec.decode(value)

    def _partitions(self) -> int:
        found = self._bus.admin.topics([self._topic])
        if self._topic not in found:
            raise MissingTopicError(f"topic {self._topic} does not exist; run `onex apply`")
        return found[self._topic].partitions

    def _latest(self, numbers: Sequence[int]) -> dict[bytes, bytes | None]:
        latest: dict[bytes, bytes | None] = {}
        reader = self._bus.read({Partition(self._topic, number): 0 for number in numbers})
        try:
            for record in reader.until_end():
                latest[record.key() or b""] = record.value()
        finally:
            reader.close()
        return latest
