"""Records for which memory was short: each is carried alone, after a wait, before it counts as the cause."""

from collections.abc import Mapping, Sequence
from typing import TypeVar

from onex.bus.protocols import Partition, Position, ProtocolRecord
from onex.model.errors import TransactionAbortedError

T = TypeVar("T")
Place = tuple[str, int, int]
"""Topic, partition and offset of a record; offset -1 of a fired timer."""
TRIES = 3
"""How often a record may fail alone before it becomes a dead letter."""


class OutOfMemoryError(TransactionAbortedError):
    """Memory was short while a record was carried: the batch runs again after a wait, this record alone."""


class Alone:
    """Of one pure agent: which records are carried alone, and how often each has failed so."""

    def __init__(self) -> None:
        self._failed: dict[Place, int] = {}
        self.is_single = False
        """Whether the batch being carried is one record or one timer."""

    def __bool__(self) -> bool:
        return bool(self._failed)

    def short(self, record: ProtocolRecord, error: MemoryError) -> None:
        """Memory was short for a record. Raise OutOfMemoryError, unless it has failed alone often enough."""
        place = place_of(record)
        count = self._failed[place] = self._failed.get(place, 0) + self.is_single
        if count >= TRIES:
            self._failed[place] = 0
        else:
            raise OutOfMemoryError(f"memory was short for {place[0]}[{place[1]}] at offset {place[2]}") from error

    def cut(
        self, records: list[ProtocolRecord], due: Sequence[T]
    ) -> tuple[list[ProtocolRecord], Sequence[T], list[ProtocolRecord]]:
        """What to carry now of a batch and of its timers, and the records that have to be read again."""
        if any(offset < 0 for _, _, offset in self._failed):
            if due:
                return [], due[:1], records
            self._failed = {place: count for place, count in self._failed.items() if place[2] >= 0}
        places = [place_of(record) in self._failed for record in records]
        if True not in places:
            return records, due, []
        end = max(1, places.index(True))
        return records[:end], [], records[end:]

    def carried(self, positions: Mapping[Partition, Position]) -> None:
        """The batch is committed: what it held is done."""
        self._failed = {
            place: count
            for place, count in self._failed.items()
            if (at := positions.get(Partition(*place[:2]))) is None or place[2] >= at.offset
        }

    def forget(self, partition: Partition) -> None:
        """The partition is assigned to another instance."""
        self._failed = {place: count for place, count in self._failed.items() if place[:2] != partition}


def place_of(record: ProtocolRecord) -> Place:
    """Where a record is."""
    return record.topic(), record.partition(), record.offset()
