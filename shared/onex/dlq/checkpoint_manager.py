"""Checkpoints of keyed state for operators: makes, lists and deletes them, and restores one into the changelog.

A restore writes only records that differ. Meanwhile the positions have a mark that blocks agents. It stays after an
interrupted restore, until that is run again. Copies of the state on disks are behind the changelog afterwards, and
read the records as any others.
"""

from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass

from onex.bus.protocols import Partition, Position, ProtocolEventBus, ProtocolTransaction
from onex.bus.topics import require_topic, require_topics
from onex.checkpoint import CheckpointSource, CheckpointStore, Comparison, KeyChanges, Making, Manifest, Retention
from onex.checkpoint.changelog import digest_of
from onex.checkpoint.records import Writer
from onex.checkpoint.schemas import fingerprint_of, schema_id_of
from onex.contract import ResolvedNode
from onex.contract.resolve import earlier_versions
from onex.dlq.audit import Audit, Author
from onex.dlq.manager import Transaction
from onex.dlq.positions import OffsetManager, PartitionPosition, set_positions
from onex.errors import ConfigurationError, MessageError, RejectedError
from onex.mixins.checkpoint_management import ModelCheckpointManagementSubcontract
from onex.model.mesh import EnumDeadLetterAction
from onex.model.message import Message
from onex.schema import Codec, ProtocolSchemaCatalogue
from onex.schema.avro_schema import canonical
from onex.util.clock import ProtocolClock, SystemClock
from onex.wire.changelog import STATE, decode_timers
from onex.wire.positions import Mark, in_progress, mark_of, restoring
from onex.workflow import WorkflowState

_SYSTEM = SystemClock()


@dataclass(frozen=True, slots=True)
class RestorePlan:
    """A planned restore."""

    comparison: Comparison
    changes: KeyChanges
    other_schema: int
    """States that another schema wrote. The node reads them as its own, as it does with every such state."""


class CheckpointManager:
    """The checkpoints of one node. Each restore and deletion has an audit entry with its author."""

    def __init__(
        self,
        bus: ProtocolEventBus,
        catalogue: ProtocolSchemaCatalogue,
        node: ResolvedNode,
        author: Author,
        env: str,
        clock: ProtocolClock = _SYSTEM,
    ) -> None:
        """Raises ConfigurationError for a node without state or without MixinCheckpointManagement."""
        contract = node.contract
        if not contract.node_type.is_stateful:
            raise ConfigurationError(f"{contract.name} has no state: it is of the kind {contract.node_type}")
        if not node.has_checkpoints:
            raise ConfigurationError(
                f"{contract.name} has no checkpoints; add MixinCheckpointManagement to `mixins` of its contract, and "
                "run `onex apply`"
            )
        self._bus = bus
        self._catalogue = catalogue
        self._node = node
        self._contract = contract
        self._author = author
        self._audit = Audit(bus, catalogue, contract.topic_prefix)
        self._offsets = OffsetManager(bus, catalogue, node, author, env)
        source = CheckpointSource.of(contract.name, str(contract.contract_version), env, contract.topic_prefix)
        self._source = source
        self._store = CheckpointStore(bus, catalogue, source, clock)

    def all(self) -> Sequence[Manifest]:
        """Return the complete checkpoints, the newest first. Raise BusError."""
        return self._store.all()

    def find(self, name: str) -> Manifest:
        """Return a checkpoint. Raise RejectedError when there is none, BusError."""
        return self._store.find(name)

    def make(self, name: str, key: str | None = None) -> Manifest:
        """Make a checkpoint of all keys, or of one; instances may run. Raise RejectedError, BusError."""
        if begun := _begun(self._offsets.positions()):
            raise RejectedError(_not_ended(begun.pop()))
        self._fit()
        making = Making(name, key, self._author.who, self._author.why)
        return self._store.make(making, _retention_of(self._node))

    def plan_restore(self, name: str, key: str | None = None) -> RestorePlan:
        """Compare a checkpoint, or one key of it, with the current state. Change nothing.

        Raise RejectedError when the checkpoint does not fit the node, PoisonError when it is damaged, BusError.
        """
        manifest = self.find(name)
        state = require_topic(self._bus.admin, self._source.changelog)
        if state.partitions != manifest.partitions:
            raise RejectedError(
                f"checkpoint {name!r} has {manifest.partitions} partitions and {state.name} has {state.partitions}: "
                "keys would be on other partitions; use `onex state rebuild`"
            )
        self._check_schemas(manifest)
        comparison, changes = Comparison(self._bus, self._store, manifest, key), KeyChanges()
        readable = _Readable(self._codec(), manifest, self._node)
        for cut in comparison.cuts:
            for changed_key, value in comparison.differences(cut, self._end(cut.number), changes):
                readable.check(changed_key, value)
        if comparison.key is not None and not changes.counts:
            raise RejectedError(f"neither checkpoint {name!r} nor {state.name} has the key {comparison.key[:100]!r}")
        self._check_positions(self._offsets.positions(), comparison)
        return RestorePlan(comparison, changes, readable.other_schema)

    def restore(self, plan: RestorePlan) -> KeyChanges:
        """Write the state of the checkpoint; return the changes. Raise RejectedError while instances run, BusError.

        Each record is written once, also when an interrupted restore is run again.
        """
        self._fit()
        name, changes, cuts = self._contract.name, KeyChanges(), plan.comparison.cuts
        partitions = [
            Partition(self._source.changelog, number) for number in range(plan.comparison.manifest.partitions)
        ]
        consumer = self._bus.subscribe(self._source.group, ())
        try:
            self._require_no_transaction(partitions)
            positions, begun = self._offsets.positions(), _mark(plan.comparison).text()
            # First, because only a group without members accepts positions.
            set_positions(consumer, name, {at.partition: Position(_start_of(at), begun) for at in positions})
            with closing(Writer(self._bus.transaction(f"{self._source.group}.state"))) as writer:
                for cut in cuts:
                    for key, value in plan.comparison.differences(cut, self._end(cut.number), changes):
                        writer.add(self._source.changelog, key, value, cut.number)
                writer.flush()
            identity, ends = require_topic(self._bus.admin, self._source.changelog).identity, self._ends(partitions)
            marks = {partition.partition: Mark(identity, end).text() for partition, end in ends.items()}
            done = {at.partition: Position(_start_of(at), marks[at.partition.partition]) for at in positions}
            set_positions(consumer, name, done)
        finally:
            consumer.close()
        self._note(plan.comparison, changes)
        return changes

    def delete(self, name: str) -> Manifest:
        """Delete a checkpoint, and return it. Raise RejectedError when there is none, BusError."""
        manifest = self.find(name)
        of = f"{manifest.keys} keys" if manifest.key is None else f"key {manifest.key}"
        detail = f"checkpoint {manifest.name} of {of}"
        self._store.delete(
            manifest, lambda transaction: self._add(transaction, EnumDeadLetterAction.CHECKPOINT_DELETED, detail)
        )
        return manifest

    # -- parts -----------------------------------------------------------------------------------

    def _fit(self) -> None:
        """Let producers write records as large as the topics take."""
        topics = require_topics(self._bus.admin, [self._source.changelog, self._source.topic])
        limits = [topic.max_message_bytes for topic in topics.values()]
        self._bus.fit(min(limits), max(limits))

    def _codec(self) -> Codec:
        return Codec.of_topic(self._node.state_model or WorkflowState, self._source.changelog, self._catalogue)

    def _check_schemas(self, manifest: Manifest) -> None:
        """Raise RejectedError when ids of schemas have another meaning than when the checkpoint was made."""
        found = self._catalogue.schemas_of(manifest.schemas.keys()) if manifest.schemas else {}
        for schema_id, fingerprint in manifest.schemas.items():
            if schema_id not in found or fingerprint_of(canonical(found[schema_id])) != fingerprint:
                raise RejectedError(
                    f"checkpoint {manifest.name!r} has states of the schema {schema_id}, which the catalogue does "
                    "not have, or has as another one: restore the catalogue first, or use `onex state rebuild`"
                )

    def _check_positions(self, positions: Sequence[PartitionPosition], comparison: Comparison) -> None:
        """Raise RejectedError when a restore would leave a state that does not belong to the positions."""
        if comparison.key is not None and (other := _begun(positions) - {_mark(comparison)}):
            raise RejectedError(_not_ended(other.pop()))
        with_position = {at.partition.partition for at in positions if at.committed}
        with_records = {at.partition.partition for at in positions if at.end > at.first}
        for cut in comparison.cuts:
            if cut.records and cut.number in with_records - with_position:
                raise RejectedError(
                    f"{self._contract.name} has no position on partition {cut.number}: its records would be applied "
                    "to a state that has them already; set positions with `onex offsets reset` first"
                )

    def _require_no_transaction(self, partitions: Sequence[Partition]) -> None:
        """Raise RejectedError while an instance that has ended may still commit."""
        if self._bus.admin.stable_ends(partitions) != self._ends(partitions):
            raise RejectedError(
                f"a transaction of {self._contract.name} is open; stop all of its instances first, and run the "
                "command again in a minute"
            )

    def _end(self, number: int) -> int:
        partition = Partition(self._source.changelog, number)
        return self._bus.admin.stable_ends([partition])[partition]

    def _ends(self, partitions: Sequence[Partition]) -> Mapping[Partition, int]:
        return {partition: end for partition, (_, end) in self._bus.admin.ends(partitions).items()}

    def _note(self, comparison: Comparison, changes: KeyChanges) -> None:
        manifest = comparison.manifest
        detail = f"checkpoint {manifest.name}, {changes.total} of {changes.counts.total()} keys changed"
        if comparison.key is not None:
            detail += f", key {comparison.key}"
        with Transaction(self._bus.transaction(f"{self._source.group}.dlq")) as transaction:
            self._add(transaction, EnumDeadLetterAction.STATE_RESTORED, detail)

    def _add(self, transaction: ProtocolTransaction, action: EnumDeadLetterAction, detail: str) -> None:
        changelog, node = self._source.changelog, self._contract.name
        self._audit.add(transaction, changelog, node, "", action, self._author, detail)


class _Readable:
    """Checks that the node can read the records of a checkpoint."""

    def __init__(self, codec: Codec, manifest: Manifest, node: ResolvedNode) -> None:
        self._codec = codec
        self._manifest = manifest
        self._node = node.contract.name
        carried = [node, *earlier_versions(node)] if node.contract.workflow_coordination is not None else ()
        self._versions = {"", *(str(each.contract.contract_version) for each in carried)}
        """Versions of the runs of a workflow that the node carries on."""
        self.other_schema = 0

    def check(self, key: bytes, value: bytes | None) -> None:
        """Raise RejectedError for a record that the node cannot read."""
        if value is None:
            return
        try:
            if key.startswith(STATE):
                self._check_run(key, self._codec.decode(value))
                self.other_schema += schema_id_of(key, value) != self._codec.schema_id
            else:
                decode_timers(value)
        except MessageError as error:
            raise RejectedError(
                f"checkpoint {self._manifest.name!r} does not fit this version of {self._node}: key {key[1:101]!r}: "
                f"{error}; restore it with version {self._manifest.version} of the node, or let the new fields of "
                "the state have defaults"
            ) from None

    def _check_run(self, key: bytes, state: Message) -> None:
        match state:
            case WorkflowState(version=version) if version not in self._versions:
                raise RejectedError(
                    f"the run began with version {version} of {self._node}, which is not here; deploy the folder of "
                    "that version next to this one"
                )
            case _:
                pass


def _retention_of(node: ResolvedNode) -> Retention:
    match node.subcontracts.get(ModelCheckpointManagementSubcontract):
        case ModelCheckpointManagementSubcontract() as settings:
            pass
        case _:
            settings = ModelCheckpointManagementSubcontract()
    return Retention(settings.keep_count, settings.max_age_seconds)


def _mark(comparison: Comparison) -> Mark:
    """Return the mark of positions during this restore."""
    scope = "all" if comparison.key is None else digest_of(comparison.key.encode()).hex()
    return restoring(f"{comparison.manifest.id}-{scope}")


def _begun(positions: Sequence[PartitionPosition]) -> set[Mark]:
    """Return the marks of changes that were begun and have not ended."""
    return {mark for at in positions if at.committed and (mark := mark_of(at.committed)) and in_progress(mark)}


def _not_ended(mark: Mark) -> str:
    what, command = in_progress(mark) or ("", "")
    return f"{what} was begun and has not ended: run {command} again, for all keys, before this"


def _start_of(at: PartitionPosition) -> int:
    """Return the offset at which the node continues: its position, or the earliest record."""
    return at.first if at.committed is None else at.committed.offset
