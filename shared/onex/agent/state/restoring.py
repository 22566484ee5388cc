"""Stores that are being restored from their changelog."""

from collections.abc import Iterator, Sequence

from onex.agent.state.backends import Change
from onex.agent.state.chunks import Chunks
from onex.agent.state.partition_store import PartitionStore
from onex.bus.protocols import ProtocolEventBus
from onex.wire.changelog import OWN


class RestoringStores:
    """Stores by partition number, on one thread."""

    def __init__(self, bus: ProtocolEventBus, changelog: str) -> None:
        self._chunks = Chunks(bus, changelog)
        self._stores: dict[int, PartitionStore] = {}

    def __iter__(self) -> Iterator[int]:
        return iter(self._stores)

    def __len__(self) -> int:
        return len(self._stores)

    def items(self) -> Iterator[tuple[int, PartitionStore]]:
        """Iterate over partition numbers and stores."""
        return iter(self._stores.items())

    def add(self, number: int, store: PartitionStore) -> None:
        """Restore this store, too."""
        self._stores[number] = store
        self._chunks.add(number, store.checkpoint())

    def remove(self, number: int) -> PartitionStore | None:
        """Stop restoring a partition. Return its store, or None."""
        self._chunks.remove(number)
        return self._stores.pop(number, None)

    def step(self) -> Sequence[tuple[int, PartitionStore]]:
        """Read a chunk. Return the stores that are complete now. Raise BusError, StateStoreError."""
        changes: dict[int, list[Change]] = {}
        ends: dict[int, int] = {}
        for record in self._chunks.read():
            number = record.partition()
            of_partition = changes.setdefault(number, [])
            if (key := record.key()) and key[0] in OWN:
                of_partition.append((key, record.value()))
            ends[number] = record.offset() + 1
        for number, of_partition in changes.items():
            if store := self._stores.get(number):
                store.apply(of_partition, ends[number])
        self._chunks.reached(ends)
        return [(number, self._complete(number)) for number in self._chunks.ended()]

    def _complete(self, number: int) -> PartitionStore:
        store = self._stores[number]
        store.restored()
        self.remove(number)
        return store
