"""Timers as inputs of a batch: which are due, and which of them have to wait."""

from collections.abc import Iterable, Sequence

from onex.agent.failure.blocked_partitions import BlockedPartitions
from onex.agent.failure.memory_shortages import Location
from onex.agent.state.store_manager import StoreManager
from onex.bus.protocols import Partition, Position
from onex.util.clock import ProtocolClock
from onex.wire.timer_offset import DueTimer, first_at, offset_of

Due = tuple[int, DueTimer]
"""Partition number and timer."""
_MOST = 1000
"""Timers of a partition in one batch."""


class DueTimers:
    """Of one keyed agent. Timers of a partition wait while anything of the same number is held or blocked.

    What waits because of a timer is the changelog's partition: it is what their dead letters name, too.
    """

    def __init__(self, stores: StoreManager, held: BlockedPartitions, changelog: str, clock: ProtocolClock) -> None:
        self._stores = stores
        self._blocked = held
        self._changelog = changelog
        self._clock = clock
        self._troubled: set[Partition] = set()
        """Partitions whose timers could not be committed, and have not been since."""

    def take(self) -> list[Due]:
        """Timers that are due and need not wait; those of one partition are in the order of their due times."""
        now, waiting = self._clock.now_ms(), self._blocked.numbers
        due = [
            (number, timer)
            for number, store in self._stores.ready()
            if number not in waiting
            for timer in store.timers.due(now, _MOST)
        ]
        if self._troubled:  # a record may have cancelled what could not be committed
            busy = waiting | {number for number, _ in due}
            calm = {partition for partition in self._troubled if partition.partition not in busy}
            self._blocked.clear(calm)
            self._troubled -= calm
        return due

    def next_ms(self) -> int | None:
        """When the earliest timer is due of those that need not wait."""
        waiting = self._blocked.numbers
        ready = [store for number, store in self._stores.ready() if number not in waiting]
        return min((at for store in ready if (at := store.timers.next_due_ms()) is not None), default=None)

    def partitions(self, due: Iterable[Due]) -> set[Partition]:
        """The partitions that wait when these timers cannot be committed."""
        return {Partition(self._changelog, number) for number, _ in due}

    def places(self, due: Sequence[Due]) -> list[Location]:
        """Where these timers are."""
        return [(self._changelog, number, offset_of(timer)) for number, timer in due]

    def positions(self, due: Iterable[Due]) -> dict[Partition, Position]:
        """Where these timers leave their partitions: everything due before the last of them has fired."""
        return {Partition(self._changelog, number): Position(first_at(timer.due_ms)) for number, timer in due}

    def undone(self, due: Iterable[Due]) -> None:
        """These timers could not be committed."""
        self._troubled |= self.partitions(due)

    def forget(self, number: int) -> None:
        """The partition is assigned to another instance."""
        partition = Partition(self._changelog, number)
        self._blocked.forget(partition)
        self._troubled.discard(partition)
