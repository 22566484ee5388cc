"""How many inputs a pure node carries in one transaction, so that it ends well before the transaction times out."""

from collections.abc import Collection

from onex.bus.protocols import Partition

TOGETHER = 64
"""Records that are carried together: enough for every stage to be learnt, few enough to stay in the cache."""
_SHARE = 8
"""A group of records may take this part of a batch's time."""


class BatchPace:
    """Sizes of batches and of the groups in them, in records; both follow from how long the last ones took."""

    def __init__(self, most: int, seconds: float, first: int = 0) -> None:
        """``most`` records and about ``seconds`` a batch; ``first``: size of the first batch, 0 for ``most``."""
        self._most = most
        self.seconds = seconds
        self.size = max(1, min(first or most, most))
        """Records to take for the next batch."""
        self.group = 1
        """Records to carry before the clock is looked at again."""
        self._together = TOGETHER
        self.narrow = False
        """Batches are small, to find the input whose records a broker refuses."""
        self._refused: set[Partition] = set()
        """Whose inputs may lead to such a record: only their commits make batches larger again."""

    def begin(self, *, singly: bool) -> None:
        """A batch begins. ``singly``: its records are carried one by one."""
        self._together = 1 if singly else TOGETHER
        self.group = min(self.group, self._together)

    def carried(self, count: int, seconds: float) -> None:
        """A group took so long: the next one takes at most a small part of a batch's time."""
        if seconds * _SHARE > self.seconds:
            self.group = max(1, int(count * self.seconds / (seconds * _SHARE)))
        elif count >= self.group:
            self.group = min(self._together, self.group * 2)

    def cut(self, done: int) -> None:
        """The time was up after so many records: no more are fetched for the next batch."""
        self.size = max(1, done)

    def refused(self, inputs: int, partitions: Collection[Partition]) -> None:
        """One of so many inputs of these partitions leads to a record that a broker refuses: the next batch has half
        of them."""
        self.narrow, self.size = True, max(1, min(self._most, inputs // 2))
        self._refused |= set(partitions)

    def committed(self, seconds: float, partitions: Collection[Partition]) -> None:
        """A whole batch of these partitions was committed; quick ones make the next one larger."""
        if self._refused and self._refused.isdisjoint(partitions):
            return  # it says nothing about the input that is looked for
        if self.size < self._most and seconds * 2 < self.seconds:
            self.size = min(self._most, self.size * 2)
        if self.size == self._most:
            self.narrow = False
            self._refused.clear()

    def forget(self, partition: Partition) -> None:
        """The partition is assigned to another instance."""
        self._refused.discard(partition)
