"""Inputs for which memory was short: each is carried alone, after a wait, before it counts as the cause."""

from collections.abc import Collection, Mapping
from typing import TypeVar

from onex.agent.failure.timer_record import TimerRecord
from onex.bus.protocols import Partition, Position, ProtocolRecord
from onex.errors import TransactionAbortedError

T = TypeVar("T")
Place = tuple[str, int, int]
"""Topic, partition and offset of a record, or the changelog's and :func:`offset_of` of a fired timer."""
TRIES = 3
"""How often a record may fail alone before it becomes a dead letter."""


class OutOfMemoryError(TransactionAbortedError):
    """Memory was short while a record was carried: the batch runs again after a wait, this record alone."""


class Alone:
    """Of one pure agent: which inputs are to be carried alone, and how often each has failed so."""

    def __init__(self) -> None:
        self._failed: dict[Place, int] = {}
        self.is_single = False
        """Whether the batch being carried is one record or one timer."""

    def __bool__(self) -> bool:
        return bool(self._failed)

    def __contains__(self, place: Place) -> bool:
        return place in self._failed

    @property
    def partitions(self) -> set[tuple[str, int]]:
        """Topics and partition numbers of these inputs."""
        return {place[:2] for place in self._failed}

    def short(self, record: ProtocolRecord, error: MemoryError) -> None:
        """Memory was short for a record. Raise OutOfMemoryError, unless it has failed alone often enough."""
        place = place_of(record)
        count = self._failed[place] = self._failed.get(place, 0) + self.is_single
        if count >= TRIES:
            self._failed[place] = 0
        else:
            raise OutOfMemoryError(
                f"memory was short for {place[0]}[{place[1]}] at offset {record.offset()}"
            ) from error

    def passed(self, positions: Mapping[Partition, Position], timers: Collection[Place]) -> None:
        """These are committed."""
        self._failed = without_done(self._failed, positions, timers)

    def forget(self, partition: Partition) -> None:
        """The partition is assigned to another instance."""
        self._failed = without(self._failed, partition)


def without_done(
    inputs: Mapping[Place, T], positions: Mapping[Partition, Position], timers: Collection[Place]
) -> dict[Place, T]:
    """Those that are neither before these positions nor among these fired timers."""
    return {
        place: one
        for place, one in inputs.items()
        if place not in timers and ((at := positions.get(Partition(*place[:2]))) is None or place[2] >= at.offset)
    }


def without(inputs: Mapping[Place, T], partition: Partition) -> dict[Place, T]:
    """Those of other partitions."""
    return {place: one for place, one in inputs.items() if place[:2] != partition}


def place_of(record: ProtocolRecord) -> Place:
    """Where an input is."""
    offset = record.place if isinstance(record, TimerRecord) else record.offset()
    return record.topic(), record.partition(), offset
