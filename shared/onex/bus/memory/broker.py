"""The shared part of the in-memory bus: topics, groups, transactional ids."""

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from itertools import count

from onex.bus.memory.group import Group, Target
from onex.bus.memory.log import COMMITTED, MemoryRecord, PartitionLog, TransactionMark, TransactionState
from onex.bus.protocols import CLUSTER_DEFAULT, Headers, Partition, TopicState
from onex.bus.topics import all_partitions, missing_topics
from onex.errors import BusUnavailableError, MessageTooLargeError, NotAuthorizedError
from onex.wire.partitioner import partition_of
from onex.wire.sizes import DEFAULT_MAX_MESSAGE_BYTES, record_bytes

_DAY_MS = 24 * 3600 * 1000
_WEEK_MS = 7 * _DAY_MS
"""Kafka's defaults of ``delete.retention.ms`` and ``retention.ms``."""
_REPLICATION = 1
"""Default replication factor."""
known_partition_of = lru_cache(maxsize=1000)(partition_of)
"""Keys come again; the function is written in Python."""


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
        self.transaction_timeout_ms = 15_000
        self.session_ms: int | None = None
        """The group removes a member that does not poll for longer (``max.poll.interval.ms``). None: never, for tests
        that move the clock while no member polls."""
        self.down = False
        """Test switch: no request succeeds."""
        self.denied: set[str] = set()
        """Test switch: topics that cannot be written."""
        self._ids = count(1)
        self._topology = 0
        """Counts changes of topics and their partitions."""
        self._expired: tuple[int, int] | None = None
        """Time and session of the last search for members that do not poll."""

    def next_id(self) -> int:
        """Return a number that was never returned before."""
        return next(self._ids)

    def require_up(self) -> None:
        """Raise BusUnavailableError while ``down``."""
        if self.down:
            raise BusUnavailableError("the in-memory broker is switched down")

    def end(self, transactional_id: str, state: TransactionState) -> None:
        """End the open transaction of an id, and apply or drop the positions that were sent in it."""
        if mark := self.open_marks.pop(transactional_id, None):
            mark.state = state
            for group in self.groups.values():
                group.apply_ended()

    def expire(self) -> None:
        """Remove members that do not poll. Abort transactions after their timeout, and fence their producers."""
        if self.session_ms is not None and self._expired != (looked := (self.now_ms(), self.session_ms)):
            self._expired = looked  # a member that polls, or joins, at this time does not expire at it
            for group in self.groups.values():
                group.expire(self.now_ms() - self.session_ms)
        if not self.open_marks:
            return
        for name in [name for name, mark in self.open_marks.items() if self.is_expired(mark)]:
            self.epochs[name] += 1
            self.end(name, TransactionState.ABORTED)

    def is_expired(self, mark: TransactionMark) -> bool:
        """Return whether a transaction has been open for longer than its timeout."""
        return mark.began_ms <= self.now_ms() - self.transaction_timeout_ms

    def clean(self) -> None:
        """Apply ``cleanup.policy`` of every topic: retention by time, compaction."""
        now = self.now_ms()
        for partition, log in self.logs.items():
            config = self.topics[partition.topic].config
            policies = config.get("cleanup.policy", "delete").split(",")
            retention = int(config.get("retention.ms", _WEEK_MS))
            if "delete" in policies and retention >= 0:
                first_kept = (
                    at for at, r in enumerate(log.records) if at >= log.start and r.timestamp()[1] > now - retention
                )
                log.truncate(min(next(first_kept, len(log.records)), log.stable_end()))
            if "compact" in policies:
                log.compact(now, int(config.get("delete.retention.ms", _DAY_MS)))

    def create(self, topic: TopicState) -> None:
        """Add a topic."""
        self._topology += 1
        identity = f"memory-{self.next_id()}"
        replication = _REPLICATION if topic.replication_factor == CLUSTER_DEFAULT else topic.replication_factor
        self.topics[topic.name] = TopicState(topic.name, topic.partitions, replication, dict(topic.config), identity)
        for partition in all_partitions([topic]):
            self.logs[partition] = PartitionLog()

    def delete(self, name: str) -> None:
        """Remove a topic and its records."""
        topic = self.topic(name)
        self._topology += 1
        del self.topics[name]
        for partition in all_partitions([topic]):
            del self.logs[partition]

    def grow(self, name: str, partitions: int) -> None:
        """Add partitions."""
        topic = self.topic(name)
        self._topology += 1
        for number in range(topic.partitions, partitions):
            self.logs[Partition(name, number)] = PartitionLog()
        self.topics[name] = TopicState(name, partitions, topic.replication_factor, topic.config, topic.identity)

    def topic(self, name: str) -> TopicState:
        """Return the state of a topic. Raise MissingTopicError, or BusUnavailableError while ``down``."""
        self.require_up()
        if name not in self.topics:
            raise missing_topics([name])
        return self.topics[name]

    def limit_of(self, topic: str) -> int:
        """Return ``max.message.bytes`` of a topic."""
        return int(self.topics[topic].config.get("max.message.bytes", self.max_message_bytes))

    def min_insync_of(self, topic: str) -> int:
        """Return ``min.insync.replicas`` of a topic."""
        return int(self.topics[topic].config.get("min.insync.replicas", 1))

    def check_writable(self, topic: str, value: bytes | None, key: bytes | None, headers: Headers) -> None:
        """Raise the error that a producer of this record would get."""
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
        """Write one record and return its offset."""
        state = self.topic(topic)
        if partition < 0:
            partition = known_partition_of(key, state.partitions) if key is not None else 0
        log = self.logs[Partition(topic, partition)]
        log.records.append(
            MemoryRecord(topic, partition, len(log.records), key, value, tuple(headers), self.now_ms(), mark)
        )
        return len(log.records) - 1

    def target(self, group: Group) -> Mapping[Partition, int]:
        """Return the member of each partition by the range assignor: partition n of every topic has the same one."""
        known = group.target
        if known is None or known.topology != self._topology or known.members != group.members:
            known = group.target = Target(self._topology, dict(group.members), self._assign(group))
        return known.member_of

    def _assign(self, group: Group) -> Mapping[Partition, int]:
        target: dict[Partition, int] = {}
        topics = {topic for subscribed in group.members.values() for topic in subscribed}
        for topic in sorted(topics & set(self.topics)):
            members = [member for member, subscribed in group.members.items() if topic in subscribed]
            partitions = self.topics[topic].partitions
            for number in range(partitions):
                target[Partition(topic, number)] = members[number * len(members) // partitions]
        return target

    def ends(self, partitions: Sequence[Partition]) -> Mapping[Partition, tuple[int, int]]:
        """Return the first offset and the end of each partition."""
        for partition in partitions:
            self.topic(partition.topic)
        return {p: (self.logs[p].start, len(self.logs[p].records)) for p in partitions}

    def offsets_at(self, partitions: Sequence[Partition], ms: int) -> Mapping[Partition, int]:
        """Return the first offset at or after a time, in milliseconds since 1970; the end where there is none."""
        offsets: dict[Partition, int] = {}
        for partition in partitions:
            records, start = self.logs[partition].records, self.logs[partition].start
            late = (at for at, record in enumerate(records) if at >= start and record.timestamp()[1] >= ms)
            offsets[partition] = next(late, len(records))
        return offsets
