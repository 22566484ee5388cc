"""The memory and the age of keyed state on this machine."""

from pathlib import Path

from node_tally_reducer.v1_0_0.models import Tally

from onex.agent.state.backends import MemoryBackend, RocksBackend
from onex.agent.state.memory import CacheBudget, StateMemory
from onex.agent.state.partition_store import PartitionStore
from onex.agent.topic_limits import TopicLimits
from onex.bus.memory import MemoryBroker, MemoryEventBus
from onex.bus.protocols import TopicState
from onex.schema import Codec, avro_schema
from onex.schema.topic_catalogue import SCHEMAS_TOPIC, TopicCatalogue
from onex.testing.clock import ManualClock

TOPIC = "onex.state.node_tally_reducer.v1"
HOUR_MS = 3_600_000


def codec() -> Codec:
    bus = MemoryEventBus(MemoryBroker(lambda: 0))
    bus.admin.create([TopicState(SCHEMAS_TOPIC, 1, 1, {})])
    catalogue = TopicCatalogue(bus)
    catalogue.register({f"{TOPIC}-value": avro_schema(Tally)})
    return Codec.of_topic(Tally, TOPIC, catalogue)


def put(store: PartitionStore, numbers: range, checkpoint: int) -> None:
    for number in numbers:
        store.put(b"%d" % number, Tally(total=number))
    store.changes()
    store.commit(checkpoint)


def test_decoded_state_stays_within_the_budget_and_everything_is_found() -> None:
    backend = MemoryBackend()
    backend.budget = CacheBudget(50 * CacheBudget.weight(b"x" * 10))
    stores = [
        PartitionStore(codec(), backend, "onex.state.node_tally_reducer.v1", TopicLimits.usual()) for _ in range(2)
    ]
    for store in stores:
        put(store, range(1000), 1)
    assert backend.budget.left >= 0
    assert sum(len(store._cache) for store in stores) <= 50
    for number in range(1000):
        found = stores[0].get(b"%d" % number)
        assert isinstance(found, Tally)
        assert found.total == number
    assert backend.budget.left >= 0


def test_a_closed_store_gives_its_memory_back() -> None:
    backend = MemoryBackend()
    backend.budget = CacheBudget(100_000)
    store = PartitionStore(codec(), backend, "onex.state.node_tally_reducer.v1", TopicLimits.usual())
    put(store, range(10), 1)
    put(store, range(10), 2)
    assert backend.budget.left < 100_000
    store.close()
    assert backend.budget.left == 100_000


def test_a_store_that_nobody_kept_up_is_thrown_away(tmp_path: Path) -> None:
    clock, memory = ManualClock(), StateMemory(16_000_000)

    def opened(identity: str = "i") -> RocksBackend:
        return RocksBackend(tmp_path / "s", identity, memory, clock=clock)

    backend = opened()
    backend.write([(b"k", b"v")], 5)
    backend.mark_complete()
    backend.close()
    clock.move_to(clock.monotonic() + 11 * 3600)
    backend = opened()
    assert (backend.get(b"k"), backend.checkpoint()) == (b"v", 5), "it was complete less than half a day ago"
    backend.write([(b"k", b"w")], 6, at_end=True)
    backend.close()
    clock.move_to(clock.monotonic() + 11 * 3600)
    backend = opened()
    assert backend.checkpoint() == 6
    backend.write([(b"k", b"x")], 7)
    backend.close()
    clock.move_to(clock.monotonic() + 2 * 3600)
    backend = opened()
    assert (backend.get(b"k"), backend.checkpoint()) == (None, 0), (
        "it was opened and written, and not read to the end"
    )
    backend.close()


def test_a_store_of_another_topic_is_thrown_away(tmp_path: Path) -> None:
    memory = StateMemory(16_000_000)
    backend = RocksBackend(tmp_path / "s", "one", memory)
    backend.write([(b"k", b"v")], 5)
    backend.close()
    backend = RocksBackend(tmp_path / "s", "other", memory)
    assert (backend.get(b"k"), backend.checkpoint(), backend.size()[0]) == (None, 0, 0)
    backend.close()
