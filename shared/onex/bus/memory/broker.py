"""The shared part of the in-memory bus: topics, groups, transactional ids."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count

from onex.bus.memory.log import COMMITTED, MemoryRecord, PartitionLog, TransactionMark
from onex.bus.murmur2 import partition_of
from onex.bus.protocols import CLUSTER_DEFAULT, Headers, Partition, Position, TopicState
from onex.bus.sizes import DEFAULT_MAX_MESSAGE_BYTES, record_bytes
from onex.model.errors import BusUnavailableError, MessageTooLargeError, MissingTopicError, NotAuthorizedError

_REPLICATION = 1
"""Default replication factor."""


@dataclass(slots=True)
class Group:
    """Members, who holds what, and committed positions."""

    positions: dict[Partition, Position] = field(default_factory=dict)
    members: dict[int, tuple[str, ...]] = field(default_factory=dict)
    """Subscribed topics by member id, in order of joining."""
    held: dict[Partition, int] = field(default_factory=dict)


class MemoryBroker:
    """One cluster in memory. Several adapters may share it; it is not thread-safe."""

    def __init__(self, now_ms: Callable[[], int], max_message_bytes: int = DEFAULT_MAX_MESSAGE_BYTES) -> None:
        self.now_ms = now_ms
        self.max_message_bytes = max_message_bytes
        self.topics: dict[str, TopicState] = {}
        self.logs: dict[Partition, PartitionLog] = {}
        self.groups: dict[str, Group] = {}
        self.epochs: dict[str, int] = {}
        self.open_marks: dict[str, TransactionMark] = {}
        self.down = False
        """Switch: nothing answers."""
        self.denied: set[str] = set()
        """Switch: topics that cannot be written."""
        self._ids = count(1)

    def next_id(self) -> int:
        """A number never given before."""
        return next(self._ids)

    def require_up(self) -> None:
        """Raise BusUnavailableError while ``down``."""
        if self.down:
            raise BusUnavailableError("the in-memory broker is switched down")

    def create(self, topic: TopicState) -> None:
        """Add a topic."""
        identity = f"memory-{self.next_id()}"
        replication = _REPLICATION if topic.replication_factor == CLUSTER_DEFAULT else topic.replication_factor
        self.topics[topic.name] = TopicState(topic.name, topic.partitions, replication, dict(topic.config), identity)
        for number in range(topic.partitions):
            self.logs[Partition(topic.name, number)] = PartitionLog()

    def delete(self, name: str) -> None:
        """Remove a topic and its records."""
        topic = self.topic(name)
        del self.topics[name]
        for number in range(topic.partitions):
            del self.logs[Partition(name, number)]

    def grow(self, name: str, partitions: int) -> None:
        """Add partitions."""
        topic = self.topic(name)
        for number in range(topic.partitions, partitions):
            self.logs[Partition(name, number)] = PartitionLog()
        self.topics[name] = TopicState(name, partitions, topic.replication_factor, topic.config, topic.identity)

    def topic(self, name: str) -> TopicState:
        """State of a topic; raises MissingTopicError."""
        self.require_up()
        if name not in self.topics:
            raise MissingTopicError(f"topic {name} does not exist; `onex apply` creates declared topics")
        return self.topics[name]

    def limit_of(self, topic: str) -> int:
        """``max.message.bytes`` of a topic."""
        return int(self.topics[topic].config.get("max.message.bytes", self.max_message_bytes))

    def min_insync_of(self, topic: str) -> int:
        """``min.insync.replicas`` of a topic."""
        return int(self.topics[topic].config.get("min.insync.replicas", 1))

    def check_writable(self, topic: str, value: bytes | None, key: bytes | None, headers: Headers) -> None:
        """Raise what a producer would meet."""
        self.topic(topic)
        if topic in self.denied:
            raise NotAuthorizedError(f"writing to {topic}: denied")
        limit = self.limit_of(topic)
        roughly = 100 + len(value or b"") + len(key or b"")
        roughly += sum(3 * len(name) + len(text or b"") + 6 for name, text in headers)
        if roughly > limit and (size := record_bytes(value, key, headers)) > limit:
            raise MessageTooLargeError(f"writing to {topic}: {size} bytes, the limit is {limit}")

    def append(
        self,
        topic: str,
        value: bytes | None,
        key: bytes | None,
        headers: Headers,
        partition: int = -1,
        mark: TransactionMark = COMMITTED,
    ) -> int:
        """Write one record; gives its offset."""
        state = self.topic(topic)
        if partition < 0:
            partition = partition_of(key, state.partitions) if key is not None else 0
        log = self.logs[Partition(topic, partition)]
        log.records.append(
            MemoryRecord(topic, partition, len(log.records), key, value, tuple(headers), self.now_ms(), mark)
        )
        return len(log.records) - 1

    def target(self, group: Group) -> Mapping[Partition, int]:
        """Who should hold what: partition n of every topic goes to the same member (range)."""
        target: dict[Partition, int] = {}
        topics = {topic for subscribed in group.members.values() for topic in subscribed}
        for topic in sorted(topics & set(self.topics)):
            members = [member for member, subscribed in group.members.items() if topic in subscribed]
            partitions = self.topics[topic].partitions
            for number in range(partitions):
                target[Partition(topic, number)] = members[number * len(members) // partitions]
        return target

    def ends(self, partitions: Sequence[Partition]) -> Mapping[Partition, tuple[int, int]]:
        """First and next offset."""
        for partition in partitions:
            self.topic(partition.topic)
        return {partition: (0, len(self.logs[partition].records)) for partition in partitions}

    def offsets_at(self, partitions: Sequence[Partition], ms: int) -> Mapping[Partition, int]:
        """First offset at or after a time."""
        found: dict[Partition, int] = {}
        for partition in partitions:
            records = self.logs[partition].records
            late = (offset for offset, record in enumerate(records) if record and record.timestamp()[1] >= ms)
            found[partition] = next(late, len(records))
        return found
