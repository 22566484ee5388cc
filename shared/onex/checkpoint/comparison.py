"""Compares a checkpoint with the current keyed state."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum

from onex.bus.protocols import Partition, ProtocolEventBus
from onex.checkpoint.changelog import belongs, current_digests, digest_of
from onex.checkpoint.manifest import Manifest, PartitionCut
from onex.checkpoint.store import CheckpointStore
from onex.errors import RejectedError

_MOST_EXAMPLES = 20


class EnumKeyChange(StrEnum):
    """The effect of a restore on one key."""

    SAME = "same"
    """State and timers are those of the checkpoint."""
    CHANGED = "changed"
    ADDED = "added"
    """The key has nothing now."""
    REMOVED = "removed"
    """The checkpoint has nothing of the key."""


class KeyChanges:
    """Counts keys by the effect of a restore."""

    def __init__(self) -> None:
        self.counts: Counter[EnumKeyChange] = Counter()
        self.examples: dict[EnumKeyChange, list[str]] = {}
        """The first keys of each effect, 20 at most. None of those that stay the same."""

    def add(self, key: bytes, change: EnumKeyChange) -> None:
        """Count a key."""
        self.counts[change] += 1
        if change is not EnumKeyChange.SAME and len(found := self.examples.setdefault(change, [])) < _MOST_EXAMPLES:
            found.append(key.decode(errors="backslashreplace"))

    @property
    def total(self) -> int:
        """Number of keys that a restore changes."""
        return self.counts.total() - self.counts[EnumKeyChange.SAME]


class Comparison:
    """A checkpoint, or one key of it, and the changelog."""

    def __init__(
        self, bus: ProtocolEventBus, store: CheckpointStore, manifest: Manifest, key: str | None = None
    ) -> None:
        """Raise RejectedError for a key that the checkpoint does not cover."""
        if manifest.key is not None and key not in (None, manifest.key):
            raise RejectedError(f"checkpoint {manifest.name!r} was made of the key {manifest.key!r} only")
        self._bus = bus
        self._store = store
        self.manifest = manifest
        self.key = manifest.key if key is None else key
        self._wanted = None if self.key is None else self.key.encode()

    @property
    def cuts(self) -> Sequence[PartitionCut]:
        """The partitions of the checkpoint that are compared. Raise RejectedError when a partition is missing."""
        of_number = {cut.number: cut for cut in self.manifest.cuts}
        numbers: Sequence[int] = range(self.manifest.partitions)
        if self._wanted is not None:
            numbers = self._bus.partitions_of([self._wanted], self.manifest.partitions)
        if missing := set(numbers) - of_number.keys():
            raise RejectedError(f"checkpoint {self.manifest.name!r} lacks partition {min(missing)}; use another one")
        return [of_number[number] for number in numbers]

    def differences(self, cut: PartitionCut, end: int, changes: KeyChanges) -> Iterator[tuple[bytes, bytes | None]]:
        """Yield the records that make the state of a partition, as of ``end``, that of the checkpoint.

        None deletes. ``changes`` has the keys afterwards. Raise PoisonError for a damaged checkpoint, BusError.
        """
        partition = Partition(self.manifest.changelog, cut.number)
        now = current_digests(self._bus, partition, end, self._wanted)
        copied: set[bytes] = set()
        different: set[bytes] = set()
        for key, value in self._store.copies(self.manifest, cut):
            if not belongs(key, self._wanted):
                continue
            copied.add(key)
            if now.get(key) != digest_of(value):
                different.add(key[1:])
                yield key, value
        for key in sorted(now.keys() - copied):
            different.add(key[1:])
            yield key, None
        _count(now, copied, different, changes)


def _count(now: Mapping[bytes, bytes], copied: set[bytes], different: set[bytes], changes: KeyChanges) -> None:
    before, after = {key[1:] for key in now}, {key[1:] for key in copied}
    for key in sorted(before | after):
        if key not in different:
            changes.add(key, EnumKeyChange.SAME)
        elif key not in before:
            changes.add(key, EnumKeyChange.ADDED)
        else:
            changes.add(key, EnumKeyChange.CHANGED if key in after else EnumKeyChange.REMOVED)
