"""Inputs of a pure engine for which memory was short.

Such an input is carried alone, after a wait, before it counts as the cause.
"""

from collections.abc import Collection, Mapping
from typing import TypeVar

from onex.agent.failure.synthetic_records import TimerRecord
from onex.bus.protocols import Partition, Position, ProtocolRecord
from onex.errors import TransactionAbortedError

T = TypeVar("T")
Location = tuple[str, int, int]
"""Topic, partition and offset of a record, or the changelog's and :func:`offset_of` of a fired timer."""
MEMORY_TRIES = 3
"""Failures of a record that is carried alone, after which it becomes a dead letter."""


class OutOfMemoryError(TransactionAbortedError):
    """Memory was short while a record was carried: the batch runs again after a wait, this record alone."""


class MemoryShortages:
    """The inputs of one pure engine that must be carried alone, and how often each has failed alone."""

    def __init__(self) -> None:
        self._failures: dict[Location, int] = {}
        self.is_single = False
        """Whether the batch being carried is one record or one timer."""

    def __bool__(self) -> bool:
        return bool(self._failures)

    def __contains__(self, location: Location) -> bool:
        return location in self._failures

    @property
    def partitions(self) -> set[tuple[str, int]]:
        """Topics and partition numbers of these inputs."""
        return {location[:2] for location in self._failures}

    def count(self, record: ProtocolRecord, error: MemoryError) -> None:
        """Count a shortage. Raise OutOfMemoryError, unless the record has failed alone ``MEMORY_TRIES`` times."""
        location = location_of(record)
        count = self._failures[location] = self._failures.get(location, 0) + self.is_single
        if count >= MEMORY_TRIES:
            self._failures[location] = 0
        else:
            raise OutOfMemoryError(
                f"memory was short for {location[0]}[{location[1]}] at offset {record.offset()}"
            ) from error

    def remove_committed(self, positions: Mapping[Partition, Position], timers: Collection[Location]) -> None:
        """Remove the inputs that were committed with these positions and fired timers."""
        self._failures = without_committed(self._failures, positions, timers)

    def forget(self, partition: Partition) -> None:
        """Remove the inputs of a partition that is assigned to another instance."""
        self._failures = without_partition(self._failures, partition)


def without_committed(
    inputs: Mapping[Location, T], positions: Mapping[Partition, Position], timers: Collection[Location]
) -> dict[Location, T]:
    """Return the inputs that are neither before these positions nor among these fired timers."""
    return {
        location: value
        for location, value in inputs.items()
        if location not in timers
        and ((position := positions.get(Partition(*location[:2]))) is None or location[2] >= position.offset)
    }


def without_partition(inputs: Mapping[Location, T], partition: Partition) -> dict[Location, T]:
    """Return the inputs of other partitions."""
    return {location: value for location, value in inputs.items() if location[:2] != partition}


def location_of(record: ProtocolRecord) -> Location:
    """Return the location of an input."""
    offset = record.timer_offset if isinstance(record, TimerRecord) else record.offset()
    return record.topic(), record.partition(), offset
