"""Deletes the state of a reducer or orchestrator, or rebuilds it from the records that its inputs still have.

The changelog is deleted and created again. Its new identity invalidates every copy of the state on a disk, on all
machines. Meanwhile the positions have a mark that blocks agents, until an interrupted command is run again.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from onex.bus.protocols import Partition, Position, ProtocolEventBus
from onex.bus.topics import all_partitions
from onex.contract import ResolvedNode
from onex.dlq.audit import Audit, Author
from onex.dlq.manager import Transaction
from onex.dlq.positions import OffsetManager, PartitionPosition, Reset, note_resets, set_positions
from onex.errors import ConfigurationError, RejectedError
from onex.model.enums import EnumTopicCategory
from onex.model.mesh import EnumDeadLetterAction
from onex.model.topic import TopicName, is_foreign
from onex.schema import ProtocolSchemaCatalogue
from onex.wire.positions import UNFINISHED, Mark


@dataclass(frozen=True, slots=True)
class StateChange:
    """A planned change of the state of a node."""

    changelog: str
    offsets: int
    """Number of offsets of the changelog that are deleted. Transaction markers have offsets too."""
    resets: Sequence[Reset]
    """Resets of every partition that the node reads."""
    incomplete: Sequence[Partition] = ()
    """Inputs of a rebuild whose first records are deleted: the new state lacks their effects."""
    is_rebuild: bool = False


class StateManager:
    """Deletes or rebuilds the state of one node. Each change has an audit entry with its author."""

    def __init__(
        self, bus: ProtocolEventBus, catalogue: ProtocolSchemaCatalogue, node: ResolvedNode, author: Author, env: str
    ) -> None:
        """Raises ConfigurationError for a node without state."""
        contract = node.contract
        if not contract.node_type.is_stateful:
            raise ConfigurationError(f"{contract.name} has no state: it is of the kind {contract.node_type}")
        self._bus = bus
        self._node = node
        self._contract = contract
        self._author = author
        self._audit = Audit(bus, catalogue, contract.topic_prefix)
        self._offsets = OffsetManager(bus, catalogue, node, author, env)
        self._group = contract.group(env)

    def plan_drop(self) -> StateChange:
        """Plan to delete the state and leave the positions: every key is new. Raise RejectedError, BusError."""
        deleted = self._deleted()
        resets = [Reset(at, _start_of(at)) for at in self._offsets.positions()]
        return StateChange(self._contract.changelog_topic, deleted, resets)

    def plan_rebuild(self, *, publish_again: bool = False) -> StateChange:
        """Plan to delete the state and read the inputs again from the earliest record. Raise RejectedError, BusError.

        Records on the retry topic are skipped, because their originals are read again. Snapshots may be published
        again; other outputs are refused without ``publish_again``.
        """
        outputs = frozenset(self._node.outputs.values())
        if cycle := sorted(outputs & self._node.routes.keys()):
            raise RejectedError(
                f"{self._contract.name} reads {cycle[0]}, which it publishes itself: messages that are published "
                "again would be applied a second time; use `onex state drop`"
            )
        if not publish_again and (twice := sorted(filter(_counts_twice, outputs))):
            raise RejectedError(
                f"{self._contract.name} would publish a second time to {', '.join(twice)}; --publish-again accepts it"
            )
        deleted, positions, retries = self._deleted(), self._offsets.positions(), self._contract.retry_topic
        resets = [Reset(at, at.end if at.partition.topic == retries else at.first) for at in positions]
        lost = [at.partition for at in positions if at.partition.topic != retries and at.first > 0]
        return StateChange(self._contract.changelog_topic, deleted, resets, lost, is_rebuild=True)

    def apply(self, change: StateChange) -> None:
        """Apply a change, then write audit entries. Raise RejectedError while instances of the node run, BusError."""
        name = self._contract.name
        consumer = self._bus.subscribe(self._group, ())
        try:
            # First, because only a group without members accepts positions.
            set_positions(consumer, name, {r.before.partition: _blocked(r.before) for r in change.resets})
            identity = self._bus.admin.remake(change.changelog)
            mark = Mark(identity, 0).text()
            set_positions(consumer, name, {r.before.partition: Position(r.to, mark) for r in change.resets})
        finally:
            consumer.close()
        action = EnumDeadLetterAction.STATE_REBUILT if change.is_rebuild else EnumDeadLetterAction.STATE_DROPPED
        with Transaction(self._bus.transaction(f"{self._group}.dlq")) as transaction:
            detail = f"{change.offsets} offsets deleted"
            self._audit.add(transaction, change.changelog, name, "", action, self._author, detail)
            if change.is_rebuild:
                note_resets(transaction, self._audit, name, self._author, change.resets)

    def _deleted(self) -> int:
        changelog = self._contract.changelog_topic
        state = self._bus.admin.topics([changelog]).get(changelog)
        if state is None:
            raise RejectedError(f"{changelog} does not exist; run `onex apply`, then this command again")
        ends = self._bus.admin.ends(all_partitions([state]))
        return sum(end - first for first, end in ends.values())


def _start_of(at: PartitionPosition) -> int:
    """Return the offset at which the node continues: its position, or the earliest record."""
    return at.first if at.committed is None else at.committed.offset


def _blocked(at: PartitionPosition) -> Position:
    return Position(_start_of(at), UNFINISHED.text())


def _counts_twice(topic: str) -> bool:
    """Return whether a message that is published again counts again. A snapshot only replaces the previous one."""
    return is_foreign(topic) or TopicName.parse(topic).category is not EnumTopicCategory.SNAPSHOT
