"""The in-memory bus behind the same protocols as Kafka's."""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import repeat

from onex.bus.memory.broker import MemoryBroker
from onex.bus.memory.consumer import MemoryConsumer
from onex.bus.memory.transaction import MemoryTransaction
from onex.bus.protocols import (
    BusHealth,
    Outgoing,
    Partition,
    Position,
    ProtocolRebalanceListener,
    ProtocolRecord,
    TopicState,
)
from onex.errors import BusUnavailableError
from onex.wire.partitioner import partition_of

_PATIENCE = 200
"""Batches of a reader that wait for an open transaction. The clock does not advance meanwhile, so that more of them
would not help."""


class MemoryEventBus:
    """See :class:`ProtocolEventBus`."""

    def __init__(self, broker: MemoryBroker) -> None:
        self.broker = broker
        self.admin = MemoryAdmin(broker)

    def publish(self, record: Outgoing) -> None:
        """See the protocol."""
        self.publish_batch([record])

    def publish_batch(self, records: Sequence[Outgoing]) -> None:
        """See the protocol."""
        for record in records:
            self.broker.check_writable(record.topic, record.value, record.key, record.headers)
            self.broker.append(record.topic, record.value, record.key, record.headers, record.partition)

    def subscribe(
        self, group: str, topics: Sequence[str], listener: ProtocolRebalanceListener | None = None
    ) -> MemoryConsumer:
        """See the protocol."""
        for topic in topics:
            self.broker.topic(topic)
        return MemoryConsumer(self.broker, group, topics, listener)

    def transaction(self, transactional_id: str | None) -> MemoryTransaction:
        """See the protocol."""
        return MemoryTransaction(self.broker, transactional_id)

    def read(self, positions: Mapping[Partition, int], ends: Mapping[Partition, int] | None = None) -> "MemoryReader":
        """See the protocol."""
        for partition in positions:
            self.broker.topic(partition.topic)
        return MemoryReader(self.broker, positions, ends)

    def partitions_of(self, keys: Sequence[bytes], partitions: int) -> list[int]:
        """See the protocol."""
        return [*map(partition_of, keys, repeat(partitions))]

    def fit(self, smallest: int, largest: int) -> None:
        """The broker alone knows limits here."""

    def health(self) -> BusHealth:
        """Up, unless switched down."""
        return BusHealth(ok=not self.broker.down, detail="in memory")

    def close(self) -> None:
        """Nothing to release."""


class MemoryReader:
    """See :class:`ProtocolReader`."""

    def __init__(
        self, broker: MemoryBroker, positions: Mapping[Partition, int], ends: Mapping[Partition, int] | None
    ) -> None:
        self._broker = broker
        self._at = dict(positions)
        known = broker.ends(list(positions))
        self._ends = {p: known[p][1] if ends is None else ends[p] for p in positions}
        self._empty = 0
        """Batches without a record, one after the other."""

    def batch(self, most: int, timeout: float) -> Sequence[ProtocolRecord]:
        """See the protocol. Raises BusUnavailableError for a caller that waits in a loop for a transaction to end."""
        self._broker.expire()
        found: list[ProtocolRecord] = []
        for partition, at in self._at.items():
            records, self._at[partition] = self._broker.logs[partition].visible(at, most - len(found))
            found += records
        self._empty = 0 if found or self.reached_end() else self._empty + 1
        if self._empty > _PATIENCE:
            raise BusUnavailableError(f"reading: nothing came in {_PATIENCE} batches, a transaction is open")
        return found

    def ended(self, partition: Partition) -> bool:
        """See the protocol."""
        return partition not in self._at or self._at[partition] >= self._ends[partition]

    def drop(self, partition: Partition) -> None:
        """See the protocol."""
        self._at.pop(partition, None)

    def reached_end(self) -> bool:
        """See the protocol."""
        return all(self.ended(partition) for partition in self._ends)

    def until_end(self) -> Iterator[ProtocolRecord]:
        """See the protocol. An open transaction ends the reading, as there is nobody to wait for."""
        while records := self.batch(5000, 0):
            yield from records

    def close(self) -> None:
        """Nothing to release."""


class MemoryAdmin:
    """See :class:`ProtocolAdmin`."""

    def __init__(self, broker: MemoryBroker) -> None:
        self._broker = broker

    def topics(self, names: Sequence[str]) -> Mapping[str, TopicState]:
        """See the protocol."""
        self._broker.require_up()
        known = self._broker.topics
        return {
            name: replace(
                known[name],
                max_message_bytes=self._broker.limit_of(name),
                min_insync_replicas=self._broker.min_insync_of(name),
            )
            for name in names
            if name in known
        }

    def create(self, topics: Sequence[TopicState]) -> None:
        """See the protocol."""
        self._broker.require_up()
        for topic in topics:
            self._broker.create(topic)

    def grow(self, topic: str, partitions: int) -> None:
        """See the protocol."""
        self._broker.grow(topic, partitions)

    def alter(self, topic: str, config: Mapping[str, str]) -> None:
        """See the protocol."""
        state = self._broker.topic(topic)
        merged = {**state.config, **config}
        self._broker.topics[topic] = TopicState(
            topic, state.partitions, state.replication_factor, merged, state.identity
        )

    def delete(self, topic: str) -> None:
        """See the protocol."""
        self._broker.delete(topic)

    def remake(self, topic: str) -> str:
        """See the protocol."""
        state = self._broker.topic(topic)
        self._broker.delete(topic)
        self._broker.create(state)
        return self._broker.topic(topic).identity

    def ends(self, partitions: Sequence[Partition]) -> Mapping[Partition, tuple[int, int]]:
        """See the protocol."""
        return self._broker.ends(partitions)

    def offsets_at(self, partitions: Sequence[Partition], ms: int) -> Mapping[Partition, int]:
        """See the protocol."""
        return self._broker.offsets_at(partitions, ms)

    def stable_ends(self, partitions: Collection[Partition]) -> Mapping[Partition, int]:
        """See the protocol."""
        return {partition: self._broker.logs[partition].stable_end() for partition in partitions}

    def groups(self) -> Mapping[str, bool]:
        """See the protocol."""
        self._broker.require_up()
        return {name: any(group.members.values()) for name, group in self._broker.groups.items()}

    def group_positions(self, group: str, partitions: Collection[Partition]) -> Mapping[Partition, Position]:
        """See the protocol."""
        if group not in self._broker.groups:
            return {}
        self._broker.expire()
        known = self._broker.groups[group].positions
        return {partition: known[partition] for partition in partitions if partition in known}
