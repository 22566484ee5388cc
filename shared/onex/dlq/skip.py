"""Skips a record that ends the process of its node repeatedly: the record becomes a dead letter."""

from onex.bus.protocols import Partition, ProtocolEventBus, ProtocolRecord
from onex.contract import ResolvedNode
from onex.dlq.audit import Audit, Author
from onex.dlq.manager import Transaction
from onex.errors import RejectedError
from onex.model.mesh import EnumDeadLetterAction
from onex.schema import ProtocolSchemaCatalogue
from onex.wire.foreign_headers import headers_of
from onex.wire.headers import ID
from onex.wire.ids import message_id
from onex.wire.positions import done_beyond
from onex.wire.skip import Skip


class OffsetSkipper:
    """Skips records of one node. Every skip has an audit entry with its author."""

    def __init__(
        self, bus: ProtocolEventBus, catalogue: ProtocolSchemaCatalogue, node: ResolvedNode, author: Author, env: str
    ) -> None:
        self._bus = bus
        self._contract = node.contract
        self._inputs = frozenset(node.routes)
        self._author = author
        self._audit = Audit(bus, catalogue, self._contract.topic_prefix)
        self._group = self._contract.group(env)
        self._transactional_id = f"{self._group}.dlq"

    def find(self, partition: Partition, offset: int) -> ProtocolRecord | None:
        """Return the record; None for a timer: its topic is the changelog, and its offset follows from its due time.

        Raises RejectedError when the node does not read such a record, or has finished it; BusError.
        """
        if self._contract.node_type.is_stateful and partition.topic == self._contract.changelog_topic:
            return None
        if partition.topic not in self._inputs and partition.topic != self._contract.retry_topic:
            read = ", ".join(sorted({*self._inputs, self._contract.retry_topic}))
            raise RejectedError(f"{self._contract.name} does not read {partition.topic!r}; it reads {read}")
        state = self._bus.admin.topics([partition.topic]).get(partition.topic)
        if state is None or not 0 <= partition.partition < state.partitions:
            raise RejectedError(f"{partition.topic} has no partition {partition.partition}")
        committed = self._bus.admin.group_positions(self._group, [partition]).get(partition)
        if committed is not None and (offset < committed.offset or offset in done_beyond(committed)):
            raise RejectedError(f"{self._contract.name} has finished offset {offset}; there is nothing to skip")
        end = self._bus.admin.stable_ends([partition])[partition]
        if offset < end:
            reader = self._bus.read({partition: offset}, {partition: end})
            try:
                record = next(reader.until_end(), None)
            finally:
                reader.close()
            if record is not None and record.offset() == offset:
                return record
        raise RejectedError(f"{partition.topic}[{partition.partition}] holds no record at offset {offset}")

    def skip(self, partition: Partition, offset: int, record: ProtocolRecord | None) -> None:
        """Send the decision to the blocked agent, with an audit entry. Raise FencedError, BusError."""
        skip = Skip(self._group, *partition, offset, self._author.why, self._author.who)
        place = f"{partition.topic}-{partition.partition}-{offset}"
        identity, message = place, place
        if record is not None:
            identity = f"{place}-{record.timestamp()[1]}"
            message = message_id(record, headers_of(record).get(ID)).decode(errors="replace")
        with Transaction(self._bus.transaction(self._transactional_id)) as transaction:
            retry_topic = self._contract.retry_topic
            transaction.produce(retry_topic, None, None, skip.headers(), partition.partition)
            self._audit.add(
                transaction,
                identity,
                self._contract.name,
                message,
                EnumDeadLetterAction.SKIPPED,
                self._author,
            )
