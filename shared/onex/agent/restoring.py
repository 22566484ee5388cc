"""Stores that are being restored from their changelog: one reader for all of them, so that memory does not grow with
the number of partitions."""

from collections.abc import Iterator, Sequence

from onex.agent.backing import Change
from onex.agent.store import OWN, PartitionStore
from onex.bus.protocols import Partition, ProtocolEventBus, ProtocolReader

_CHUNK = 5000
_PATIENCE = 0.02


class RestoringStores:
    """By partition number. The reader is opened again when partitions are added, from where each store is."""

    def __init__(self, bus: ProtocolEventBus, changelog: str) -> None:
        self._bus = bus
        self._changelog = changelog
        self._stores: dict[int, PartitionStore] = {}
        self._reader: ProtocolReader | None = None

    def __iter__(self) -> Iterator[int]:
        return iter(self._stores)

    def __len__(self) -> int:
        return len(self._stores)

    def items(self) -> Iterator[tuple[int, PartitionStore]]:
        """Partition numbers and stores."""
        return iter(self._stores.items())

    def add(self, number: int, store: PartitionStore) -> None:
        """Restore this one as well."""
        self._stop_reading()
        self._stores[number] = store

    def remove(self, number: int) -> PartitionStore | None:
        """The store of a partition that is given up, or None."""
        if self._reader is not None and number in self._stores:
            self._reader.drop(Partition(self._changelog, number))
        store = self._stores.pop(number, None)
        if not self._stores:
            self._stop_reading()
        return store

    def step(self) -> Sequence[tuple[int, PartitionStore]]:
        """Read a chunk; gives the stores that are complete now. Raises BusError, StateStoreError."""
        if self._reader is None:
            at = {Partition(self._changelog, number): store.checkpoint() for number, store in self._stores.items()}
            self._reader = self._bus.read(at)
        changes: dict[int, list[Change]] = {}
        ends: dict[int, int] = {}
        for record in self._reader.batch(_CHUNK, _PATIENCE):
            number = record.partition()
            own = changes.setdefault(number, [])
            if (key := record.key()) and key[0] in OWN:
                own.append((key, record.value()))
            ends[number] = record.offset() + 1
        for number, found in changes.items():
            if store := self._stores.get(number):
                store.apply(found, ends[number])
        ended = [n for n in self._stores if self._reader.ended(Partition(self._changelog, n))]
        return [(number, self._complete(number)) for number in ended]

    def _complete(self, number: int) -> PartitionStore:
        store = self._stores[number]
        store.restored()
        self.remove(number)
        return store

    def _stop_reading(self) -> None:
        if self._reader is not None:
            self._reader.close()
            self._reader = None
