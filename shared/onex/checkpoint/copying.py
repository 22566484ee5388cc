"""Copies the current values of a changelog to the topic of checkpoints, partition by partition."""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from uuid import uuid4

from onex.bus.protocols import Partition, ProtocolEventBus, TopicState
from onex.bus.topics import require_topics
from onex.checkpoint.changelog import current, latest_offsets
from onex.checkpoint.manifest import Digest, Manifest, PartitionCut
from onex.checkpoint.records import Writer, copy_place, copy_prefix
from onex.checkpoint.schemas import fingerprint_of, schema_id_of
from onex.checkpoint.source import CheckpointSource
from onex.errors import BusError, RejectedError, SchemaMismatchError
from onex.schema import ProtocolSchemaCatalogue, subject_of
from onex.schema.avro_schema import canonical
from onex.util.clock import ProtocolClock
from onex.wire.changelog import COMPACTION_LAG, COMPACTION_LAG_MS

_LONGEST_SECONDS = COMPACTION_LAG_MS / 2_000
"""Seconds to copy one partition. Half of the lag leaves the other half to clocks that differ."""


@dataclass(frozen=True, slots=True)
class Making:
    """A checkpoint to make."""

    name: str
    key: str | None = None
    """The only key. None for all."""
    who: str = ""
    reason: str = ""
    automatic: bool = False


@dataclass(slots=True)
class _Counted:
    """Facts about the values that were copied."""

    keys: int = 0
    size: int = 0
    schema_ids: set[int] = field(default_factory=set)


class Copier:
    """Makes the copies of one source."""

    def __init__(
        self,
        bus: ProtocolEventBus,
        catalogue: ProtocolSchemaCatalogue,
        source: CheckpointSource,
        clock: ProtocolClock,
    ) -> None:
        self._bus = bus
        self._catalogue = catalogue
        self._source = source
        self._clock = clock

    def changelog(self) -> TopicState:
        """Return the changelog when copies of it can be made. Raise MissingTopicError, RejectedError, BusError."""
        source = self._source
        topics = require_topics(self._bus.admin, [source.changelog, source.topic])
        changelog, copies = topics[source.changelog], topics[source.topic].partitions
        if copies != changelog.partitions + 1:
            raise RejectedError(
                f"{source.topic} has {copies} partitions and needs {changelog.partitions + 1}, one more than "
                f"{source.changelog}; delete it with its checkpoints, and run `onex apply`"
            )
        lag = changelog.config.get(COMPACTION_LAG, "0")
        if not lag.isdecimal() or int(lag) < COMPACTION_LAG_MS:
            raise RejectedError(
                f"{COMPACTION_LAG} of {source.changelog} is {lag}, and checkpoints need {COMPACTION_LAG_MS}: values "
                "could be removed while they are copied; run `onex apply`"
            )
        return changelog

    def begun(self, making: Making, changelog: TopicState) -> Manifest:
        """Return the manifest of a checkpoint that is not complete. Raise SchemaMismatchError, BusError."""
        source, numbers = self._source, range(changelog.partitions)
        ends = self._bus.admin.ends([copy_place(source.topic, number) for number in numbers])
        return Manifest(
            name=making.name,
            id=uuid4().hex,
            node=source.node,
            version=source.version,
            changelog=source.changelog,
            partitions=changelog.partitions,
            fingerprint=self._fingerprint(),
            made_at_ms=self._clock.now_ms(),
            who=making.who[:1_000],
            reason=making.reason[:10_000],
            key=making.key,
            first=tuple(ends[copy_place(source.topic, number)][1] for number in numbers),
        )

    def copied(self, manifest: Manifest, writer: Writer, stopped: Callable[[], bool]) -> Manifest:
        """Copy the partitions, one after the other. Return the complete manifest.

        Raise TransientError when ``stopped`` returns True meanwhile, BusError.
        """
        rested = self._ends_at_rest(manifest)
        wanted = None if manifest.key is None else manifest.key.encode()
        numbers: Sequence[int] = range(manifest.partitions)
        if wanted is not None:
            numbers = self._bus.partitions_of([wanted], manifest.partitions)
        counted = _Counted()
        cuts = tuple(self._copy(manifest, number, wanted, writer, counted, stopped) for number in numbers)
        return manifest.model_copy(
            update={
                "complete": True,
                "keys": counted.keys,
                "size_bytes": counted.size,
                "schemas": self._fingerprints(counted.schema_ids),
                "at_rest": rested is not None and self._ends_at_rest(manifest) == rested,
                "cuts": cuts,
            }
        )

    def _copy(
        self,
        manifest: Manifest,
        number: int,
        wanted: bytes | None,
        writer: Writer,
        counted: _Counted,
        stopped: Callable[[], bool],
    ) -> PartitionCut:
        topic, partition = self._source.topic, Partition(self._source.changelog, number)
        prefix, digest, keys, records = copy_prefix(manifest.id), Digest(), set[bytes](), 0
        began = self._clock.monotonic()
        cut = self._bus.admin.stable_ends([partition])[partition]
        latest = latest_offsets(self._bus, partition, cut, wanted, stopped)
        for key, value in current(self._bus, partition, cut, latest, stopped):
            digest.add(key, value)
            keys.add(key[1:])
            records += 1
            counted.size += len(key) + len(value)
            if (schema_id := schema_id_of(key, value)) is not None:
                counted.schema_ids.add(schema_id)
            writer.add(topic, prefix + key, value, copy_place(topic, number).partition)
        writer.flush()
        took = self._clock.monotonic() - began
        if records != len(latest) or took > _LONGEST_SECONDS:
            raise BusError(
                f"copying {partition.topic}[{number}] took {took:.0f} s and found {records} of {len(latest)} values; "
                f"all of them stay for {_LONGEST_SECONDS:.0f} s: make it again when the cluster has less to do"
            )
        counted.keys += len(keys)
        place = copy_place(topic, number)
        first, end = manifest.first[number], self._bus.admin.ends([place])[place][1]
        return PartitionCut(number=number, cut=cut, first=first, end=end, records=records, digest=digest.text())

    def _ends_at_rest(self, manifest: Manifest) -> Mapping[Partition, int] | None:
        """Return the ends of the changelog when no instance of the node runs. None while one runs."""
        if self._bus.admin.groups().get(self._source.group, False):
            return None
        partitions = [Partition(manifest.changelog, number) for number in range(manifest.partitions)]
        ends = {partition: end for partition, (_, end) in self._bus.admin.ends(partitions).items()}
        return ends if self._bus.admin.stable_ends(partitions) == ends else None

    def _fingerprint(self) -> str:
        subject = subject_of(self._source.changelog)
        versions = self._catalogue.versions([subject])[subject]
        if not versions:
            raise SchemaMismatchError(f"{subject} has no schema; run `onex apply`")
        return fingerprint_of(versions[-1].text)

    def _fingerprints(self, ids: Collection[int]) -> dict[int, str]:
        found = self._catalogue.schemas_of(ids) if ids else {}
        if unknown := sorted(set(ids) - found.keys()):
            raise SchemaMismatchError(
                f"values of {self._source.changelog} have the schema {unknown[0]}, which is not registered; run "
                "`onex apply` with the version of the node that wrote them"
            )
        return {number: fingerprint_of(canonical(schema)) for number, schema in sorted(found.items())}
