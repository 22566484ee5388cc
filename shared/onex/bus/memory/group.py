"""A consumer group of the in-memory bus: its members and their sessions, assignments and committed positions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from onex.bus.memory.log import TransactionMark, TransactionState
from onex.bus.protocols import Partition, Position


@dataclass(slots=True)
class Group:
    """A group as the coordinator of a cluster has it."""

    positions: dict[Partition, Position] = field(default_factory=dict)
    members: dict[int, tuple[str, ...]] = field(default_factory=dict)
    """Subscribed topics by member id, in order of joining."""
    polled: dict[int, int] = field(default_factory=dict)
    """When each member polled last: Unix time in milliseconds."""
    assigned: dict[Partition, int] = field(default_factory=dict)
    """Member id by partition."""
    pending: dict[Partition, list[tuple[TransactionMark, Position]]] = field(default_factory=dict)
    """Positions that were sent in transactions that are open: not stable yet."""
    target: "Target | None" = None
    """The last result of the assignor."""

    def join(self, member: int, topics: Sequence[str], now_ms: int) -> None:
        """Add a member, or note that it polls."""
        self.members[member] = tuple(topics)
        self.polled[member] = now_ms

    def remove(self, member: int) -> None:
        """Remove a member; its partitions become free. Unknown members are ignored."""
        self.members.pop(member, None)
        self.polled.pop(member, None)
        for partition in [p for p, assignee in self.assigned.items() if assignee == member]:
            del self.assigned[partition]

    def expire(self, before_ms: int) -> None:
        """Remove the members that polled last before a time. Clients without topics are no members."""
        for member in [m for m, at in self.polled.items() if at < before_ms and self.members[m]]:
            self.remove(member)

    def send(self, mark: TransactionMark, positions: Mapping[Partition, Position]) -> None:
        """Add positions of a transaction, which count when it is committed."""
        for partition, position in positions.items():
            self.pending.setdefault(partition, []).append((mark, position))

    def is_stable(self, partition: Partition) -> bool:
        """Return whether no open transaction may still change the committed position."""
        sent = self.pending.pop(partition, None)
        if not sent:
            return True
        still_open = [(mark, position) for mark, position in sent if mark.state is TransactionState.OPEN]
        for mark, position in sent:
            if mark.state is TransactionState.COMMITTED:
                self.positions[partition] = position
        if still_open:
            self.pending[partition] = still_open
        return not still_open

    def apply_ended(self) -> None:
        """Apply the positions of transactions that have ended."""
        for partition in list(self.pending):
            self.is_stable(partition)


class Target(NamedTuple):
    """What the assignor returned, with what it depends on."""

    topology: int
    members: Mapping[int, tuple[str, ...]]
    member_of: Mapping[Partition, int]


class GroupMember(NamedTuple):
    """A member of a group, as a transaction identifies it when it sends positions."""

    group: Group
    member: int

    @property
    def is_member(self) -> bool:
        """Whether the group still has this member."""
        return self.member in self.group.members
