"""The checkpoints of one node: makes, lists, verifies and deletes them."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass

from onex.bus.protocols import Partition, ProtocolEventBus, ProtocolTransaction
from onex.bus.topics import require_topic
from onex.checkpoint.copying import Copier, Making
from onex.checkpoint.manifest import Digest, Manifest, PartitionCut, decoded, encoded, newest_first, require_name
from onex.checkpoint.records import (
    MANIFESTS,
    Writer,
    copy_place,
    copy_prefix,
    is_manifest,
    manifest_key,
    never,
    nothing,
    read_part,
)
from onex.checkpoint.source import CheckpointSource
from onex.errors import PoisonError, RejectedError
from onex.schema import ProtocolSchemaCatalogue
from onex.util.clock import ProtocolClock
from onex.wire.skipped import SkippedRecords


@dataclass(frozen=True, slots=True)
class Retention:
    """Which checkpoints are deleted after a new one is made."""

    count: int
    """The newest that stay, of automatic ones and of all others each. At least 1."""
    seconds: float | None = None
    """Age after which others are deleted. None for no limit."""


class CheckpointStore:
    """The topic of checkpoints of one source. Its calls block."""

    def __init__(
        self,
        bus: ProtocolEventBus,
        catalogue: ProtocolSchemaCatalogue,
        source: CheckpointSource,
        clock: ProtocolClock,
    ) -> None:
        self._bus = bus
        self.source = source
        self._copier = Copier(bus, catalogue, source, clock)
        self.skipped = SkippedRecords()
        """Records that are no manifests."""

    # -- look ------------------------------------------------------------------------------------

    def all(self) -> list[Manifest]:
        """Return the complete checkpoints, the newest first. Raise MissingTopicError, BusError."""
        return [manifest for manifest in self._manifests() if manifest.complete]

    def find(self, name: str) -> Manifest:
        """Return a complete checkpoint. Raise RejectedError when there is none, BusError."""
        found = self.all()
        for manifest in found:
            if manifest.name == name:
                return manifest
        names = ", ".join(each.name for each in found[:20]) or "none"
        raise RejectedError(f"{self.source.node} has no checkpoint {name[:100]!r}; there are: {names}")

    def is_begun(self, name: str) -> bool:
        """Whether a checkpoint is complete, or a process has begun to make it. Raise BusError."""
        return any(manifest.name == name for manifest in self._manifests())

    def copies(self, manifest: Manifest, cut: PartitionCut) -> Iterator[tuple[bytes, bytes]]:
        """Yield the records of one partition of a checkpoint, in order.

        Raise PoisonError at the end when they are not those that were written, BusError.
        """
        prefix, digest, count = copy_prefix(manifest.id), Digest(), 0
        place = copy_place(self.source.topic, cut.number)
        end = min(cut.end, self._bus.admin.ends([place])[place][1])  # a reader waits for later records
        for record in read_part(self._bus, place, cut.first, end):
            key, value = record.key() or b"", record.value()
            if not key.startswith(prefix) or not value:
                continue
            count += 1
            digest.add(key[len(prefix) :], value)
            yield key[len(prefix) :], value
        if (count, digest.text()) != (cut.records, cut.digest):
            raise PoisonError(
                f"checkpoint {manifest.name!r} in {self.source.topic} is damaged: partition {cut.number} has {count} "
                f"of {cut.records} records, or other contents; use another checkpoint"
            )

    # -- change ----------------------------------------------------------------------------------

    def make(self, making: Making, retention: Retention, stopped: Callable[[], bool] = never) -> Manifest:
        """Copy the current keyed state under a name, then delete checkpoints as the retention says.

        Instances of the node may run meanwhile. Raise RejectedError for a name that exists, or that is none,
        TransientError when ``stopped`` returns True meanwhile, MissingTopicError, FencedError when another process
        makes a checkpoint of the node at the same time, BusError.
        """
        require_name(making.name, automatic=making.automatic)
        changelog = self._copier.changelog()
        self._require_new(making.name, self._manifests())
        with self._writer() as writer:
            before = self._manifests()  # again: this writer has fenced all others
            self._require_new(making.name, before)
            for interrupted in (each for each in before if not each.complete):
                self._delete(interrupted, writer)
            begun = self._copier.begun(making, changelog)
            self._write(begun, writer)
            manifest = self._copier.copied(begun, writer, stopped)
            self._write(manifest, writer)
            complete = [manifest, *(each for each in before if each.complete)]
            for expired in _expired(complete, retention, manifest.made_at_ms):
                self._delete(expired, writer)
        return manifest

    def delete(self, manifest: Manifest, note: Callable[[ProtocolTransaction], None] = nothing) -> None:
        """Delete a complete checkpoint. Raise FencedError, BusError.

        ``note`` adds records to the transaction that takes it from the list.
        """
        with self._writer() as writer:
            self._delete(manifest, writer, note)

    # -- parts -----------------------------------------------------------------------------------

    def _writer(self) -> "closing[Writer]":
        return closing(Writer(self._bus.transaction(self.source.transactional_id)))

    def _require_new(self, name: str, manifests: Sequence[Manifest]) -> None:
        if any(each.complete and each.name == name for each in manifests):
            raise RejectedError(f"{self.source.node} has a checkpoint {name!r} already; use another name")

    def _manifests(self) -> list[Manifest]:
        """Return all checkpoints, also those that are not complete."""
        source, found = self.source, dict[str, Manifest]()
        require_topic(self._bus.admin, source.topic)
        place = Partition(source.topic, MANIFESTS)
        first, end = self._bus.admin.ends([place])[place][0], self._bus.admin.stable_ends([place])[place]
        for record in read_part(self._bus, place, first, end):
            key = record.key() or b""
            name = key[1:].decode(errors="replace")
            if is_manifest(key) and not record.value():
                found.pop(name, None)
                continue
            try:
                manifest = decoded(record.value())
            except PoisonError as error:
                self.skipped.skip(record, error)
                continue
            if (manifest_key(manifest.name), manifest.node, manifest.changelog) == (
                key,
                source.node,
                source.changelog,
            ):
                found[name] = manifest
            else:
                self.skipped.skip(record, PoisonError("the manifest of another checkpoint"))
        return newest_first(found.values())

    def _write(
        self, manifest: Manifest, writer: Writer, note: Callable[[ProtocolTransaction], None] = nothing
    ) -> None:
        writer.add(self.source.topic, manifest_key(manifest.name), encoded(manifest), MANIFESTS)
        writer.flush(note)

    def _delete(
        self, manifest: Manifest, writer: Writer, note: Callable[[ProtocolTransaction], None] = nothing
    ) -> None:
        """Take a checkpoint from the list, delete its copies, and then its manifest.

        So no checkpoint is listed that lacks records, and the next ``make`` ends a deletion that was interrupted.
        """
        if manifest.complete:
            self._write(manifest.model_copy(update={"complete": False}), writer, note)
        prefix, topic = copy_prefix(manifest.id), self.source.topic
        count = min(len(manifest.first), require_topic(self._bus.admin, topic).partitions - 1)
        places = [copy_place(topic, number) for number in range(count)]
        ends, cut_ends = self._bus.admin.ends(places), {cut.number: cut.end for cut in manifest.cuts}
        for number, (place, first) in enumerate(zip(places, manifest.first, strict=False)):
            end = ends[place][1]
            for record in read_part(self._bus, place, first, min(end, cut_ends.get(number, end))):
                key = record.key() or b""
                if key.startswith(prefix) and record.value():
                    writer.add(topic, key, None, place.partition)
        writer.flush()
        writer.add(topic, manifest_key(manifest.name), None, MANIFESTS)
        writer.flush()


def _expired(complete: Sequence[Manifest], retention: Retention, now_ms: int) -> Iterator[Manifest]:
    """Yield the checkpoints to delete."""
    counts = {True: 0, False: 0}
    oldest = 0 if retention.seconds is None else now_ms - round(retention.seconds * 1_000)
    for manifest in newest_first(complete):
        counts[manifest.automatic] += 1
        if counts[manifest.automatic] > retention.count or manifest.made_at_ms < oldest:
            yield manifest
