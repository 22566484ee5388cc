"""Copies of the state of partitions that are assigned to other instances.

An instance reads the changelogs of these partitions into stores on this machine, between batches. When a partition is
assigned to it, only the end of the changelog is still to be read.
"""

from collections.abc import Collection

from onex.agent.state.backends import Change, OpenBackend, ProtocolBackend
from onex.bus.protocols import Partition, ProtocolEventBus, ProtocolReader
from onex.wire.changelog import OWN

_CHUNK = 5000


class Standby:
    """Follows every changelog partition that is not assigned to its instance."""

    def __init__(self, bus: ProtocolEventBus, changelog: str, open_backend: OpenBackend) -> None:
        self._bus = bus
        self._changelog = changelog
        self._open = open_backend
        self._copies: dict[int, ProtocolBackend] = {}
        self._reader: ProtocolReader | None = None

    def follow_all_but(self, assigned: Collection[int]) -> None:
        """Follow the partitions whose numbers are not assigned. Raise BusError, StateStoreError."""
        topic = self._bus.admin.topics([self._changelog])[self._changelog]
        wanted = set(range(topic.partitions)) - set(assigned)
        for number in set(self._copies) - wanted:
            self._release(number)
        for number in wanted - set(self._copies):
            self._copies[number] = self._open(number, topic.identity)
        self._stop_reading()
        if self._copies:
            at = {Partition(self._changelog, number): copy.checkpoint() for number, copy in self._copies.items()}
            self._reader = self._bus.read(at)

    def take(self, number: int) -> ProtocolBackend | None:
        """Return the copy of a partition that is assigned to this instance now, or None."""
        return self._copies.pop(number, None)

    def step(self) -> bool:
        """Copy the records that have come. Return whether there were any. Raise BusError, StateStoreError."""
        if self._reader is None:
            return False
        changes: dict[int, list[Change]] = {}
        ends: dict[int, int] = {}
        for record in self._reader.batch(_CHUNK, 0.0):
            of_partition = changes.setdefault(record.partition(), [])
            if (key := record.key()) and key[0] in OWN:
                of_partition.append((key, record.value()))
            ends[record.partition()] = record.offset() + 1
        for number, of_partition in changes.items():
            if copy := self._copies.get(number):
                at_end = self._reader.ended(Partition(self._changelog, number))
                copy.write(of_partition, ends[number], at_end=at_end)
        return bool(changes)

    def keys(self) -> int:
        """Return the estimated number of keys in the copies."""
        return sum(copy.size()[0] for copy in self._copies.values())

    def close(self) -> None:
        """Release all copies."""
        for number in list(self._copies):
            self._release(number)
        self._stop_reading()

    def _release(self, number: int) -> None:
        """Close a copy. Only a copy at the end of its changelog is marked as complete."""
        copy = self._copies.pop(number)
        try:
            if self._reader is not None and self._reader.ended(Partition(self._changelog, number)):
                copy.mark_complete()
        finally:
            copy.close()

    def _stop_reading(self) -> None:
        if self._reader is not None:
            self._reader.close()
            self._reader = None
