"""A consumer group of the in-memory bus: members and their sessions, who holds what, committed positions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from onex.bus.memory.log import TransactionMark, TransactionState
from onex.bus.protocols import Partition, Position


@dataclass(slots=True)
class Group:
    """As the group coordinator of a cluster has it."""

    positions: dict[Partition, Position] = field(default_factory=dict)
    members: dict[int, tuple[str, ...]] = field(default_factory=dict)
    """Subscribed topics by member id, in order of joining."""
    polled: dict[int, int] = field(default_factory=dict)
    """When each member polled last: Unix time in milliseconds."""
    held: dict[Partition, int] = field(default_factory=dict)
    pending: dict[Partition, list[tuple[TransactionMark, Position]]] = field(default_factory=dict)
    """Positions that were sent in transactions that are open: not stable yet."""

    def join(self, member: int, topics: Sequence[str], now_ms: int) -> None:
        """Take a member in."""
        self.members[member] = tuple(topics)
        self.polled[member] = now_ms

    def give_up(self, member: int) -> None:
        """Forget a member; what it held is free. Unknown ones are fine."""
        self.members.pop(member, None)
        self.polled.pop(member, None)
        for partition in [p for p, holder in self.held.items() if holder == member]:
            del self.held[partition]

    def expire(self, before_ms: int) -> None:
        """Give up the members that have not polled since then. Clients without topics are no members."""
        for member in [m for m, at in self.polled.items() if at < before_ms and self.members[m]]:
            self.give_up(member)

    def send(self, mark: TransactionMark, positions: Mapping[Partition, Position]) -> None:
        """Take positions of a transaction, which count when it is committed."""
        for partition, position in positions.items():
            self.pending.setdefault(partition, []).append((mark, position))

    def is_stable(self, partition: Partition) -> bool:
        """Whether no open transaction may still change the committed position."""
        waiting = self.pending.pop(partition, None)
        if not waiting:
            return True
        left = [(mark, position) for mark, position in waiting if mark.state is TransactionState.OPEN]
        for mark, position in waiting:
            if mark.state is TransactionState.COMMITTED:
                self.positions[partition] = position
        if left:
            self.pending[partition] = left
        return not left

    def settle(self) -> None:
        """Take in what became of open transactions."""
        for partition in list(self.pending):
            self.is_stable(partition)
