"""However many partitions are restored, one reader reads them."""

from collections.abc import Callable, Mapping

import pytest
from node_tally_reducer.v1_0_0.models import Tally

from onex.agent.state.backends import MemoryBackend
from onex.agent.state.store_manager import StoreManager
from onex.agent.topic_limits import TopicLimits
from onex.bus.memory import MemoryBroker, MemoryEventBus
from onex.bus.memory.adapter import MemoryReader
from onex.bus.protocols import Outgoing, Partition, TopicState
from onex.wire.changelog import STATE
from tests.unit.test_state_memory import codec

_CHANGELOG = "onex.state.tally.v1"
_PARTITIONS = 50


class _Counted(MemoryReader):
    """Says when it is closed."""

    def __init__(self, bus: "_Bus", positions: Mapping[Partition, int]) -> None:
        super().__init__(bus.broker, positions, None)
        self._closed: Callable[[], None] = bus.closed

    def close(self) -> None:
        self._closed()


class _Bus(MemoryEventBus):
    """Counts the readers that are open."""

    def __init__(self) -> None:
        super().__init__(MemoryBroker(lambda: 0))
        self.open = self.most = 0

    def read(self, positions: Mapping[Partition, int], ends: Mapping[Partition, int] | None = None) -> MemoryReader:
        self.open += 1
        self.most = max(self.most, self.open)
        return _Counted(self, positions)

    def closed(self) -> None:
        self.open -= 1


@pytest.fixture
def bus() -> _Bus:
    made = _Bus()
    made.admin.create([TopicState(_CHANGELOG, _PARTITIONS, 1, {})])
    for number in range(_PARTITIONS):
        value = codec().encode(Tally(total=number))
        made.publish_batch([Outgoing(_CHANGELOG, value, STATE + b"k", [], number) for _ in range(number)])
    return made


def test_all_partitions_are_restored_by_one_reader_at_a_time(bus: _Bus) -> None:
    stores = StoreManager(bus, _CHANGELOG, codec(), lambda number, identity: MemoryBackend(), TopicLimits.usual())
    done: list[int] = []
    for number in range(_PARTITIONS // 2):
        stores.open(number)
    done += stores.restore()
    for number in range(_PARTITIONS // 2, _PARTITIONS):
        stores.open(number)
    while stores.restoring:
        done += stores.restore()
    assert sorted(done) == list(range(_PARTITIONS))
    assert (bus.most, bus.open) == (1, 0)
    for number in range(1, _PARTITIONS):
        assert stores[number].get(b"k") == Tally(total=number)
        assert stores[number].checkpoint() == number
    stores.close_all()


def test_partitions_given_up_while_they_are_restored_are_read_no_further(bus: _Bus) -> None:
    stores = StoreManager(bus, _CHANGELOG, codec(), lambda number, identity: MemoryBackend(), TopicLimits.usual())
    for number in range(3):
        stores.open(number)
    stores.close(1)
    assert sorted(stores.restore()) == [0, 2]
    assert set(stores.assigned) == {0, 2}
    stores.open(1)
    stores.close_all()
    assert bus.open == 0
    assert not stores.restoring
