"""What the engines and tools need of a bus. Kafka, Faust and the in-memory bus implement it."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from onex.model.outgoing import BusHealth, Headers, Outgoing
from onex.wire.record import NOWHERE, Emitted, Partition, Position, ProtocolRecord

__all__ = [
    "CLUSTER_DEFAULT",
    "NOWHERE",
    "BusHealth",
    "Emitted",
    "Headers",
    "OnDelivery",
    "Outgoing",
    "Partition",
    "Position",
    "ProtocolAdmin",
    "ProtocolConsumer",
    "ProtocolEventBus",
    "ProtocolReader",
    "ProtocolRebalanceListener",
    "ProtocolRecord",
    "ProtocolTransaction",
    "TopicState",
]

OnDelivery = Callable[[Exception | None, int], None]
"""Called with the error or None, and the offset of the written record."""


class ProtocolConsumer(Protocol):
    """A member of a consumer group.

    It belongs to one thread. Other threads may call ``lag``, ``positions``, ``group_metadata`` and ``commit``.
    """

    def batch(self, most: int, timeout: float) -> Sequence[ProtocolRecord]:
        """Return up to ``most`` records: wait ``timeout`` seconds for the first one, and for no other.

        Runs the rebalance listener. Never returns records of partitions that were revoked meanwhile.
        Raises MissingTopicError, NotAuthorizedError, BusUnavailableError.
        """
        ...

    def assignment(self) -> Sequence[Partition]:
        """Return the assigned partitions."""
        ...

    def pause(self, partitions: Sequence[Partition]) -> None:
        """Fetch nothing of these partitions until ``resume``. Partitions that are not assigned are ignored."""
        ...

    def resume(self, partitions: Sequence[Partition]) -> None:
        """Fetch paused partitions again. Raises BusUnavailableError when a position is no longer in the topic."""
        ...

    def seek(self, partition: Partition, offset: int) -> None:
        """Continue reading a partition at ``offset``. A partition that is not assigned is ignored."""
        ...

    def committed(self, partitions: Sequence[Partition]) -> Mapping[Partition, Position]:
        """Return the committed positions. Partitions without one are absent. Raises BusError.

        Waits for open transactions that may still commit positions of these partitions (KIP-447).
        """
        ...

    def commit(self, positions: Mapping[Partition, Position]) -> None:
        """Commit positions outside of a transaction, and wait for it. From any thread. Raises BusError."""
        ...

    def lag(self) -> Mapping[Partition, int]:
        """Return the number of offsets between position and end of each assigned partition.

        It is what the consumer knows without a request. Partitions of which it knows nothing are absent.
        """
        ...

    def positions(self) -> Mapping[Partition, int]:
        """Return the next offset of each assigned partition, as of the same moment as ``lag``; -1 before the first
        record."""
        ...

    def group_metadata(self) -> object:
        """Return what a transaction of the same bus needs to commit positions of this member (KIP-447).

        It is opaque to callers, and as of the last ``batch``: it fences positions of a generation that is over.
        """
        ...

    def serve(self) -> None:
        """Do what other threads requested. ``batch`` does it too."""
        ...

    def close(self) -> None:
        """Leave the group. Runs ``on_revoked`` first. A second call does nothing."""
        ...


class ProtocolRebalanceListener(Protocol):
    """Reacts to assignments. Its methods run inside ``batch`` and ``close``, on the thread that calls those."""

    def on_assigned(self, partitions: Sequence[Partition], committed: Mapping[Partition, Position]) -> None:
        """Prepare partitions before their first record.

        Reading begins at the committed position, or at the earliest record where there is none. ``seek`` changes
        that. These may be more partitions of a member that has others: it can seek, pause and resume those here, too.
        """
        ...

    def on_revoked(self, partitions: Sequence[Partition]) -> None:
        """Finish with partitions that are still assigned, and are revoked when this returns."""
        ...

    def on_lost(self, partitions: Sequence[Partition]) -> None:
        """Forget partitions that are no longer assigned, and may be assigned to another member already."""
        ...


class ProtocolTransaction(Protocol):
    """Produces records and commits positions. All records between ``begin`` and ``commit`` become visible together.

    The at-least-once form has the same shape: ``commit`` waits for the acknowledgement of every record, then commits
    the positions.
    """

    def produce(
        self,
        topic: str,
        value: bytes | None,
        key: bytes | None,
        headers: Headers,
        partition: int = -1,
        on_delivery: OnDelivery | None = None,
    ) -> None:
        """Queue one record; the key decides about the partition when it is -1.

        Raises MessageTooLargeError, BusUnavailableError.
        """
        ...

    def produce_all(self, records: Iterable[Emitted], partition: int = -1) -> None:
        """Queue records in their order. Raises as ``produce``, at the first record that is refused."""
        ...

    def begin(
        self, consumer: ProtocolConsumer | None = None, positions: Mapping[Partition, Position] = NOWHERE
    ) -> None:
        """Start a transaction. Raises FencedError, BusUnavailableError.

        ``positions`` that are known already may be sent while records are produced; ``commit`` takes the others.
        """
        ...

    def commit(self, consumer: ProtocolConsumer | None, positions: Mapping[Partition, Position]) -> None:
        """Commit records and positions together. Without a consumer there are no positions.

        Raises TransactionAbortedError (abort and run again), FencedError (stop), BusUnavailableError.
        """
        ...

    def acknowledged(self) -> bool:
        """Process delivery reports; return whether every record so far is acknowledged. Raises BusError.

        ``commit`` processes reports too, but takes the interpreter's lock for each while other threads work.
        """
        ...

    def abort(self) -> None:
        """Drop all records since ``begin``. Without an open transaction it does nothing."""
        ...

    def overdue(self) -> float:
        """Return the seconds by which the current call has outlasted its timeout. Any thread may ask."""
        ...

    def close(self) -> None:
        """Release the producer. Records that are not committed never become visible."""
        ...


class ProtocolReader(Protocol):
    """Reads committed records of partitions from chosen offsets, outside of any group."""

    def batch(self, most: int, timeout: float) -> Sequence[ProtocolRecord]:
        """Return up to ``most`` records that have arrived; wait ``timeout`` seconds for the first. Raise BusError."""
        ...

    def ended(self, partition: Partition) -> bool:
        """Return whether the partition is read to the end that it had when the reader was opened."""
        ...

    def drop(self, partition: Partition) -> None:
        """Stop reading a partition. It counts as ended."""
        ...

    def reached_end(self) -> bool:
        """Return whether every partition has ended."""
        ...

    def until_end(self) -> Iterator[ProtocolRecord]:
        """Yield every record up to the ends that the partitions had when the reader was opened. Raises BusError."""
        ...

    def close(self) -> None:
        """Release the client."""
        ...


CLUSTER_DEFAULT = -1
"""Replication factor of a declaration: the cluster's ``default.replication.factor`` (KIP-464, Kafka 2.4)."""


@dataclass(frozen=True, slots=True)
class TopicState:
    """A topic as it is in the cluster, or as a contract declares it."""

    name: str
    partitions: int
    replication_factor: int
    """Of the partition with the fewest replicas; :data:`CLUSTER_DEFAULT` in a declaration that leaves it open."""
    config: Mapping[str, str]
    identity: str = ""
    """Id of the topic. It changes when the topic is deleted and created again; empty in a declaration."""
    max_message_bytes: int = 0
    """The limit that the cluster applies, whoever set it; 0 in a declaration."""
    min_insync_replicas: int = 0
    """As the cluster applies it; 0 in a declaration."""


class ProtocolAdmin(Protocol):
    """Topics and groups, for provisioning and the tools of operators. Every method raises BusError."""

    def topics(self, names: Sequence[str]) -> Mapping[str, TopicState]:
        """Return the topics that exist, with the settings that differ from the cluster's defaults."""
        ...

    def create(self, topics: Sequence[TopicState]) -> None:
        """Create topics. When this returns, every broker reports them."""
        ...

    def grow(self, topic: str, partitions: int) -> None:
        """Add partitions, so that the topic has ``partitions`` of them."""
        ...

    def alter(self, topic: str, config: Mapping[str, str]) -> None:
        """Change these settings of a topic. Other settings stay."""
        ...

    def delete(self, topic: str) -> None:
        """Delete a topic and its records."""
        ...

    def remake(self, topic: str) -> str:
        """Delete a topic and create it again, empty, with the same partitions and settings; return its new identity.

        Raises MissingTopicError, BusError. An error may leave the topic deleted.
        """
        ...

    def ends(self, partitions: Sequence[Partition]) -> Mapping[Partition, tuple[int, int]]:
        """Return the first offset and the high watermark of each partition."""
        ...

    def offsets_at(self, partitions: Sequence[Partition], ms: int) -> Mapping[Partition, int]:
        """Return the first offset with a timestamp of ``ms`` or later (milliseconds since 1970), or the end."""
        ...

    def stable_ends(self, partitions: Collection[Partition]) -> Mapping[Partition, int]:
        """Return the last stable offsets, up to which committed readers read: the first record of the oldest open
        transaction, or the high watermark."""
        ...

    def groups(self) -> Mapping[str, bool]:
        """Return every consumer group that the cluster knows, and whether it has members now."""
        ...

    def group_positions(self, group: str, partitions: Collection[Partition]) -> Mapping[Partition, Position]:
        """Return committed positions of any group. Partitions without one are absent. From any thread."""
        ...


class ProtocolEventBus(Protocol):
    """A bus: all access of engines and tools to records."""

    @property
    def admin(self) -> ProtocolAdmin:
        """Topics and groups."""
        ...

    def publish(self, record: Outgoing) -> None:
        """Write one record and wait for its acknowledgement. Raises BusError."""
        ...

    def publish_batch(self, records: Sequence[Outgoing]) -> None:
        """Write records and wait for every acknowledgement. Raises BusError: the first failure."""
        ...

    def subscribe(
        self, group: str, topics: Sequence[str], listener: ProtocolRebalanceListener | None = None
    ) -> ProtocolConsumer:
        """Join a group. The consumer reads committed records, from the earliest one where no position is committed.

        Without topics it only reads and commits positions of a group that has no members.
        Raises MissingTopicError when a topic does not exist now.
        """
        ...

    def transaction(self, transactional_id: str | None) -> ProtocolTransaction:
        """Return a producer of transactions; without an id, one of the at-least-once form. Raises BusError.

        It fences an older producer with the same id.
        """
        ...

    def read(self, positions: Mapping[Partition, int], ends: Mapping[Partition, int] | None = None) -> ProtocolReader:
        """Read partitions from offsets, outside of any group. Raises MissingTopicError.

        Without ``ends`` the reader ends at the high watermarks of now, and so waits for transactions that are open.
        A caller that does not want to wait passes :meth:`ProtocolAdmin.stable_ends`.
        """
        ...

    def partitions_of(self, keys: Sequence[bytes], partitions: int) -> list[int]:
        """Return the partition on which every client of the mesh puts each key, in a topic with this many
        partitions."""
        ...

    def fit(self, smallest: int, largest: int) -> None:
        """Have later producers write records of ``largest`` bytes, in batches of at most ``smallest`` bytes.

        Both are limits of the topics that they write to: a broker refuses a batch above the limit of its topic.
        """
        ...

    def health(self) -> BusHealth:
        """Return whether brokers respond. Takes five seconds at most."""
        ...

    def close(self) -> None:
        """Release the clients of the bus. Consumers, transactions and readers are closed by their owners."""
        ...
