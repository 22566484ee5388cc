"""Topics that capabilities read outside of the node's group."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence

import pytest
from node_showcase_effect.v1_0_0.models import Perform, Progressed
from typing_extensions import override

from onex.agent.process.topic_follower import Following, TopicFollower
from onex.bus.memory import MemoryBroker, MemoryEventBus
from onex.bus.memory.adapter import MemoryReader
from onex.bus.protocols import Outgoing, Partition, ProtocolRecord
from onex.contract import resolve_node
from onex.errors import BusUnavailableError, CompositionError, TransientError
from onex.model.message import Message
from onex.provisioning.declared import declare
from onex.provisioning.provision import apply_plan, make_plan
from onex.schema import Codec
from onex.schema.topic_catalogue import TopicCatalogue
from onex.testing.clock import ManualClock
from onex.testing.instance_bus import call_directly
from tests.conftest import NODES
from tests.mixins.virtual import play

_PREFIX = "staging."
SHOWCASE = resolve_node(NODES / "node_showcase_effect" / "v1_0_0").with_prefix(_PREFIX)
TOPIC = SHOWCASE.outputs[Progressed].removeprefix(_PREFIX)


class Bus(MemoryEventBus):
    """Raises ``down`` in each read. ``readers`` counts those that are open."""

    def __init__(self, broker: MemoryBroker) -> None:
        super().__init__(broker)
        self.down: Exception | None = None
        self.readers = 0

    @override
    def read(
        self, positions: Mapping[Partition, int], ends: Mapping[Partition, int] | None = None
    ) -> "CountedReader":
        if self.down:
            raise self.down
        self.readers += 1
        return CountedReader(self, positions, ends)


class CountedReader(MemoryReader):
    def __init__(self, bus: Bus, positions: Mapping[Partition, int], ends: Mapping[Partition, int] | None) -> None:
        super().__init__(bus.broker, positions, ends)
        self._bus = bus

    @override
    def batch(self, most: int, timeout: float) -> Sequence[ProtocolRecord]:
        if self._bus.down:
            raise self._bus.down
        return super().batch(most, timeout)

    @override
    def close(self) -> None:
        self._bus.readers -= 1


class Mesh:
    def __init__(self) -> None:
        self.clock = ManualClock()
        self.broker = MemoryBroker(self.clock.now_ms)
        self.bus = Bus(self.broker)
        self.catalogue = TopicCatalogue(MemoryEventBus(self.broker), _PREFIX)
        declared = declare([SHOWCASE], 1, prefix=_PREFIX)
        apply_plan(make_plan(declared, self.bus, self.catalogue), declared, self.bus, self.catalogue)
        self.follower = TopicFollower(SHOWCASE, self.bus, self.catalogue, call_directly)
        self.codec = Codec.of_topic(Progressed, _PREFIX + TOPIC, self.catalogue)

    def write(self, name: str, partition: int = -1) -> None:
        value = self.codec.encode(Progressed(name=name, step="begun"))
        self.bus.publish(Outgoing(_PREFIX + TOPIC, value, name.encode(), [], partition))

    def play(self, scene: Callable[["Taken"], Awaitable[None]]) -> "Taken":
        taken = Taken()

        async def run() -> None:
            taken.following = await self.follower.follow({TOPIC: Progressed}, taken)
            try:
                await scene(taken)
            finally:
                await taken.following.close()
                await taken.following.close()

        play(run(), self.clock)
        assert self.bus.readers == 0
        return taken


class Taken:
    """The names of the messages that arrived."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.following: Following

    def __call__(self, topic: str, message: Message) -> None:
        match message:
            case Progressed(name="bad"):
                raise ValueError("a fault of the taker")
            case Progressed():
                assert topic == TOPIC
                self.names.append(message.name)


def test_every_follower_receives_what_is_written_from_now_on() -> None:
    mesh = Mesh()
    mesh.write("before")

    async def scene(taken: Taken) -> None:
        others = Taken()
        other = await mesh.follower.follow({TOPIC: Progressed}, others)
        for name in ("a", "b", "c"):
            mesh.write(name)
        await asyncio.sleep(1)
        assert sorted(taken.names) == sorted(others.names) == ["a", "b", "c"]
        await other.close()
        mesh.write("d")
        await asyncio.sleep(1)
        assert "d" not in others.names

    assert sorted(mesh.play(scene).names) == ["a", "b", "c", "d"]


def test_after_an_interruption_it_continues_where_it_was() -> None:
    mesh = Mesh()

    async def scene(taken: Taken) -> None:
        mesh.write("a")
        await asyncio.sleep(1)
        mesh.bus.down = BusUnavailableError("no broker responds")
        mesh.write("b")
        await asyncio.sleep(5)
        assert taken.names == ["a"]
        assert taken.following.problem == "no broker responds"
        mesh.bus.down = None
        mesh.write("c")
        await asyncio.sleep(2)
        assert taken.following.problem == ""

    assert sorted(mesh.play(scene).names) == ["a", "b", "c"]


def test_a_record_that_is_no_message_is_passed_by() -> None:
    mesh = Mesh()

    async def scene(taken: Taken) -> None:
        mesh.bus.publish(Outgoing(_PREFIX + TOPIC, b"\x00nonsense", b"k", [], 0))
        mesh.write("bad", 0)
        mesh.write("a", 0)
        await asyncio.sleep(1)
        assert taken.following.unreadable == 1
        assert taken.following.problem == ""

    assert mesh.play(scene).names == ["a"]


def test_partitions_that_are_added_are_read_from_their_beginning() -> None:
    mesh = Mesh()

    async def scene(taken: Taken) -> None:
        count = mesh.broker.topic(_PREFIX + TOPIC).partitions
        mesh.write("a", 0)
        await asyncio.sleep(1)
        mesh.bus.admin.grow(_PREFIX + TOPIC, count + 1)
        mesh.write("b", count)
        await asyncio.sleep(1)
        assert taken.names == ["a"]
        await asyncio.sleep(30)

    assert mesh.play(scene).names == ["a", "b"]


def test_topics_that_cannot_be_read_yet_may_be_later() -> None:
    mesh = Mesh()

    async def follow(topic: str, model: type[Message]) -> None:
        await mesh.follower.follow({topic: model}, Taken())

    with pytest.raises(TransientError, match="cannot follow"):
        play(follow("onex.evt.unknown.nothing.v1", Progressed), mesh.clock)
    mesh.bus.down = BusUnavailableError("no broker responds")
    with pytest.raises(TransientError, match="no broker responds"):
        play(follow(TOPIC, Progressed), mesh.clock)
    assert mesh.bus.readers == 0


def test_models_are_those_of_the_node() -> None:
    follower = Mesh().follower
    assert follower.model("Perform") is Perform
    with pytest.raises(CompositionError, match="node_showcase_effect has no message Nothing; its models are "):
        follower.model("Nothing")
