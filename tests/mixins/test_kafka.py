"""MixinKafkaConfiguration and MixinKafkaHealthCheck, on a real broker."""

import asyncio
from uuid import uuid4

import pytest

from onex.bus.kafka import KafkaEventBusAdapter
from onex.bus.kafka.adapter_factory import KafkaAdapters
from onex.bus.protocols import Outgoing, Partition, TopicState
from onex.capability import AgentEnvironment, Composition, HealthChecks
from onex.capability.kafka import ProtocolKafkaAdapters
from onex.errors import BusError, CompositionError, TransientError
from onex.local import LocalKafka
from onex.mixins.health_check import MixinHealthCheck
from onex.mixins.kafka_configuration import MixinKafkaConfiguration, ModelKafkaConfigurationSubcontract
from onex.mixins.kafka_configuration.engine import KafkaConfigurationEngine
from onex.mixins.kafka_health_check import MixinKafkaHealthCheck, ModelKafkaHealthCheckSubcontract
from onex.mixins.kafka_health_check.engine import KafkaHealthCheckEngine
from onex.node import NodeEffect
from tests.mixins.helpers import container


@pytest.fixture
def topic(kafka_bus: KafkaEventBusAdapter) -> str:
    name = f"onex.evt.mixins.t{uuid4().hex[:8]}.v1"
    kafka_bus.admin.create([TopicState(name, 2, 1, {})])
    return name


def surroundings(kafka: LocalKafka, **config: str) -> AgentEnvironment:
    return AgentEnvironment(kafka_bootstrap_servers=kafka.bootstrap_servers, kafka_config=config)


def made(around: AgentEnvironment, **settings: object) -> KafkaConfigurationEngine:
    return KafkaConfigurationEngine(
        ModelKafkaConfigurationSubcontract.model_validate(settings), around, KafkaAdapters()
    )


def values(bus: KafkaEventBusAdapter, topic: str) -> list[bytes | None]:
    reader = bus.read({Partition(topic, number): 0 for number in range(2)})
    try:
        return [record.value() for record in reader.until_end()]
    finally:
        reader.close()


@pytest.mark.enforces("kafka_configuration.producers")
def test_records_of_a_key_stay_in_their_order(kafka: LocalKafka, kafka_bus: KafkaEventBusAdapter, topic: str) -> None:
    async def live() -> None:
        engine = made(surroundings(kafka), producers=3)
        await engine.open()
        await asyncio.gather(
            *(
                engine.publish([Outgoing(topic, f"{key}-{number}".encode(), key.encode()) for key in "abcdef"])
                for number in range(10)
            )
        )
        assert engine.reported_metrics() == {"published": 60.0, "failed": 0.0, "producers": 3.0}
        assert (await engine.health()).ok
        await engine.close()
        await engine.close()

    asyncio.run(live())
    found = [value.decode() for value in values(kafka_bus, topic) if value]
    for key in "abcdef":
        assert [text for text in found if text.startswith(key)] == [f"{key}-{number}" for number in range(10)]


@pytest.mark.enforces("kafka_configuration.bootstrap_servers", "kafka_configuration.config")
def test_which_cluster_and_how(kafka: LocalKafka, kafka_bus: KafkaEventBusAdapter, topic: str) -> None:
    elsewhere = AgentEnvironment(kafka_bootstrap_servers="127.0.0.1:1", kafka_config={"client.id": "agent"})

    async def live() -> None:
        engine = made(elsewhere, bootstrap_servers=kafka.bootstrap_servers, config={"client.id": "mine"})
        await engine.open()
        await engine.publish([Outgoing(topic, b"here")])
        assert isinstance(engine.bus, KafkaEventBusAdapter)
        assert engine.bus.config.extra["client.id"] == "mine"
        await engine.close()
        wrong = made(surroundings(kafka), config={"no.such.setting": "1"})
        await wrong.open()
        with pytest.raises(Exception, match=r"no\.such\.setting"):
            await wrong.publish([Outgoing(topic, b"x")])
        await wrong.close()

    asyncio.run(live())
    assert values(kafka_bus, topic) == [b"here"]
    assert "hush" not in repr(
        ModelKafkaConfigurationSubcontract.model_validate({"config": {"sasl.password": "hush"}})
    )


@pytest.mark.enforces(
    "kafka_configuration.compression", "kafka_configuration.linger_ms", "kafka_configuration.delivery_timeout_ms"
)
def test_how_it_is_written(kafka: LocalKafka, kafka_bus: KafkaEventBusAdapter, topic: str) -> None:
    async def live() -> None:
        engine = made(surroundings(kafka), compression="zstd", linger_ms=30, delivery_timeout_ms=7000)
        await engine.open()
        assert isinstance(engine.bus, KafkaEventBusAdapter)
        config = engine.bus.config.producer(None)
        wanted = {"compression.type": "zstd", "linger.ms": "30", "delivery.timeout.ms": "7000"}
        assert {name: config[name] for name in wanted} == wanted
        assert (config["enable.idempotence"], config["acks"], config["max.in.flight"]) == (True, "all", 1)
        await engine.publish([Outgoing(topic, b"x" * 1000)])
        await engine.close()

    asyncio.run(live())
    assert values(kafka_bus, topic) == [b"x" * 1000]


def test_a_failed_write_is_raised(kafka: LocalKafka) -> None:
    async def live() -> None:
        engine = made(surroundings(kafka))
        with pytest.raises(CompositionError, match="the node has no Kafka adapter"):
            await engine.publish([Outgoing("t", b"x")])
        nowhere = made(AgentEnvironment())
        await nowhere.open()
        with pytest.raises(CompositionError, match="the node has no Kafka adapter"):
            _ = nowhere.bus
        await engine.open()
        with pytest.raises(BusError):
            await engine.publish([Outgoing("t", b"x" * 9_000_000)])
        assert engine.reported_metrics()["failed"] == 1.0
        await engine.close()

    asyncio.run(live())


def look(engine: KafkaConfigurationEngine, **settings: object) -> str:
    """Return the result of a health check."""

    async def live() -> str:
        await engine.open()
        health = KafkaHealthCheckEngine(ModelKafkaHealthCheckSubcontract.model_validate(settings), engine)
        await health.open()
        try:
            found = await health.look()
            if found.ok:
                await health.probe()
                return ""
            with pytest.raises(TransientError):
                await health.probe()
            return found.detail
        finally:
            await health.close()
            await engine.close()

    return asyncio.run(live())


@pytest.mark.enforces("kafka_health_check.topics")
def test_brokers_respond_and_topics_exist(kafka: LocalKafka, topic: str) -> None:
    assert look(made(surroundings(kafka))) == ""
    assert look(made(surroundings(kafka)), topics=[topic]) == ""
    assert look(made(surroundings(kafka)), topics=[topic, "nowhere"]) == "missing topics: nowhere"
    assert look(made(AgentEnvironment(kafka_bootstrap_servers="127.0.0.1:1"))) != ""


def test_brokers_that_go_while_they_are_asked(kafka: LocalKafka, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = made(surroundings(kafka))

    def gone(_self: object, _names: object) -> None:
        raise BusError("gone")

    monkeypatch.setattr("onex.bus.kafka.admin.KafkaAdmin.topics", gone)
    assert look(engine, topics=["t"]) == "gone"


@pytest.mark.enforces("kafka_health_check.critical")
@pytest.mark.parametrize("critical", [True, False])
def test_a_node_is_asked_whether_its_brokers_are_well(kafka: LocalKafka, critical: bool) -> None:
    class Node(MixinKafkaHealthCheck, MixinKafkaConfiguration, MixinHealthCheck, NodeEffect):
        pass

    async def live() -> None:
        node = Node()
        node.container = container(surroundings(kafka), ModelKafkaHealthCheckSubcontract(critical=critical))
        node.container.registry.value(ProtocolKafkaAdapters, KafkaAdapters())
        composition = Composition(node)
        await composition.start()
        check = node.container.get(HealthChecks).all["kafka"]
        assert check.critical == critical
        await check.probe()
        assert (await node.kafka_health.look()).ok
        await composition.stop()

    asyncio.run(live())


def test_a_node_without_an_agent_has_no_kafka() -> None:
    class Node(MixinKafkaConfiguration, NodeEffect):
        pass

    node = Node()
    node.container = container(AgentEnvironment(kafka_bootstrap_servers="127.0.0.1:1"))
    with pytest.raises(CompositionError, match="no Kafka adapters"):
        asyncio.run(Composition(node).start())
