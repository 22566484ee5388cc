"""What a client that lives long keeps of the processes that there were."""

from datetime import UTC, datetime

from onex.bus.memory import MemoryBroker, MemoryEventBus
from onex.bus.protocols import Outgoing, TopicState
from onex.mesh.discovery import Discovery
from onex.model.mesh import InstanceHealth
from onex.model.mesh.health import EnumHealth
from onex.model.mesh.topics import SNAPSHOT_TOPICS
from onex.schema import Codec, avro_schema, subject_of
from onex.schema.topic_catalogue import SCHEMAS_TOPIC, TopicCatalogue


def test_a_deleted_snapshot_is_forgotten() -> None:
    bus = MemoryEventBus(MemoryBroker(lambda: 0))
    bus.admin.create([TopicState(name, 1, 1, {}) for name in (SCHEMAS_TOPIC, *SNAPSHOT_TOPICS.values())])
    catalogue = TopicCatalogue(bus)
    catalogue.register({subject_of(topic): avro_schema(model) for model, topic in SNAPSHOT_TOPICS.items()})
    topic = SNAPSHOT_TOPICS[InstanceHealth]
    codec = Codec.of_topic(InstanceHealth, topic, catalogue)
    discovery = Discovery(bus, catalogue)
    for number in range(100):
        name, at = f"n-{number}", datetime(2026, 1, 1, tzinfo=UTC)
        said = InstanceHealth(node_id=name, env="", node="n", health=EnumHealth.HEALTHY, reasons=(), lag=0, at=at)
        bus.publish(Outgoing(topic, codec.encode(said), name.encode()))
    discovery.refresh()
    assert len(discovery._health) == 100
    for number in range(99):
        bus.publish(Outgoing(topic, None, f"n-{number}".encode()))
    discovery.refresh()
    assert set(discovery._health) == {"n-99"}
