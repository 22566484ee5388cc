"""Committed positions of a node: what operators see of them, and how they set them.

A position is the offset that a partition is read from next. It is part of the node's consumer group.
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
from onex.wire.positions import UNFINISHED, done_beyond, mark_of, out_of_range


@dataclass(frozen=True, slots=True)
class PartitionPosition:
    """Where a node reads one partition."""

    partition: Partition
    first: int
    """Offset of the oldest record that the topic still has."""
    end: int
    """Offset behind the newest record that the node may read: the first of an open transaction ends it."""
    committed: Position | None

    @property
    def done_beyond(self) -> int:
        """Records behind the position that are done already and will not run again."""
        return 0 if self.committed is None else len(done_beyond(self.committed))

    @property
    def behind(self) -> int:
        """Offsets between the position and the end, but for those. Transaction markers take offsets too."""
        start = self.first if self.committed is None else max(self.first, self.committed.offset)
        return max(0, self.end - start - self.done_beyond)

    @property
    def problem(self) -> str:
        """What is wrong with the position; empty where nothing is."""
        if self.committed is None:
            return ""
        if mark_of(self.committed) == UNFINISHED:
            return (
                "deleting the state was begun and has not ended: run `onex state drop` or `onex state rebuild` again"
            )
        return out_of_range(self.committed.offset, self.first, self.end)


@dataclass(frozen=True, slots=True)
class Reset:
    """A position that is to be set."""

    before: PartitionPosition
    to: int

    @property
    def effect(self) -> str:
        """What it means for the records in between."""
        committed = self.before.committed
        start = self.before.first if committed is None else committed.offset
        if self.to > start:
            return f"{self.to - start} offsets are passed over"
        return f"{start - self.to} offsets are read again" if self.to < start else "nothing changes"


class OffsetManager:
    """Of one node. Each reset is noted in the audit with who and why."""

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
        """Of all partitions that the node reads, or of one topic, or of some of its partitions.

        Raises RejectedError for what the node does not read; BusError.
        """
        if topic and topic not in self._topics:
            raise RejectedError(f"{self._contract.name} does not read {topic!r}; it reads {', '.join(self._topics)}")
        topics = self._bus.admin.topics([topic] if topic else self._topics)
        if topic and topic not in topics:
            raise RejectedError(f"{topic} does not exist; `onex apply` creates declared topics")
        partitions = all_partitions(topics[name] for name in sorted(topics))
        if unknown := set(numbers) - {partition.partition for partition in partitions}:
            raise RejectedError(f"{topic} has no partition {min(unknown)}; it has {len(partitions)}")
        chosen = [partition for partition in partitions if not numbers or partition.partition in numbers]
        firsts, ends = self._bus.admin.ends(chosen), self._bus.admin.stable_ends(chosen)
        committed = self._bus.admin.group_positions(self._group, chosen)
        return [PartitionPosition(p, firsts[p][0], ends[p], committed.get(p)) for p in chosen]

    def plan(self, positions: Sequence[PartitionPosition], to: int | datetime | None) -> list[Reset]:
        """Resets of these positions: to an offset, to the first record of a time or later, or to the end (None).

        An offset that the topic does not have is moved into it. Raises BusError.
        """
        wanted = self._wanted(positions, to)
        return [Reset(at, min(max(wanted[at.partition], at.first), at.end)) for at in positions]

    def _wanted(self, positions: Sequence[PartitionPosition], to: int | datetime | None) -> Mapping[Partition, int]:
        match to:
            case None:
                return {at.partition: at.end for at in positions}
            case datetime():
                ms = max(0, int(to.timestamp() * 1000))
                return self._bus.admin.offsets_at([at.partition for at in positions], ms)
            case int():
                return {at.partition: to for at in positions}

    def reset(self, resets: Sequence[Reset]) -> None:
        """Commit the positions, then note it. Raises RejectedError while instances of the node run, BusError.

        What was done beyond the old position is forgotten: a position that is set means what it says.
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
