"""What an agent publishes about itself, and what it does when the bus is away."""

from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from datetime import UTC, datetime
from pathlib import Path

import pytest

from onex.agent.announce import Announcer, Identity, introspect
from onex.agent.announce.process_stats import ProcessStats
from onex.agent.process.presence import Presence
from onex.agent.telemetry.health import Health
from onex.agent.telemetry.metrics import AgentMetrics
from onex.bus.memory import MemoryBroker, MemoryEventBus
from onex.bus.protocols import Outgoing, Partition, ProtocolEventBus
from onex.capability import Reports
from onex.contract import resolve_node
from onex.errors import ConfigurationError
from onex.model.mesh import (
    MESH_TOPICS,
    CapabilityReported,
    ConsumerHealthReported,
    EnumConsumerEvent,
    EnumIntrospectionReason,
    EnumPhase,
    NodeHeartbeat,
    NodeIntrospected,
    RegistrationAccepted,
    RegistrationAcknowledged,
    RequestIntrospection,
)
from onex.model.message import Message
from onex.provisioning.declared import declare
from onex.provisioning.environment import EnvironmentLog
from onex.provisioning.provision import apply_plan, make_plan
from onex.schema import Codec, ProtocolSchemaCatalogue
from onex.schema.topic_catalogue import TopicCatalogue
from onex.settings import Settings
from onex.testing import ManualClock
from tests.conftest import ORDERS, eventually

NODE = resolve_node(ORDERS / "node_order_orchestrator" / "v1_0_0")
ID = "dev/node_order_orchestrator/one"
IDENTITY = Identity("dev", "one", "h", 1, 100, "http://127.0.0.1:1", ("onex_ready",), 0.2)


class Scene:
    """One announcer on an in-memory bus."""

    def __init__(self, prefix: str = "") -> None:
        self.prefix = prefix
        self.node = NODE.with_prefix(prefix)
        self.broker = MemoryBroker(ManualClock().now_ms)
        self.health = Health()
        self.metrics = AgentMetrics("node_order_orchestrator")
        self.lags: dict[Partition, int] = {Partition("t", 0): 0}
        stats = ProcessStats(self.health, self.metrics, lambda: self.lags, lag_threshold=100)
        self.reports = Reports()
        self.announcer = Announcer(self.node, IDENTITY, stats, self.reports, self.open)

    def open(self) -> tuple[ProtocolEventBus, ProtocolSchemaCatalogue]:
        bus = MemoryEventBus(self.broker)
        return bus, TopicCatalogue(bus, self.prefix)

    def provision(self) -> None:
        bus, catalogue = self.open()
        declared = declare([self.node], 1, prefix=self.prefix)
        apply_plan(make_plan(declared, bus, catalogue), declared, bus, catalogue)

    def say(self, message: Message) -> None:
        bus, catalogue = self.open()
        topic = self.prefix + MESH_TOPICS[type(message)]
        value = Codec.of_topic(type(message), topic, catalogue).encode(message)
        bus.publish(Outgoing(topic, value, message.partition_key()))

    def heard(self, model: type[Message]) -> Sequence[Message]:
        bus, catalogue = self.open()
        topic = self.prefix + MESH_TOPICS[model]
        codec = Codec.of_topic(model, topic, catalogue)
        reader = bus.read({Partition(topic, n): 0 for n in range(self.broker.topic(topic).partitions)})
        return [codec.decode(record.value()) for record in reader.until_end()]


@pytest.fixture
def scene() -> Iterator[Scene]:
    made = Scene()
    yield made
    made.announcer.stop(5)


def test_an_agent_speaks_and_hears_in_its_environment_alone() -> None:
    scene = Scene("b.")
    scene.provision()
    try:
        scene.announcer.start()
        eventually(lambda: scene.heard(NodeIntrospected), 10)
        (shown,) = scene.heard(NodeIntrospected)
        assert isinstance(shown, NodeIntrospected)
        assert shown.topics.changelog == "b.onex.state.node_order_orchestrator.v1"
        topics = [entry.topic for entry in shown.inputs] + [entry.topic for entry in shown.outputs]
        assert all(topic.startswith("b.") for topic in topics)
        scene.say(RegistrationAccepted(node_id=ID, epoch=100, ack_within=1.0))
        eventually(lambda: scene.heard(RegistrationAcknowledged), 10)
    finally:
        scene.announcer.stop(5)
    assert all(name.startswith("b.") for name in scene.broker.topics)


def test_an_agent_of_another_environment_is_not_heard(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The registry would count it as one of its own."""
    bus = MemoryEventBus(MemoryBroker(ManualClock().now_ms))
    EnvironmentLog(bus).adopt("live", "ada", "first")
    monkeypatch.setattr("onex.agent.process.presence.open_bus", lambda _settings: bus)
    closed: list[bool] = []
    monkeypatch.setattr(bus, "close", lambda: closed.append(True))
    health, metrics = Health(), AgentMetrics("node_order_orchestrator")
    for env, refused in (("dev", True), ("live", False)):
        settings = Settings(env=env, home=tmp_path)
        presence = Presence(NODE, settings, "one", 1, ManualClock(), health, metrics, dict, Reports())
        with pytest.raises(ConfigurationError, match="belong to") if refused else nullcontext():
            presence._open_bus()
    assert closed == [True]


def test_introspection_tells_what_is_declared_and_what_is_found() -> None:
    shown = introspect(NODE, IDENTITY, EnumIntrospectionReason.STARTUP, datetime.now(UTC))
    assert shown.node_id == ID
    assert {"orchestrator", "takes:PlaceOrder", "workflow", "compensation", "exactly-once"} <= set(
        shown.capabilities.declared
    )
    assert {"handler:price", "handler:completed"} <= set(shown.capabilities.discovered)
    starts = {entry.message: (entry.completed, entry.failed) for entry in shown.inputs}
    assert starts["PlaceOrder"] == (("OrderCompleted",), ("OrderFailed",))
    assert starts["OrderPriced"] == starts["CancelWorkflow"] == ((), ())
    assert shown.topics.changelog == "onex.state.node_order_orchestrator.v1"
    assert shown.endpoints["metrics"] == "http://127.0.0.1:1/metrics"


def test_the_handshake_and_the_end(scene: Scene) -> None:
    scene.provision()
    scene.announcer.start()
    eventually(lambda: scene.heard(NodeIntrospected), 10)
    scene.say(RegistrationAccepted(node_id=ID, epoch=99, ack_within=1.0))
    scene.say(RegistrationAccepted(node_id="dev/other/one", epoch=100, ack_within=1.0))
    scene.say(RegistrationAccepted(node_id=ID, epoch=100, ack_within=1.0))
    eventually(lambda: scene.heard(RegistrationAcknowledged), 10)
    assert scene.heard(RegistrationAcknowledged) == [RegistrationAcknowledged(node_id=ID, epoch=100)]
    scene.say(RequestIntrospection(node_id="dev/other/one", reason=""))
    scene.say(RequestIntrospection(node_id="", reason="everybody"))
    eventually(lambda: len(scene.heard(NodeIntrospected)) == 2, 10)
    reasons = [m.reason for m in scene.heard(NodeIntrospected) if isinstance(m, NodeIntrospected)]
    assert reasons == [EnumIntrospectionReason.STARTUP, EnumIntrospectionReason.REQUESTED]
    scene.health.complain("bus", "no broker answers")
    scene.metrics.received.inc(7)
    eventually(lambda: any(not b.ready for b in beats(scene)), 10)
    assert beats(scene)[-1].reasons == {"bus": "no broker answers"}
    assert beats(scene)[-1].received == 7
    scene.announcer.stop(5)
    assert beats(scene)[-1].phase is EnumPhase.LEAVING


def beats(scene: Scene) -> list[NodeHeartbeat]:
    return [m for m in scene.heard(NodeHeartbeat) if isinstance(m, NodeHeartbeat)]


def test_consumer_events_are_told_once(scene: Scene) -> None:
    scene.provision()
    scene.announcer.start()

    def told() -> list[tuple[EnumConsumerEvent, int]]:
        found = scene.heard(ConsumerHealthReported)
        return [(m.event, m.lag) for m in found if isinstance(m, ConsumerHealthReported)]

    scene.metrics.rebalanced(EnumConsumerEvent.ASSIGNED, [Partition("t", 0)])
    eventually(lambda: told() == [(EnumConsumerEvent.ASSIGNED, 0)], 10)
    scene.lags = {Partition("t", 0): 150}
    eventually(lambda: told()[1:] == [(EnumConsumerEvent.LAGGING, 150)], 10)
    scene.health.complain("progress", "lag but no progress: t[0]")
    eventually(lambda: told()[2:] == [(EnumConsumerEvent.STALLED, 150)], 10)
    scene.health.clear("progress")
    eventually(lambda: told()[3:] == [(EnumConsumerEvent.PROGRESSING, 150)], 10)
    scene.lags = {Partition("t", 0): 50}
    eventually(lambda: told()[4:] == [(EnumConsumerEvent.CAUGHT_UP, 50)], 10)


def test_what_capabilities_tell_is_published(scene: Scene) -> None:
    scene.provision()
    scene.reports.report("circuit_breaker", "bank", "open", "5 failures")
    scene.announcer.start()
    scene.reports.report("circuit_breaker", "bank", "closed", "2 probes succeeded")

    def told() -> list[tuple[str, str, str, str, str]]:
        found = [m for m in scene.heard(CapabilityReported) if isinstance(m, CapabilityReported)]
        return [(m.node_id, m.capability, m.subject, m.event, m.detail) for m in found]

    eventually(lambda: len(told()) == 2, 10)
    assert told() == [
        (ID, "circuit_breaker", "bank", "open", "5 failures"),
        (ID, "circuit_breaker", "bank", "closed", "2 probes succeeded"),
    ]


def test_a_mesh_that_is_not_provisioned_is_waited_for(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("onex.agent.announce.announcer._RETRY_WAIT", 0.05)
    scene.announcer.start()
    eventually(lambda: scene.announcer._last_problem != "", 10, "the first refusal")
    assert scene.health.ready, "nobody hears it, and it works all the same"
    scene.provision()
    eventually(lambda: scene.heard(NodeIntrospected), 10)


def test_the_announcer_survives_its_own_faults(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("onex.agent.announce.announcer._RETRY_WAIT", 0.05)
    scene.provision()
    failing = scene.announcer._open_bus
    faults = iter([ZeroDivisionError("a bug")])

    def open_bus() -> tuple[ProtocolEventBus, ProtocolSchemaCatalogue]:
        for fault in faults:
            raise fault
        return failing()

    scene.announcer._open_bus = open_bus
    scene.announcer.start()
    eventually(lambda: scene.heard(NodeIntrospected), 10)
