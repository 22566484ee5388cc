"""The Faust host's consumer, without Faust: its behaviour when partitions are revoked."""

from collections import deque
from collections.abc import Mapping, Sequence

from onex.bus.faust.consumer import FaustConsumer
from onex.bus.protocols import Partition, Position

_P = Partition("onex.cmd.test.ask.v1", 3)


class _Draining:
    """A listener that serves the loop while it drains, and hears there that the partition is gone already."""

    def __init__(self, consumer: FaustConsumer) -> None:
        self._consumer = consumer
        self.revoked: list[Sequence[Partition]] = []

    def on_assigned(self, partitions: Sequence[Partition], committed: Mapping[Partition, Position]) -> None: ...

    def on_lost(self, partitions: Sequence[Partition]) -> None: ...

    def on_revoked(self, partitions: Sequence[Partition]) -> None:
        self.revoked.append(partitions)
        if len(self.revoked) == 1:
            self._consumer._on_revoked(partitions)


def test_partitions_that_are_given_up_twice_at_the_same_time_are_gone() -> None:
    consumer = FaustConsumer.__new__(FaustConsumer)
    consumer._ready, consumer._served = {_P: deque()}, {_P: deque()}
    consumer._paused, consumer._paused_by_queue = {_P}, {_P}
    listener = consumer._listener = _Draining(consumer)
    consumer._on_revoked([_P])
    assert listener.revoked == [[_P], [_P]]
    assert consumer.assignment() == []
    assert not consumer._paused
