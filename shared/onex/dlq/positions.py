"""Committed positions of a node, for operators: shows and sets them.

A position is the offset from which the node reads a partition next. The consumer group of the node stores it.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from onex.bus.protocols import Partition, Position, ProtocolConsumer, ProtocolEventBus, ProtocolTransaction
from onex.bus.topics import all_partitions
from onex.contract import ResolvedNode
from onex.dlq.audit import Audit, Author
from onex.dlq.manager import Transaction
from onex.errors import BusError, RejectedError
from onex.model.mesh import EnumDeadLetterAction
from onex.schema import ProtocolSchemaCatalogue
from onex.wire.positions import done_beyond, in_progress, mark_of, out_of_range


@dataclass(frozen=True, slots=True)
class PartitionPosition:
    """The position of a node in one partition."""

    partition: Partition
    first: int
    """Offset of the oldest record in the topic."""
    end: int
    """Offset after the newest record that the node may read: the last stable offset."""
    committed: Position | None

    @property
    def done_beyond(self) -> int:
        """Number of records after the position that are done already and will not run again."""
        return 0 if self.committed is None else len(done_beyond(self.committed))

    @property
    def behind(self) -> int:
        """Number of offsets between the position and the end, without those that are done.

        Transaction markers have offsets too.
        """
        start = self.first if self.committed is None else max(self.first, self.committed.offset)
        return max(0, self.end - start - self.done_beyond)

    @property
    def problem(self) -> str:
        """Why the node cannot continue from the position; empty when it can."""
        if self.committed is None:
            return ""
        if begun := in_progress(mark_of(self.committed)):
            return "{} was begun and has not ended: run {} again".format(*begun)
        return out_of_range(self.committed.offset, self.first, self.end)


@dataclass(frozen=True, slots=True)
class Reset:
    """A position, and the offset to which it will be set."""

    before: PartitionPosition
    to: int

    @property
    def effect(self) -> str:
        """The effect on the records in between."""
        committed = self.before.committed
        start = self.before.first if committed is None else committed.offset
        if self.to > start:
            return f"{self.to - start} offsets are skipped"
        return f"{start - self.to} offsets are read again" if self.to < start else "nothing changes"


class OffsetManager:
    """Shows and resets the positions of one node. Each reset has an audit entry with its author."""

    def __init__(
        self, bus: ProtocolEventBus, catalogue: ProtocolSchemaCatalogue, node: ResolvedNode, author: Author, env: str
    ) -> None:
        self._bus = bus
        self._contract = node.contract
        self._topics = [*sorted(node.routes), node.contract.retry_topic]
        self._author = author
        self._audit = Audit(bus, catalogue, self._contract.topic_prefix)
        self._group = self._contract.group(env)

    def positions(self, topic: str = "", numbers: Collection[int] = ()) -> list[PartitionPosition]:
        """Return the positions of all partitions that the node reads, or of one topic, or of some of its partitions.

        Raises RejectedError for a topic or partition that the node does not read, BusError.
        """
        if topic and topic not in self._topics:
            raise RejectedError(f"{self._contract.name} does not read {topic!r}; it reads {', '.join(self._topics)}")
        topics = self._bus.admin.topics([topic] if topic else self._topics)
        if topic and topic not in topics:
            raise RejectedError(f"{topic} does not exist; run `onex apply`")
        partitions = all_partitions(topics[name] for name in sorted(topics))
        if unknown := set(numbers) - {partition.partition for partition in partitions}:
            raise RejectedError(f"{topic} has no partition {min(unknown)}; it has {len(partitions)}")
        selected = [partition for partition in partitions if not numbers or partition.partition in numbers]
        firsts, ends = self._bus.admin.ends(selected), self._bus.admin.stable_ends(selected)
        committed = self._bus.admin.group_positions(self._group, selected)
        return [PartitionPosition(p, firsts[p][0], ends[p], committed.get(p)) for p in selected]

    def plan(self, positions: Sequence[PartitionPosition], to: int | datetime | None) -> list[Reset]:
        """Return resets: to an offset, to the first record at or after a time, or to the end (None).

        An offset outside of the topic is replaced by the nearest one in it. Raises BusError.
        """
        targets = self._targets(positions, to)
        return [Reset(at, min(max(targets[at.partition], at.first), at.end)) for at in positions]

    def _targets(self, positions: Sequence[PartitionPosition], to: int | datetime | None) -> Mapping[Partition, int]:
        match to:
            case None:
                return {at.partition: at.end for at in positions}
            case datetime():
                ms = max(0, int(to.timestamp() * 1000))
                return self._bus.admin.offsets_at([at.partition for at in positions], ms)
            case int():
                return {at.partition: to for at in positions}

    def reset(self, resets: Sequence[Reset]) -> None:
        """Commit positions, then write audit entries. Raise RejectedError while instances of the node run, BusError.

        The set of offsets that are done beyond the old position is dropped, so that all of them are read again.
        """
        consumer = self._bus.subscribe(self._group, ())
        try:
            set_positions(consumer, self._contract.name, {r.before.partition: Position(r.to) for r in resets})
        finally:
            consumer.close()
        with Transaction(self._bus.transaction(f"{self._group}.dlq")) as transaction:
            note_resets(transaction, self._audit, self._contract.name, self._author, resets)


def set_positions(consumer: ProtocolConsumer, node: str, positions: Mapping[Partition, Position]) -> None:
    """Commit positions of a group without members. Raises RejectedError while instances of the node run."""
    try:
        consumer.commit(positions)
    except BusError as error:
        raise RejectedError(
            f"the positions of {node} cannot be set; stop all of its instances first ({error})"
        ) from None


def note_resets(
    transaction: ProtocolTransaction, audit: Audit, node: str, author: Author, resets: Sequence[Reset]
) -> None:
    """Add an audit entry for each position that was set."""
    for reset in resets:
        topic, number = reset.before.partition
        before = reset.before.committed
        audit.add(
            transaction,
            f"{topic}-{number}-{reset.to}",
            node,
            "",
            EnumDeadLetterAction.RESET,
            author,
            f"from {'none' if before is None else before.offset} to {reset.to}",
        )
