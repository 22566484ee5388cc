"""Topics that capabilities read outside of the node's group, on a real broker."""

import asyncio
import os

from node_showcase_effect.v1_0_0.models import Progressed

from onex.agent.process.topic_follower import TopicFollower
from onex.bus.kafka import KafkaEventBusAdapter
from onex.bus.memory import MemoryBroker, MemoryEventBus
from onex.bus.protocols import Outgoing, TopicState
from onex.contract import resolve_node
from onex.model.message import Message
from onex.provisioning.declared import declare
from onex.provisioning.provision import apply_plan, make_plan
from onex.schema import Codec
from onex.schema.topic_catalogue import TopicCatalogue
from onex.testing.clock import ManualClock
from tests.conftest import NODES


def test_two_followers_receive_every_message_of_all_partitions(kafka_bus: KafkaEventBusAdapter) -> None:
    prefix = f"t{os.urandom(4).hex()}."
    showcase = resolve_node(NODES / "node_showcase_effect" / "v1_0_0").with_prefix(prefix)
    memory = MemoryEventBus(MemoryBroker(ManualClock().now_ms))
    catalogue = TopicCatalogue(memory, prefix)  # schemas without a hundred topics on the broker
    declared = declare([showcase], 1, prefix=prefix)
    apply_plan(make_plan(declared, memory, catalogue), declared, memory, catalogue)
    topic = showcase.outputs[Progressed]
    kafka_bus.admin.create([TopicState(topic, 3, 1, {})])
    codec = Codec.of_topic(Progressed, topic, catalogue)

    def write(*names: str) -> None:
        values = [codec.encode(Progressed(name=name, step="begun")) for name in names]
        kafka_bus.publish_batch([Outgoing(topic, value, value, [], n % 3) for n, value in enumerate(values)])

    async def scene() -> None:
        names: list[list[str]] = [[], []]

        def taker(number: int, message: Message) -> None:
            assert isinstance(message, Progressed)
            names[number].append(message.name)

        follower = TopicFollower(showcase, kafka_bus, catalogue, asyncio.to_thread)
        followed = {topic.removeprefix(prefix): Progressed}
        write("before")
        first = await follower.follow(followed, lambda _, message: taker(0, message))
        second = await follower.follow(followed, lambda _, message: taker(1, message))
        await asyncio.to_thread(write, "a", "b", "c", "d")
        async with asyncio.timeout(30):
            while any(len(each) < 4 for each in names):
                await asyncio.sleep(0.02)  # between looks at a condition, not instead of one
        await first.close()
        await second.close()
        assert [sorted(each) for each in names] == [["a", "b", "c", "d"]] * 2

    asyncio.run(scene())
