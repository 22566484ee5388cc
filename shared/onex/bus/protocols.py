"""The border between the engine and whatever moves records. Kafka and the in-memory bus fit it."""

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
    """A member of a consumer group. Belongs to one thread, but for ``lag``, ``positions`` and committing."""

    def batch(self, most: int, timeout: float) -> Sequence[ProtocolRecord]:
        """Up to ``most`` records: wait ``timeout`` seconds for the first, take the rest at once.

        Runs the rebalance listener. Never returns records of partitions given up meanwhile.
        Raises MissingTopicError, NotAuthorizedError, BusUnavailableError.
        """
        ...

    def assignment(self) -> Sequence[Partition]: ...
    def pause(self, partitions: Sequence[Partition]) -> None: ...
    def resume(self, partitions: Sequence[Partition]) -> None: ...
    def seek(self, partition: Partition, offset: int) -> None: ...
    def committed(self, partitions: Sequence[Partition]) -> Mapping[Partition, Position]:
        """Committed positions; partitions without one are absent."""
        ...

    def commit(self, positions: Mapping[Partition, Position]) -> None:
        """Commit outside of a transaction; any thread. Raises BusError."""
        ...

    def lag(self) -> Mapping[Partition, int]:
        """Offsets between position and end per assigned partition, as far as known without asking."""
        ...

    def positions(self) -> Mapping[Partition, int]:
        """Next offset per assigned partition, as of the same moment as ``lag``; -1 where nothing has come yet."""
        ...

    def serve(self) -> None:
        """Do what other threads asked for; ``batch`` does it too."""
        ...

    def close(self) -> None:
        """Leave the group; runs ``on_revoked`` first. Safe to call twice."""
        ...


class ProtocolRebalanceListener(Protocol):
    """Called inside ``batch`` and ``close``, on the thread that runs them."""

    def on_assigned(self, partitions: Sequence[Partition], committed: Mapping[Partition, Position]) -> None:
        """Called before the first record of these. They begin at the committed position, or at the earliest record
        where there is none; ``seek`` changes that."""
        ...

    def on_revoked(self, partitions: Sequence[Partition]) -> None: ...
    def on_lost(self, partitions: Sequence[Partition]) -> None: ...


class ProtocolTransaction(Protocol):
    """Produces and commits: everything between ``begin`` and ``commit`` becomes visible together.

    The at-least-once form has the same shape: ``commit`` waits for acknowledgement, then commits offsets.
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
        """Hand one record to the producer's queue. Raises MessageTooLargeError, BusUnavailableError."""
        ...

    def produce_all(self, records: Iterable[Emitted], partition: int = -1) -> None:
        """``produce`` for each of them, in their order; raises at the first that fails."""
        ...

    def begin(
        self, consumer: "ProtocolConsumer | None" = None, positions: Mapping[Partition, Position] = NOWHERE
    ) -> None:
        """Start. Raises FencedError, BusUnavailableError.

        Positions that are known already may travel while records are produced; ``commit`` takes the others.
        """
        ...

    def commit(self, consumer: ProtocolConsumer | None, positions: Mapping[Partition, Position]) -> None:
        """Commit records and positions together; without a consumer there are no positions.

        Raises TransactionAbortedError (abort and run again), FencedError (give up), BusUnavailableError.
        """
        ...

    def acknowledged(self) -> bool:
        """Take in what the broker has reported; whether nothing is on its way any more. Raises BusError.

        ``commit`` takes reports too, but one by one for the interpreter's lock while other threads work.
        """
        ...

    def abort(self) -> None:
        """Drop everything since ``begin``; safe when nothing was begun."""
        ...

    def overdue(self) -> float:
        """Seconds by which a call has outlasted its own timeout; asked by another thread than the one that waits."""
        ...

    def close(self) -> None: ...


class ProtocolReader(Protocol):
    """Reads partitions from given offsets, outside of any group; committed records only."""

    def batch(self, most: int, timeout: float) -> Sequence[ProtocolRecord]: ...

    def ended(self, partition: Partition) -> bool:
        """Whether everything that existed in a partition when the reader was opened has been read."""
        ...

    def drop(self, partition: Partition) -> None:
        """Read a partition no further; it counts as ended."""
        ...

    def reached_end(self) -> bool:
        """Whether everything that existed when the reader was opened has been read."""
        ...

    def until_end(self) -> Iterator[ProtocolRecord]:
        """Every record up to the end as it was when the reader was opened."""
        ...

    def close(self) -> None: ...


CLUSTER_DEFAULT = -1
"""Replication factor of a declaration: the cluster's ``default.replication.factor`` (KIP-464, Kafka 2.4)."""


@dataclass(frozen=True, slots=True)
class TopicState:
    """A topic as it is in the cluster."""

    name: str
    partitions: int
    replication_factor: int
    """Of the partition with the fewest; in a declaration :data:`CLUSTER_DEFAULT` leaves it to the cluster."""
    config: Mapping[str, str]
    identity: str = ""
    """Changes when the topic is deleted and made again."""
    max_message_bytes: int = 0
    """The limit that the cluster applies, whoever set it; 0 in a declaration."""
    min_insync_replicas: int = 0
    """As the cluster applies it; 0 in a declaration."""


class ProtocolAdmin(Protocol):
    """Topics and groups; used by provisioning and operators' tools."""

    def topics(self, names: Sequence[str]) -> Mapping[str, TopicState]:
        """The ones that exist, with the settings that differ from the cluster's defaults."""
        ...

    def create(self, topics: Sequence[TopicState]) -> None:
        """Create topics; when this ends without an error, they are there for everybody who asks."""
        ...

    def grow(self, topic: str, partitions: int) -> None: ...
    def alter(self, topic: str, config: Mapping[str, str]) -> None: ...
    def delete(self, topic: str) -> None: ...
    def remake(self, topic: str) -> str:
        """Delete a topic and create it again, empty, with the same partitions and settings; return its new identity.

        Raises MissingTopicError, BusError. An error may leave the topic deleted.
        """
        ...

    def ends(self, partitions: Sequence[Partition]) -> Mapping[Partition, tuple[int, int]]:
        """First offset and high watermark."""
        ...

    def offsets_at(self, partitions: Sequence[Partition], ms: int) -> Mapping[Partition, int]:
        """First offset with a timestamp of ``ms`` or later; the end where there is none."""
        ...

    def stable_ends(self, partitions: Collection[Partition]) -> Mapping[Partition, int]:
        """How far committed readers get: the first record of the oldest open transaction, else the high watermark."""
        ...

    def groups(self) -> Mapping[str, bool]:
        """Every consumer group that the cluster knows, and whether it has members now. Raises BusError."""
        ...

    def group_positions(self, group: str, partitions: Collection[Partition]) -> Mapping[Partition, Position]:
        """Committed positions of any group; partitions without one are absent. From any thread; raises BusError."""
        ...


class ProtocolEventBus(Protocol):
    """All access to records goes through here."""

    @property
    def admin(self) -> ProtocolAdmin: ...

    def publish(self, record: Outgoing) -> None:
        """Write one record and wait for its acknowledgement; raises BusError."""
        ...

    def publish_batch(self, records: Sequence[Outgoing]) -> None:
        """Write records, wait for all acknowledgements; raises BusError naming the first failure."""
        ...

    def subscribe(
        self, group: str, topics: Sequence[str], listener: ProtocolRebalanceListener | None = None
    ) -> ProtocolConsumer:
        """Join a group: read-committed, from the earliest record where nothing is committed.

        Without topics it only reads and commits positions of a group that has no members.
        Raises MissingTopicError when a topic does not exist now.
        """
        ...

    def transaction(self, transactional_id: str | None) -> ProtocolTransaction:
        """A transaction runner; without an id the at-least-once form."""
        ...

    def read(self, positions: Mapping[Partition, int], ends: Mapping[Partition, int] | None = None) -> ProtocolReader:
        """Read partitions from offsets, outside of groups; raises MissingTopicError.

        Without ``ends`` up to the high watermarks of now, so that transactions that are open are waited for. Who only
        looks gives :meth:`ProtocolAdmin.stable_ends`.
        """
        ...

    def partitions_of(self, keys: Sequence[bytes], partitions: int) -> list[int]:
        """Where every client of the mesh puts these keys, on a topic with so many partitions."""
        ...

    def fit(self, smallest: int, largest: int) -> None:
        """Producers made from here on write records of ``largest`` bytes, in batches of at most ``smallest``.

        The two are limits of the topics that they write to: a broker refuses a batch above the limit of its topic.
        """
        ...

    def health(self) -> BusHealth: ...
    def close(self) -> None: ...
