"""Discovery: the processes of the mesh, read from the compacted snapshots of registry and health monitor."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from onex.bus.protocols import Partition, ProtocolEventBus, ProtocolReader, ProtocolRecord
from onex.bus.topics import all_partitions
from onex.errors import MessageError
from onex.model.enums import EnumNodeKind
from onex.model.mesh import (
    SNAPSHOT_TOPICS,
    EnumHealth,
    EnumRegistrationState,
    InstanceHealth,
    RegisteredNode,
)
from onex.model.mesh.topics import with_prefix
from onex.schema import Codec, ProtocolSchemaCatalogue
from onex.wire.skipped import SkippedRecords


@dataclass(frozen=True, slots=True)
class Entry:
    """One agent process: its registration, and its health after the first report of the monitor."""

    node: RegisteredNode
    health: EnumHealth | None
    reasons: Sequence[str]


class Discovery:
    """Stores the latest snapshot of every process. ``refresh`` reads the records that were added since."""

    def __init__(self, bus: ProtocolEventBus, catalogue: ProtocolSchemaCatalogue, prefix: str = "") -> None:
        """``prefix``: the setting ``topic_prefix``."""
        self._bus = bus
        self._topics = with_prefix(SNAPSHOT_TOPICS, prefix)
        self._codecs = {topic: Codec.of_topic(model, topic, catalogue) for model, topic in self._topics.items()}
        self._next: dict[Partition, int] = {}
        self._nodes: dict[str, RegisteredNode] = {}
        self._health: dict[str, InstanceHealth] = {}
        self.skipped = SkippedRecords()
        """Records that are no snapshots."""

    def refresh(self) -> None:
        """Read up to the present ends. Records that cannot be decoded are skipped. Raises BusError."""
        topics = self._bus.admin.topics(list(self._codecs))
        partitions = all_partitions(topics.values())
        ends = self._bus.admin.ends(partitions)
        behind = {
            p: max(first, self._next.get(p, 0)) for p, (first, end) in ends.items() if self._next.get(p, 0) < end
        }
        if not behind:
            return
        reader = self._bus.read(behind)
        try:
            self._take(reader)
        finally:
            reader.close()
        self._next |= {partition: ends[partition][1] for partition in behind}

    def _take(self, reader: ProtocolReader) -> None:
        for record in reader.until_end():
            if record.value() is None:
                self._forget(record)
                continue
            try:
                snapshot = self._codecs[record.topic()].decode(record.value())
            except MessageError as error:
                self.skipped.skip(record, error)
                continue
            match snapshot:
                case RegisteredNode() as node:
                    self._nodes[node.node_id] = node
                case InstanceHealth() as health:
                    self._health[health.node_id] = health

    def _forget(self, record: ProtocolRecord) -> None:
        """Remove a process whose snapshot was deleted: a long-lived client must not store all former processes."""
        node_id = (record.key() or b"").decode(errors="replace")
        snapshots = self._nodes if record.topic() == self._topics[RegisteredNode] else self._health
        snapshots.pop(node_id, None)

    def find(
        self,
        *,
        env: str = "",
        name: str = "",
        kind: EnumNodeKind | None = None,
        capability: str = "",
        version: str = "",
        health: EnumHealth | None = None,
        active: bool = True,
    ) -> list[Entry]:
        """Return the processes that match every argument, sorted by id. ``active=False`` includes inactive ones."""
        return [
            entry
            for entry in self._entries()
            if (not env or entry.node.registered.env == env)
            and (not name or entry.node.registered.node == name)
            and (kind is None or entry.node.registered.kind is kind)
            and (not capability or capability in _capabilities(entry))
            and (not version or entry.node.registered.version == version)
            and (health is None or entry.health is health)
            and (not active or entry.node.state is EnumRegistrationState.ACTIVE)
        ]

    def _entries(self) -> Iterable[Entry]:
        for node_id in sorted(self._nodes):
            health = self._health.get(node_id)
            yield Entry(self._nodes[node_id], health.health if health else None, health.reasons if health else ())


def _capabilities(entry: Entry) -> Sequence[str]:
    capabilities = entry.node.registered.capabilities
    return (*capabilities.declared, *capabilities.discovered)
