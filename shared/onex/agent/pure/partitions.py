"""Partitions of a pure node: assigned, restored, compared with what is committed, followed as copies, released.

The way of a partition: ``assigned`` compares its committed position and its changelog with the topics as they are ->
``restore`` reads the changelog, a chunk between two batches -> records are read -> ``revoked``.
"""

from collections.abc import Collection, Mapping, Sequence

import structlog

from onex.agent.failure.blocked_partitions import BlockedPartitions
from onex.agent.message.program import Program
from onex.agent.runtime import AgentRuntime
from onex.agent.state.lost_positions import lost_position, read_again, remedy, seek_to_first, state_remedy
from onex.agent.state.restored import Restored
from onex.agent.state.standby import Standby
from onex.agent.state.store_manager import StoreManager
from onex.bus.protocols import Partition, Position, ProtocolConsumer
from onex.errors import BusError
from onex.model.enums import EnumGuarantee
from onex.wire.positions import mark_of

log = structlog.get_logger(__name__)


class PurePartitions:
    """The partitions of one engine, on its thread."""

    def __init__(self, program: Program, runtime: AgentRuntime, blocked: BlockedPartitions) -> None:
        contract, bus, open_backend = program.contract, runtime.bus, runtime.open_backend
        self._bus = bus
        self._blocked = blocked
        self._health = runtime.health
        self._node = contract.name
        self._topics = program.topics
        self._changelog = changelog = contract.changelog_topic
        self.standby = Standby(bus, changelog, open_backend) if contract.delivery.standby else None
        self.stores = (
            None
            if program.state is None
            else StoreManager(
                bus, changelog, program.state, open_backend, program.limits, self.standby, notes_new=True
            )
        )
        self.consumer: ProtocolConsumer
        """Set when the engine joins the group."""
        self.progress: dict[Partition, int] = {}
        """Next offset per partition, as far as this engine has committed."""
        self._adopting: Mapping[Partition, Restored] = {}
        """Partitions whose assignment is in progress."""
        self._assignment_changed = True
        """Partitions were assigned or released since the standby was last updated."""
        self._committed_at: dict[Partition, Position] = {}
        """Positions that this instance, or an earlier owner, had committed when partitions were assigned."""
        self._lost: dict[int, str] = {}
        """Partition numbers whose state does not fit, with the reason."""
        self._is_exactly_once = contract.delivery.guarantee is EnumGuarantee.EXACTLY_ONCE
        """Otherwise changes of a state may be committed without the position that belongs to them."""
        self._has_position: set[int] = set()
        """Partition numbers of which any input has a committed position."""

    def assigned(self, partitions: Sequence[Partition], committed: Mapping[Partition, Position]) -> None:
        """Take partitions over. Those of a node with a state stay paused until their stores are complete."""
        stores = self.stores
        if stores is not None:
            self.consumer.pause(partitions)
        self._assignment_changed = True
        self._adopting = dict.fromkeys(partitions, Restored(0, 1))
        numbers = sorted({partition.partition for partition in partitions})
        self._committed_at |= committed
        self._block(seek_to_first(self.consumer, committed, self._bus, self._node))
        if stores is not None:
            other_inputs = {Partition(t, n) for n in numbers for t in self._topics}.difference(partitions)
            positions = {**committed, **self.consumer.committed(sorted(other_inputs))}
            self._has_position |= {partition.partition for partition in positions}
            for number in numbers:
                self._open(stores, number, [p for p in partitions if p.partition == number], positions)
            self._report(stores)
        self._adopting = {}

    def _open(
        self, stores: StoreManager, number: int, inputs: Sequence[Partition], positions: Mapping[Partition, Position]
    ) -> None:
        stores.open(number)
        marks_of_inputs = ((p, mark_of(at)) for p, at in positions.items() if p.partition == number)
        marks = {partition: mark for partition, mark in marks_of_inputs if mark is not None}
        if reason := stores.lost(number, list(marks.values())):
            self._lost[number] = reason + state_remedy(self._node, *marks)
        if number in self._lost:
            self._block(dict.fromkeys(inputs, self._lost[number]))
        if number in stores:
            self._begin_reading(stores, number)

    def check(self, first: Mapping[Partition, int]) -> None:
        """Raise BusUnavailableError when a batch that begins at these offsets has records that are committed."""
        for partition, offset in first.items():
            if offset < (done := self.done(partition)):
                raise read_again(partition, offset, done)

    def done(self, partition: Partition) -> int:
        """Return the offset below which every record of an assigned partition is done."""
        if (offset := self.progress.get(partition)) is not None:
            return offset
        position = self._committed_at.get(partition)
        return 0 if position is None else position.offset

    def restore(self) -> None:
        """Read a chunk of the changelogs, and resume partitions whose stores are complete."""
        if (stores := self.stores) is not None:
            for number in stores.restore():
                self._begin_reading(stores, number)
            self._report(stores)

    def _report(self, stores: StoreManager) -> None:
        for partition, restored in stores.restored.items():
            self._health.complain(f"restore {partition.partition}", restored.reason("state"))

    def _begin_reading(self, stores: StoreManager, number: int) -> None:
        inputs = [p for p in self.consumer.assignment() if p.partition == number]
        if self._is_exactly_once and number not in self._has_position and not stores[number].is_empty:
            self._lost[number] = lost_position(self._changelog) + remedy(self._node, *sorted(inputs))
            self._block(dict.fromkeys(inputs, self._lost[number]))
        self.consumer.resume([p for p in inputs if not self._blocked.is_blocked(p)])
        self._health.clear(f"restore {number}")

    def _block(self, lost: Mapping[Partition, str]) -> None:
        """Block partitions whose records or state are lost, until an operator decides where they continue."""
        for partition, reason in lost.items():
            self._blocked.lose(partition, reason)
        self.consumer.pause(list(lost))

    @property
    def are_restoring(self) -> bool:
        """Whether the state of any partition is not complete yet."""
        return self.stores is not None and self.stores.restoring

    def restoring(self) -> dict[Partition, Restored]:
        """Return partitions that are being assigned, and the progress of their restores. From any thread."""
        return {**self._adopting, **(self.stores.restored if self.stores is not None else {})}

    def is_stopped(self, partition: Partition) -> bool:
        """Whether the partition is stalled, blocked or being restored, so that no record is read from it."""
        return self._blocked.is_stopped(partition) or (
            self.stores is not None and partition.partition not in self.stores
        )

    def stand_by(self) -> bool:
        """Follow the partitions of the other instances, unless state of this one is being restored. Return whether
        there was a change."""
        if self.standby is None or self.stores is None or self.stores.restoring:
            return False
        try:
            if self._assignment_changed:
                self.standby.follow_all_but(self.stores.assigned)
                self._assignment_changed = False
            return self.standby.step()
        except BusError as error:  # the node's own work continues without copies, which are followed again later
            log.warning("standby cannot follow", reason=str(error))
            self._assignment_changed = True
            return False

    def marked(self, positions: dict[Partition, Position]) -> dict[Partition, Position]:
        """Add the end of the changelog to positions, so that a later owner notices when a part of it is gone."""
        if (stores := self.stores) is None:
            return positions
        return {p: Position(position.offset, stores.mark(p.partition)) for p, position in positions.items()}

    def unchanged_positions(self, numbers: Collection[int]) -> dict[Partition, Position]:
        """Return the position, as it is, of one input partition that timers of these numbers belong to.

        The group checks whether a member is alive only when it sends a position: without one, the group would commit
        a transaction of an instance that it has removed.
        """
        inputs = sorted(p for p in self.consumer.assignment() if p.partition in numbers)
        for partition in inputs:
            if (offset := self.progress.get(partition)) is not None:
                return self.marked({partition: Position(offset)})
        for partition in inputs:
            if (position := self._committed_at.get(partition)) is not None:
                return self.marked({partition: position})
        first = self._bus.admin.ends(inputs[:1])
        return self.marked({partition: Position(start) for partition, (start, _) in first.items()})

    def revoked(self, partition: Partition) -> None:
        """Forget a partition that is assigned to another instance, and close its store."""
        self._assignment_changed = True
        self.progress.pop(partition, None)
        self._committed_at.pop(partition, None)
        self._has_position.discard(partition.partition)
        self._lost.pop(partition.partition, None)
        if self.stores is not None:
            self.stores.close(partition.partition)
            self._health.clear(f"restore {partition.partition}")

    def close(self) -> None:
        """Close all stores and copies."""
        if self.stores is not None:
            self.stores.close_all()
        if self.standby is not None:
            self.standby.close()
