"""Timers as inputs of a batch: which are due, and which of them have to wait."""

from collections.abc import Iterable, Sequence

from onex.agent.failure.blocked_partitions import BlockedPartitions
from onex.agent.failure.memory_shortages import Location
from onex.agent.pure.catch_up import CatchUp
from onex.agent.state.partition_store import PartitionStore
from onex.agent.state.store_manager import StoreManager
from onex.bus.protocols import Partition, Position
from onex.util.clock import ProtocolClock
from onex.wire.timer_offset import DueTimer, first_at, offset_of

Due = tuple[int, DueTimer]
"""Partition number and timer."""
_MOST = 1000
"""Timers of a partition in one batch."""


class DueTimers:
    """The timers of one engine. Timers of a partition wait while any partition of this number is stalled or blocked,
    and after an interruption until its inputs are read (:class:`CatchUp`).

    The partition that waits because of a timer is the changelog's: dead letters of timers name it, too.
    """

    def __init__(
        self,
        stores: StoreManager | None,
        blocked: BlockedPartitions,
        catch_up: CatchUp,
        changelog: str,
        clock: ProtocolClock,
    ) -> None:
        """``stores``: None for a node that takes no timers."""
        self._stores = stores
        self._blocked = blocked
        self._catch_up = catch_up
        self._changelog = changelog
        self._clock = clock
        self._uncommitted: set[Partition] = set()
        """Partitions whose timers could not be committed, and have not been since."""

    def take(self) -> list[Due]:
        """Return timers that are due and need not wait; those of one partition in the order of their due times.

        Call it after each read of an open intake. Raise FencedError.
        """
        if self._stores is None:
            return []
        self._catch_up.read()
        now_ms = self._clock.now_ms()
        running = [(number, store) for number, store in self._running() if store.timers.next_due_ms() is not None]
        self._catch_up.look([number for number, _ in running])
        held = {number for number, _ in running if self._catch_up.holds(number)}
        due = [
            (number, timer)
            for number, store in running
            for timer in store.timers.due(self._catch_up.released_ms(number, now_ms), _MOST)
        ]
        if self._uncommitted:  # a record may have cancelled the timer that could not be committed
            busy = self._blocked.numbers | held | {number for number, _ in due}
            idle = {partition for partition in self._uncommitted if partition.partition not in busy}
            self._blocked.clear(idle)
            self._uncommitted -= idle
        return due

    def hold(self) -> None:
        """Have all timers wait for the inputs that are not read yet: the node is paused."""
        self._catch_up.hold_all()

    def worked(self) -> None:
        """Note the end of a batch."""
        self._catch_up.worked()

    def next_ms(self) -> int | None:
        """Return when the earliest timer is due of those that need not wait, or when to look again after the inputs
        of one that waits."""
        now_ms = self._clock.now_ms()
        times: list[int | None] = []
        for number, store in self._running():
            due_ms = store.timers.next_due_ms()
            waits = due_ms is not None and self._catch_up.released_ms(number, now_ms) < due_ms <= now_ms
            times.append(self._catch_up.looks_ms(number) if waits else due_ms)
        return min((at for at in times if at is not None), default=None)

    def _running(self) -> list[tuple[int, PartitionStore]]:
        if self._stores is None:
            return []
        stopped = self._blocked.numbers
        return [(number, store) for number, store in self._stores.ready() if number not in stopped]

    def partitions(self, due: Iterable[Due]) -> set[Partition]:
        """Return the partitions that wait when these timers cannot be committed."""
        return {Partition(self._changelog, number) for number, _ in due}

    def locations(self, due: Sequence[Due]) -> list[Location]:
        """Return the locations of these timers."""
        return [(self._changelog, number, offset_of(timer)) for number, timer in due]

    def positions(self, due: Iterable[Due]) -> dict[Partition, Position]:
        """Return the positions after these timers: every timer that was due before the last of them has fired."""
        return {Partition(self._changelog, number): Position(first_at(timer.due_ms)) for number, timer in due}

    def commit_failed(self, due: Iterable[Due]) -> None:
        """Note that these timers could not be committed."""
        self._uncommitted |= self.partitions(due)

    def forget(self, number: int) -> None:
        """Forget a partition that is assigned to another instance."""
        partition = Partition(self._changelog, number)
        self._blocked.forget(partition)
        self._uncommitted.discard(partition)
