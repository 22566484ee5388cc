"""A group member on the in-memory bus. It gives partitions up before another member gets them."""

from collections.abc import Mapping, Sequence

from typing_extensions import override

from onex.bus.memory.broker import MemoryBroker
from onex.bus.memory.group import Group, GroupMember
from onex.bus.protocols import Partition, Position, ProtocolConsumer, ProtocolRebalanceListener, ProtocolRecord
from onex.errors import BusUnavailableError


class MemoryConsumer(ProtocolConsumer):
    """Reads the logs of a broker. ``batch`` ignores its timeout: it returns the records that are there."""

    def __init__(
        self,
        broker: MemoryBroker,
        group: str,
        topics: Sequence[str],
        listener: ProtocolRebalanceListener | None,
    ) -> None:
        self._broker = broker
        self._listener = listener
        self.member = broker.next_id()
        self.group: Group = broker.groups.setdefault(group, Group())
        self._topics = tuple(topics)
        self.group.join(self.member, self._topics, broker.now_ms())
        self._at: dict[Partition, int] = {}
        """Next offset to read, by assigned partition."""
        self._paused: set[Partition] = set()
        self._turn = 0
        self._has_left = False
        """A member that the group removed joins again when it polls; one that has left does not."""

    @property
    def alive(self) -> bool:
        """Whether the group still has this member."""
        return self.member in self.group.members

    @override
    def batch(self, most: int, timeout: float) -> Sequence[ProtocolRecord]:
        """Return up to ``most`` records that are in the logs, after a step of the rebalance.

        Partitions take turns, so that a long one does not starve the others. Raises MissingTopicError, and
        BusUnavailableError for a position out of range.
        """
        self._broker.require_up()
        self._broker.expire()
        self._reconcile()
        batch: list[ProtocolRecord] = []
        order = sorted(self._at)
        first = self._turn % len(order) if order else 0
        for partition in (*order[first:], *order[:first]):
            log = self._broker.logs.get(partition)
            if partition in self._paused or log is None:
                continue
            at = self._at[partition]
            if not log.start <= at <= len(log.records):  # as auto.offset.reset: error
                raise BusUnavailableError(f"reading {partition}: offset {at} is out of range")
            if at < len(log.records):
                records, self._at[partition] = log.visible(at, most - len(batch))
                batch += records
        self._turn += 1
        return batch

    def _reconcile(self) -> None:
        """Give up the partitions that belong to other members now, and take the ones that are free for this one."""
        if not self.alive:
            if self._at:
                self._release(list(self._at), lost=True)
            if self._has_left:
                return
        self.group.join(self.member, self._topics, self._broker.now_ms())
        for topic in self.group.members[self.member]:
            self._broker.topic(topic)
        target = self._broker.target(self.group)
        if surplus := [p for p in self._at if target.get(p) != self.member]:
            self._release(surplus, lost=False)
        free = [p for p, member in target.items() if member == self.member and p not in self.group.assigned]
        if not free:
            return
        committed = self.committed(free)
        for partition, (first, _) in self._broker.ends(free).items():
            self.group.assigned[partition] = self.member
            self._at[partition] = committed[partition].offset if partition in committed else first
        if self._listener:
            self._listener.on_assigned(free, committed)

    def _release(self, partitions: Sequence[Partition], *, lost: bool) -> None:
        if self._listener:
            if lost:
                self._listener.on_lost(partitions)
            else:
                self._listener.on_revoked(partitions)
        for partition in partitions:
            del self._at[partition]
            self._paused.discard(partition)
            if self.group.assigned.get(partition) == self.member:
                del self.group.assigned[partition]

    @override
    def assignment(self) -> Sequence[Partition]:
        return list(self._at)

    @override
    def pause(self, partitions: Sequence[Partition]) -> None:
        self._paused.update(partition for partition in partitions if partition in self._at)

    @override
    def resume(self, partitions: Sequence[Partition]) -> None:
        self._paused.difference_update(partitions)

    @override
    def seek(self, partition: Partition, offset: int) -> None:
        if partition in self._at:
            self._at[partition] = offset

    @override
    def committed(self, partitions: Sequence[Partition]) -> Mapping[Partition, Position]:
        """Return committed positions. Raise BusUnavailableError while an open transaction may change one of them.

        Kafka reports UNSTABLE_OFFSET_COMMIT, and librdkafka repeats the request until its timeout. The clock of this
        bus does not advance meanwhile.
        """
        self._broker.require_up()
        self._broker.expire()
        if unstable := [partition for partition in partitions if not self.group.is_stable(partition)]:
            raise BusUnavailableError(
                f"asking for committed offsets: that of {unstable[0].topic}[{unstable[0].partition}] is not stable"
            )
        return {p: self.group.positions[p] for p in partitions if p in self.group.positions}

    @override
    def commit(self, positions: Mapping[Partition, Position]) -> None:
        """Commit positions. Raises BusError. A client without topics commits only while the group has no members."""
        self._broker.require_up()
        self._broker.expire()
        if not self._topics and any(self.group.members.values()):
            raise BusUnavailableError("committing offsets: the group has members (UNKNOWN_MEMBER_ID)")
        if not self.alive:
            raise BusUnavailableError("committing offsets: the group does not know this member")
        self.group.positions.update(positions)

    @override
    def lag(self) -> Mapping[Partition, int]:
        present = {p: at for p, at in self._at.items() if p in self._broker.logs}
        return {p: len(self._broker.logs[p].records) - at for p, at in present.items()}

    @override
    def positions(self) -> Mapping[Partition, int]:
        return dict(self._at)

    @override
    def group_metadata(self) -> GroupMember:
        return GroupMember(self.group, self.member)

    @override
    def serve(self) -> None:
        """Do nothing: there are no other threads."""

    def expel(self) -> None:
        """Test switch: the group removes a member that still runs. The member notices, and joins again, when it
        polls."""
        self.group.remove(self.member)

    def rewind(self) -> None:
        """Test switch: the client goes back to the earliest records, as a client does whose request for the committed
        positions failed, or whose position is out of range."""
        present = [partition for partition in self._at if partition in self._broker.logs]
        self._at |= {partition: first for partition, (first, _) in self._broker.ends(present).items()}

    def crash(self) -> None:
        """Test switch: the member is gone without leaving its group; its partitions are free immediately."""
        self._leave()
        self._at.clear()

    def _leave(self) -> None:
        self._has_left = True
        self.group.remove(self.member)

    @override
    def close(self) -> None:
        if self._at:
            self._release(list(self._at), lost=not self.alive)
        self._leave()
