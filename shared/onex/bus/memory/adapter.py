"""The in-memory bus behind the same protocols as Kafka's."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import repeat

from typing_extensions import override

from onex.bus.memory.broker import MemoryBroker, known_partition_of
from onex.bus.memory.consumer import MemoryConsumer
from onex.bus.memory.transaction import MemoryTransaction
from onex.bus.protocols import (
    BusHealth,
    Outgoing,
    Partition,
    Position,
    ProtocolAdmin,
    ProtocolEventBus,
    ProtocolReader,
    ProtocolRebalanceListener,
    ProtocolRecord,
    TopicState,
)
from onex.errors import BusUnavailableError

_MOST_EMPTY_BATCHES = 200
"""Batches of a reader that wait for an open transaction. The clock does not advance meanwhile, so that more of them
would not help."""


class MemoryEventBus(ProtocolEventBus):
    """A client of one :class:`MemoryBroker`; several may share it."""

    def __init__(self, broker: MemoryBroker) -> None:
        self.broker = broker
        self._admin = MemoryAdmin(broker)

    @property
    @override
    def admin(self) -> "MemoryAdmin":
        return self._admin

    @override
    def publish(self, record: Outgoing) -> None:
        self.publish_batch([record])

    @override
    def publish_batch(self, records: Sequence[Outgoing]) -> None:
        for record in records:
            self.broker.check_writable(record.topic, record.value, record.key, record.headers)
            self.broker.append(record.topic, record.value, record.key, record.headers, record.partition)

    @override
    def subscribe(
        self, group: str, topics: Sequence[str], listener: ProtocolRebalanceListener | None = None
    ) -> MemoryConsumer:
        for topic in topics:
            self.broker.topic(topic)
        return MemoryConsumer(self.broker, group, topics, listener)

    @override
    def transaction(self, transactional_id: str | None) -> MemoryTransaction:
        return MemoryTransaction(self.broker, transactional_id)

    @override
    def read(self, positions: Mapping[Partition, int], ends: Mapping[Partition, int] | None = None) -> "MemoryReader":
        for partition in positions:
            self.broker.topic(partition.topic)
        return MemoryReader(self.broker, positions, ends)

    @override
    def partitions_of(self, keys: Sequence[bytes], partitions: int) -> list[int]:
        return [*map(known_partition_of, keys, repeat(partitions))]

    @override
    def fit(self, smallest: int, largest: int) -> None:
        """Do nothing: only the broker has limits here."""

    @override
    def health(self) -> BusHealth:
        return BusHealth(ok=not self.broker.down, detail="in memory")

    @override
    def close(self) -> None:
        """Do nothing: there are no clients."""


class MemoryReader(ProtocolReader):
    """Reads the logs of a broker."""

    def __init__(
        self, broker: MemoryBroker, positions: Mapping[Partition, int], ends: Mapping[Partition, int] | None
    ) -> None:
        self._broker = broker
        self._at = dict(positions)
        present_ends = broker.ends(list(positions))
        self._ends = {p: present_ends[p][1] if ends is None else ends[p] for p in positions}
        self._empty = 0
        """Consecutive batches without a record."""

    @override
    def batch(self, most: int, timeout: float) -> Sequence[ProtocolRecord]:
        """Return up to ``most`` records that are in the logs.

        Raises BusUnavailableError for a caller that waits in a loop for a transaction to end.
        """
        self._broker.expire()
        batch: list[ProtocolRecord] = []
        for partition, at in self._at.items():
            records, self._at[partition] = self._broker.logs[partition].visible(at, most - len(batch))
            batch += records
        self._empty = 0 if batch or self.reached_end() else self._empty + 1
        if self._empty > _MOST_EMPTY_BATCHES:
            raise BusUnavailableError(
                f"reading: {_MOST_EMPTY_BATCHES} batches were empty, because a transaction is open"
            )
        return batch

    @override
    def ended(self, partition: Partition) -> bool:
        return partition not in self._at or self._at[partition] >= self._ends[partition]

    @override
    def drop(self, partition: Partition) -> None:
        self._at.pop(partition, None)

    @override
    def reached_end(self) -> bool:
        return all(self.ended(partition) for partition in self._ends)

    @override
    def until_end(self) -> Iterator[ProtocolRecord]:
        """Yield every record up to the ends, or up to an open transaction, because nothing can end that meanwhile."""
        while records := self.batch(5000, 0):
            yield from records

    @override
    def close(self) -> None:
        """Do nothing: there is no client."""


class MemoryAdmin(ProtocolAdmin):
    """Topics and groups of a broker."""

    def __init__(self, broker: MemoryBroker) -> None:
        self._broker = broker

    @override
    def topics(self, names: Sequence[str]) -> Mapping[str, TopicState]:
        self._broker.require_up()
        states = self._broker.topics
        return {
            name: replace(
                states[name],
                max_message_bytes=self._broker.limit_of(name),
                min_insync_replicas=self._broker.min_insync_of(name),
            )
            for name in names
            if name in states
        }

    @override
    def create(self, topics: Sequence[TopicState]) -> None:
        self._broker.require_up()
        for topic in topics:
            self._broker.create(topic)

    @override
    def grow(self, topic: str, partitions: int) -> None:
        self._broker.grow(topic, partitions)

    @override
    def alter(self, topic: str, config: Mapping[str, str]) -> None:
        state = self._broker.topic(topic)
        merged = {**state.config, **config}
        self._broker.topics[topic] = TopicState(
            topic, state.partitions, state.replication_factor, merged, state.identity
        )

    @override
    def delete(self, topic: str) -> None:
        self._broker.delete(topic)

    @override
    def remake(self, topic: str) -> str:
        state = self._broker.topic(topic)
        self._broker.delete(topic)
        self._broker.create(state)
        return self._broker.topic(topic).identity

    @override
    def ends(self, partitions: Sequence[Partition]) -> Mapping[Partition, tuple[int, int]]:
        return self._broker.ends(partitions)

    @override
    def offsets_at(self, partitions: Sequence[Partition], ms: int) -> Mapping[Partition, int]:
        return self._broker.offsets_at(partitions, ms)

    @override
    def stable_ends(self, partitions: Collection[Partition]) -> Mapping[Partition, int]:
        for partition in partitions:
            self._broker.topic(partition.topic)
        logs = {partition: self._broker.logs[partition] for partition in partitions}
        if not self._broker.open_marks:  # nearly always, and long logs are searched slowly
            return {partition: len(log.records) for partition, log in logs.items()}
        return {partition: log.stable_end() for partition, log in logs.items()}

    @override
    def groups(self) -> Mapping[str, bool]:
        self._broker.require_up()
        return {name: any(group.members.values()) for name, group in self._broker.groups.items()}

    @override
    def group_positions(self, group: str, partitions: Collection[Partition]) -> Mapping[Partition, Position]:
        if group not in self._broker.groups:
            return {}
        self._broker.expire()
        positions = self._broker.groups[group].positions
        return {partition: positions[partition] for partition in partitions if partition in positions}
