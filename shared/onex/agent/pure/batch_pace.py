"""How many inputs a pure node carries in one transaction, so that it ends well before the transaction times out."""

from collections.abc import Collection

from onex.bus.protocols import Partition

TOGETHER = 64
"""Most records in a group: enough that a CPU learns the branches of every stage, few enough for its cache."""
_SHARE = 8
"""A group may take one part in this many of a batch's time."""


class BatchPace:
    """Sizes of batches and of their groups, in records; both follow from the time that the last ones took."""

    def __init__(self, most: int, seconds: float, first: int = 0) -> None:
        """``most`` records and about ``seconds`` a batch; ``first``: size of the first batch, 0 for ``most``."""
        self._most = most
        self.seconds = seconds
        self.size = max(1, min(first or most, most))
        """Records to read for the next batch."""
        self.group = 1
        """Records to carry before the clock is read again."""
        self._largest_group = TOGETHER
        self.narrow = False
        """Batches are small, to find the input whose records a broker refuses."""
        self._refused: set[Partition] = set()
        """Partitions whose inputs may lead to such a record: only their commits make batches larger again."""

    def begin(self, *, singly: bool) -> None:
        """Begin a batch. ``singly``: its records are carried one by one."""
        self._largest_group = 1 if singly else TOGETHER
        self.group = min(self.group, self._largest_group)

    def carried(self, count: int, seconds: float) -> None:
        """Choose the size of the next group: the last one had ``count`` records and took this time."""
        if seconds * _SHARE > self.seconds:
            self.group = max(1, int(count * self.seconds / (seconds * _SHARE)))
        elif count >= self.group:
            self.group = min(self._largest_group, self.group * 2)

    def cut(self, done: int) -> None:
        """Limit the next batch to this many records: the time of the last one was over after them."""
        self.size = max(1, done)

    def refused(self, inputs: int, partitions: Collection[Partition]) -> None:
        """Halve the next batch: one of ``inputs`` of these partitions leads to a record that a broker refuses."""
        self.narrow, self.size = True, max(1, min(self._most, inputs // 2))
        self._refused |= set(partitions)

    def committed(self, seconds: float, partitions: Collection[Partition]) -> None:
        """Make the next batch larger when this one, of these partitions, was quick."""
        if self._refused and self._refused.isdisjoint(partitions):
            return  # it shows nothing about the input that is searched
        if self.size < self._most and seconds * 2 < self.seconds:
            self.size = min(self._most, self.size * 2)
        if self.size == self._most:
            self.narrow = False
            self._refused.clear()

    def forget(self, partition: Partition) -> None:
        """Forget a partition that is assigned to another instance."""
        self._refused.discard(partition)
