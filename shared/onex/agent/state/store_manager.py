"""Stores of the assigned partitions: opened on assignment, restored from the changelog, closed on revocation."""

from collections.abc import Collection, Iterable, Mapping, Sequence

from typing_extensions import override

from onex.agent.state.backends import OpenBackend
from onex.agent.state.lost_positions import Changelog, lost_state
from onex.agent.state.partition_store import PartitionStore
from onex.agent.state.restored import Restored
from onex.agent.state.restoring import RestoringStores
from onex.agent.state.standby import Standby
from onex.agent.topic_limits import TopicLimits
from onex.bus.protocols import OnDelivery, Partition, ProtocolEventBus, ProtocolTransaction
from onex.capability import ProtocolShrinkable
from onex.schema import Codec
from onex.wire.positions import Mark


class StoreManager(ProtocolShrinkable):
    """Keyed state by partition number; topics of a stateful node are co-partitioned.

    It shrinks by decoded states, which are read from the disk again."""

    def __init__(
        self,
        bus: ProtocolEventBus,
        changelog: str,
        codec: Codec,
        open_backend: OpenBackend,
        limits: TopicLimits,
        standby: Standby | None = None,
        *,
        notes_new: bool = False,
    ) -> None:
        self._notes_new = notes_new
        self._standby = standby
        self._limits = limits
        self._checkpoints: dict[int, int] = {}
        self._bus = bus
        self._changelog = changelog
        self._codec = codec
        self._open_backend = open_backend
        self._ready: dict[int, PartitionStore] = {}
        self._restoring = RestoringStores(bus, changelog)
        self._firsts: dict[int, int] = {}
        self._ends: dict[int, int] = {}
        self._identities: dict[int, str] = {}
        """Identity of the changelog when the partition was opened."""
        self.restored: Mapping[Partition, Restored] = {}
        """Progress by partition of the changelog, of stores that are being restored. Replaced as a whole, for other
        threads."""

    def open(self, number: int) -> None:
        """Begin to restore a partition from the checkpoint of its store on this machine.

        Raise BusError, StateStoreError.
        """
        if number in self._ready or number in self._restoring:
            return
        topic = self._bus.admin.topics([self._changelog])[self._changelog]
        self._identities[number] = topic.identity
        copy = self._standby.take(number) if self._standby else None
        store = PartitionStore(
            self._codec,
            copy or self._open_backend(number, topic.identity),
            self._changelog,
            self._limits,
            notes_new=self._notes_new,
        )
        partition = Partition(self._changelog, number)
        self._firsts[number], self._ends[number] = self._bus.admin.ends([partition])[partition]
        self._restoring.add(number, store)
        self._note_restored()

    def lost(self, number: int, marks: Sequence[Mark]) -> str:
        """Return why inputs of a partition, with positions that have these marks, cannot continue with its state.

        Empty when no state is missing, or an operator has decided. Then a store on this machine that is ahead of the
        changelog is deleted.
        """
        store = dict(self._restoring.items()).get(number)
        if store is None:
            return ""
        log = Changelog(self._changelog, self._identities[number], self._firsts[number], self._ends[number])
        reason = lost_state(marks, store.checkpoint(), log)
        if not reason and store.checkpoint() > log.end:
            self.close(number)
            self._open_backend(number, "").close()
            self.open(number)
        return reason

    def mark(self, number: int) -> str:
        """Return metadata for positions that are committed now: an offset that the changelog has reached."""
        store = self._ready.get(number)
        return "" if store is None else Mark(self._identities[number], store.checkpoint()).text()

    def restore(self) -> Sequence[int]:
        """Read one chunk of the changelog. Return the partitions that are complete now. Raise BusError."""
        complete = self._restoring.step()
        self._ready.update(complete)
        self._note_restored()
        return [number for number, _ in complete]

    def _note_restored(self) -> None:
        self.restored = {
            Partition(self._changelog, number): Restored(at := store.checkpoint(), max(0, self._ends[number] - at))
            for number, store in self._restoring.items()
        }

    @property
    def restoring(self) -> bool:
        """Whether any partition is not complete yet."""
        return bool(self._restoring)

    def remaining(self) -> int:
        """Return the number of changelog offsets that are still to be read, over all partitions."""
        return sum(max(0, self._ends[n] - store.checkpoint()) for n, store in self._restoring.items())

    def size(self) -> tuple[int, int]:
        """Return the estimated number of keys, and bytes on disk, of the complete stores."""
        sizes = [store.size() for store in self._ready.values()]
        return sum(keys for keys, _ in sizes), sum(size for _, size in sizes)

    @override
    def entry_count(self) -> int:
        return sum(store.cached for store in list(self._ready.values()))

    @override
    def shrink(self, share: float) -> int:
        return sum(store.shrink(share) for store in self._ready.values())

    def open_runs(self) -> int:
        """Return the number of runs of a declared workflow that are not over, of the complete stores."""
        return sum(store.timers.open_runs() for store in self._ready.values())

    def __contains__(self, number: int) -> bool:
        return number in self._ready

    def __getitem__(self, number: int) -> PartitionStore:
        return self._ready[number]

    @property
    def assigned(self) -> Collection[int]:
        """Partition numbers of complete stores and of those being restored."""
        return {*self._ready, *self._restoring}

    def write_changes(self, transaction: ProtocolTransaction) -> None:
        """Write a changelog record per changed key. The offset of the last one becomes the store's checkpoint."""
        self._checkpoints.clear()
        for number, store in self._ready.items():
            changes = store.changes()
            if not changes:
                continue
            key, value = changes[-1]
            transaction.produce_all([(self._changelog, value, key, []) for key, value in changes[:-1]], number)
            transaction.produce(self._changelog, value, key, [], number, self._checkpoint_of(number))

    def _checkpoint_of(self, number: int) -> OnDelivery:
        def report(failed: Exception | None, offset: int) -> None:
            if failed is None:
                self._checkpoints[number] = offset + 1

        return report

    def commit(self) -> None:
        """Write the changes of the committed transaction to the disk."""
        for number, store in self._ready.items():
            store.commit(self._checkpoints.get(number, 0) or store.checkpoint())

    def ready(self) -> Iterable[tuple[int, PartitionStore]]:
        """Return partition numbers and stores, of those that are complete."""
        return self._ready.items()

    def close(self, number: int) -> None:
        """Close the store of a partition. Do nothing for a partition without one."""
        if store := self._ready.pop(number, None):
            store.close()
        if incomplete := self._restoring.remove(number):
            incomplete.close()
            self._note_restored()

    def close_all(self) -> None:
        """Close all stores."""
        for number in [*self._ready, *self._restoring]:
            self.close(number)

    def rollback(self) -> None:
        """Forget the changes of the aborted transaction."""
        for store in self._ready.values():
            store.rollback()
