"""Warm copies of the partitions that other instances hold, so that taking one over costs only its tail.

The changelogs of partitions that are not held here are followed into stores on this machine, between batches.
"""

from collections.abc import Collection

from onex.agent.state.backends import Change, OpenBackend, ProtocolBackend
from onex.bus.protocols import Partition, ProtocolEventBus, ProtocolReader
from onex.wire.changelog import OWN

_CHUNK = 5000


class Standby:
    """Follows every changelog partition that its instance does not hold."""

    def __init__(self, bus: ProtocolEventBus, changelog: str, open_backend: OpenBackend) -> None:
        self._bus = bus
        self._changelog = changelog
        self._open = open_backend
        self._copies: dict[int, ProtocolBackend] = {}
        self._reader: ProtocolReader | None = None

    def follow_all_but(self, held: Collection[int]) -> None:
        """Partitions were assigned or given up. Raises BusError, StateStoreError."""
        topic = self._bus.admin.topics([self._changelog])[self._changelog]
        wanted = set(range(topic.partitions)) - set(held)
        for number in set(self._copies) - wanted:
            self._release(number)
        for number in wanted - set(self._copies):
            self._copies[number] = self._open(number, topic.identity)
        self._stop_reading()
        if self._copies:
            at = {Partition(self._changelog, number): copy.checkpoint() for number, copy in self._copies.items()}
            self._reader = self._bus.read(at)

    def take(self, number: int) -> ProtocolBackend | None:
        """The copy of a partition that this instance holds from now on."""
        return self._copies.pop(number, None)

    def step(self) -> bool:
        """Take in what has come; gives whether there was anything. Raises BusError, StateStoreError."""
        if self._reader is None:
            return False
        found: dict[int, list[Change]] = {}
        ends: dict[int, int] = {}
        for record in self._reader.batch(_CHUNK, 0.0):
            own = found.setdefault(record.partition(), [])
            if (key := record.key()) and key[0] in OWN:
                own.append((key, record.value()))
            ends[record.partition()] = record.offset() + 1
        for number, changes in found.items():
            if copy := self._copies.get(number):
                at_end = self._reader.ended(Partition(self._changelog, number))
                copy.write(changes, ends[number], at_end=at_end)
        return bool(found)

    def keys(self) -> int:
        """Estimated keys in the copies."""
        return sum(copy.size()[0] for copy in self._copies.values())

    def close(self) -> None:
        """Release everything."""
        for number in list(self._copies):
            self._release(number)
        self._stop_reading()

    def _release(self, number: int) -> None:
        """Close a copy; only one that was followed to the end counts as kept up."""
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
