"""The registry: every transition of its state machine, reached as agents and time would reach it."""

from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import pairwise

import pytest

from node_infrastructure_health_monitor_orchestrator.v1_0_0.node import NodeInfrastructureHealthMonitorOrchestrator
from node_registry_orchestrator.v1_0_0.node import NodeRegistryOrchestrator
from node_registry_reducer.v1_0_0.models import RegistrationChanged, UpsertProjection
from onex.contract import load_contract
from onex.model.enums import EnumNodeKind
from onex.model.mesh import (
    ConsumerHealthReported,
    EnumConsumerEvent,
    EnumHealth,
    EnumIntrospectionReason,
    EnumPhase,
    EnumRegistrationState,
    InstanceHealth,
    MeshHealth,
    ModelCapabilities,
    ModelNodeTopics,
    NodeHealth,
    NodeHeartbeat,
    NodeIntrospected,
    RegisteredNode,
    RegistrationAccepted,
    RegistrationAcknowledged,
    RequestIntrospection,
)
from onex.testing import MeshDriver
from onex.util.clock import to_datetime
from tests.conftest import SERVICES

NODES = ("node_registry_orchestrator", "node_registry_reducer", "node_infrastructure_health_monitor_orchestrator")
NOW = datetime(2026, 1, 1, tzinfo=UTC)
ONE = "dev/node_a_compute/one"


@pytest.fixture
def mesh() -> Iterator[MeshDriver]:
    driver = MeshDriver([SERVICES / name / "v1_0_0" for name in NODES])
    yield driver
    driver.close()


class Agent:
    """A simulated agent process: says what a real one says."""

    def __init__(self, mesh: MeshDriver, instance: str = "one", node: str = "node_a_compute") -> None:
        self.mesh = mesh
        self.node = node
        self.instance = instance
        self.id = f"dev/{node}/{instance}"
        self.epoch = 100

    def introspect(self, reason: EnumIntrospectionReason = EnumIntrospectionReason.STARTUP, run: bool = True) -> None:
        message = NodeIntrospected(
            node_id=self.id,
            env="dev",
            node=self.node,
            kind=EnumNodeKind.COMPUTE,
            version="1.0.0",
            instance=self.instance,
            host="h",
            pid=1,
            epoch=self.epoch,
            reason=reason,
            description="",
            capabilities=ModelCapabilities(declared=("compute",)),
            topics=ModelNodeTopics(subscribe=(), publish=(), retry="r", dead_letter="d"),
            inputs=(),
            outputs=(),
            endpoints={},
            metrics=(),
            contract_digest="d",
            heartbeat_interval=30.0,
            introspected_at=NOW,
        )
        self.mesh.send(message, run=run)

    def acknowledge(self, run: bool = True) -> None:
        self.mesh.send(RegistrationAcknowledged(node_id=self.id, epoch=self.epoch), run=run)

    def beat(
        self, phase: EnumPhase = EnumPhase.RUNNING, ready: bool = True, reasons: dict[str, str] | None = None
    ) -> None:
        message = NodeHeartbeat(
            node_id=self.id,
            env="dev",
            node=self.node,
            epoch=self.epoch,
            phase=phase,
            ready=ready,
            reasons=reasons or ({} if ready else {"bus": "no broker answers"}),
            uptime=1.0,
            active_operations=0,
            partitions=4,
            lag=0,
            received=0,
            dead_letters=0,
            cpu_percent=0.0,
            memory_bytes=1,
            at=NOW,
        )
        self.mesh.send(message)

    def report(self, event: EnumConsumerEvent) -> None:
        message = ConsumerHealthReported(
            node_id=self.id,
            env="dev",
            node=self.node,
            epoch=self.epoch,
            event=event,
            partitions=("t[0]",),
            lag=3,
            detail="",
            at=to_datetime(self.mesh.clock.now_ms()),
        )
        self.mesh.send(message)

    def register(self) -> None:
        self.introspect()
        self.acknowledge()

    @property
    def path(self) -> list[str]:
        """States so far, in order."""
        return [str(c.now) for c in self.mesh.published(RegistrationChanged) if c.node_id == self.id]

    @property
    def snapshot(self) -> RegisteredNode:
        return [s for s in self.mesh.published(RegisteredNode) if s.node_id == self.id][-1]


HANDSHAKE = ["PENDING", "ACCEPTED", "AWAITING_ACK", "ACK_RECEIVED", "ACTIVE"]


def test_the_handshake(mesh: MeshDriver) -> None:
    agent = Agent(mesh)
    agent.introspect()
    assert agent.path == HANDSHAKE[:3]
    assert mesh.published(RegistrationAccepted) == [RegistrationAccepted(node_id=ONE, epoch=100, ack_within=10.0)]
    agent.acknowledge()
    assert agent.path == HANDSHAKE
    assert agent.snapshot.state is EnumRegistrationState.ACTIVE
    assert [row.sequence for row in mesh.published(UpsertProjection)] == [3, 5]


def test_without_acknowledgement_it_times_out_and_is_asked_again(mesh: MeshDriver) -> None:
    agent = Agent(mesh)
    agent.introspect()
    mesh.advance("9s")
    assert agent.path == HANDSHAKE[:3]
    mesh.advance("2s")
    assert agent.path == [*HANDSHAKE[:3], "ACK_TIMED_OUT"]
    assert agent.snapshot.reason == "no acknowledgement within 10 s"
    assert [ask.node_id for ask in mesh.published(RequestIntrospection)] == [ONE]
    agent.introspect(EnumIntrospectionReason.REQUESTED)
    agent.acknowledge()
    assert agent.path == [*HANDSHAKE[:3], "ACK_TIMED_OUT", *HANDSHAKE]


def test_a_late_acknowledgement_counts(mesh: MeshDriver) -> None:
    agent = Agent(mesh)
    agent.introspect()
    mesh.advance("11s")
    agent.acknowledge()
    assert agent.path == [*HANDSHAKE[:3], "ACK_TIMED_OUT", "ACK_RECEIVED", "ACTIVE"]
    assert agent.snapshot.reason == "late"


def test_a_duplicate_introspection_or_acknowledgement_changes_nothing(mesh: MeshDriver) -> None:
    agent = Agent(mesh)
    agent.introspect()
    agent.introspect()
    agent.acknowledge()
    agent.acknowledge()
    agent.introspect()
    assert agent.path == HANDSHAKE


def test_asked_for_it_refreshes(mesh: MeshDriver) -> None:
    agent = Agent(mesh)
    agent.register()
    agent.introspect(EnumIntrospectionReason.REQUESTED)
    assert agent.path == [*HANDSHAKE, "ACTIVE"]


def test_a_restart_begins_a_new_epoch_and_the_old_one_is_not_heard(mesh: MeshDriver) -> None:
    agent = Agent(mesh)
    agent.register()
    agent.epoch = 200
    agent.introspect()
    agent.epoch = 100
    agent.acknowledge()
    agent.introspect()
    assert agent.path == [*HANDSHAKE, *HANDSHAKE[:3]]
    agent.epoch = 200
    agent.acknowledge()
    assert agent.path == [*HANDSHAKE, *HANDSHAKE]
    assert agent.snapshot.registered.epoch == 200


def test_silence_expires_and_a_heartbeat_brings_it_back(mesh: MeshDriver) -> None:
    agent = Agent(mesh)
    agent.register()
    for _ in range(5):
        mesh.advance("30s")
        agent.beat()
    assert agent.path == HANDSHAKE
    mesh.advance("89s")
    assert agent.path == HANDSHAKE
    mesh.advance("2s")
    assert agent.path == [*HANDSHAKE, "LIVENESS_EXPIRED"]
    assert agent.snapshot.reason == "no heartbeat for 90 s"
    agent.beat()
    assert mesh.published(RequestIntrospection)[-1].reason == "it is heard again"
    agent.introspect(EnumIntrospectionReason.REQUESTED)
    agent.acknowledge()
    assert agent.path == [*HANDSHAKE, "LIVENESS_EXPIRED", *HANDSHAKE]


def test_an_acknowledgement_after_expiry_counts(mesh: MeshDriver) -> None:
    agent = Agent(mesh)
    agent.register()
    mesh.advance("91s")
    agent.acknowledge()
    assert agent.path == [*HANDSHAKE, "LIVENESS_EXPIRED", "ACK_RECEIVED", "ACTIVE"]


def test_good_bye(mesh: MeshDriver) -> None:
    agent, other = Agent(mesh), Agent(mesh, "two")
    agent.register()
    agent.beat(EnumPhase.LEAVING)
    assert agent.path == [*HANDSHAKE, "LIVENESS_EXPIRED"]
    other.introspect()
    other.beat(EnumPhase.LEAVING)
    assert other.path == [*HANDSHAKE[:3], "ACK_TIMED_OUT"]


def test_who_lies_is_rejected_and_may_come_again(mesh: MeshDriver) -> None:
    agent = Agent(mesh, node="node_a_effect")
    agent.introspect()
    assert agent.path == ["PENDING", "REJECTED"]
    agent.acknowledge()
    agent.beat()
    assert agent.path == ["PENDING", "REJECTED"]
    agent.epoch = 200
    agent.introspect()
    assert agent.path == ["PENDING", "REJECTED", "PENDING", "REJECTED"]


def test_all_is_forgotten_in_the_end(mesh: MeshDriver) -> None:
    expired, silent, rejected = Agent(mesh, "one"), Agent(mesh, "two"), Agent(mesh, "three", "node_a_effect")
    expired.register()
    silent.introspect()
    rejected.introspect()
    mesh.advance(8 * 24 * 3600.0)
    assert expired.path == [*HANDSHAKE, "LIVENESS_EXPIRED", "LIVENESS_EXPIRED"]
    assert silent.path == [*HANDSHAKE[:3], "ACK_TIMED_OUT", "ACK_TIMED_OUT"]
    assert rejected.path == ["PENDING", "REJECTED", "REJECTED"]
    expired.register()
    assert expired.path[-5:] == HANDSHAKE
    assert mesh.dead_letters() == []


def test_the_tests_above_walk_every_transition_of_the_contract() -> None:
    """Each declared edge is one that a path asserted above contains."""
    machine = load_contract(SERVICES / "node_registry_reducer" / "v1_0_0").state_machine
    assert machine is not None
    paths = [
        ["PENDING", "REJECTED", "PENDING"],
        [*HANDSHAKE, *HANDSHAKE],
        [*HANDSHAKE, "ACTIVE"],
        [*HANDSHAKE, "LIVENESS_EXPIRED", "LIVENESS_EXPIRED"],
        [*HANDSHAKE, "LIVENESS_EXPIRED", "ACK_RECEIVED", "ACTIVE"],
        [*HANDSHAKE[:3], "ACK_TIMED_OUT", "ACK_RECEIVED"],
        ["ACK_TIMED_OUT", "ACK_TIMED_OUT"],
        ["PENDING", "REJECTED", "REJECTED"],
    ]
    walked = {edge for path in paths for edge in pairwise(path)}
    declared = {(t.from_state, t.to_state) for t in machine.transitions}
    assert {(a, b) for a, b in declared if a != "*"} <= walked
    assert {state.name for state in machine.states} == {str(state) for state in EnumRegistrationState}


def test_two_hundred_nodes_at_once(mesh: MeshDriver) -> None:
    agents = [Agent(mesh, f"i-{number}") for number in range(200)]
    for agent in agents:
        agent.introspect(run=False)
    mesh.run_until_idle()
    for agent in agents:
        agent.acknowledge(run=False)
    mesh.run_until_idle()
    latest = {s.node_id: s.state for s in mesh.published(RegisteredNode)}
    assert latest == {agent.id: EnumRegistrationState.ACTIVE for agent in agents}
    assert mesh.dead_letters() == []


def test_a_crash_of_the_registry_loses_and_doubles_nothing(mesh: MeshDriver) -> None:
    agent = Agent(mesh)
    agent.introspect()
    (instance,) = mesh.instances_of(NodeRegistryOrchestrator)
    instance.fail_next_commit()
    agent.acknowledge()
    mesh.crash(instance)
    mesh.add_instance(NodeRegistryOrchestrator)
    agent.acknowledge()
    mesh.advance("91s")
    assert agent.path == [*HANDSHAKE, "LIVENESS_EXPIRED"]


def test_health_of_a_node_and_of_the_mesh(mesh: MeshDriver) -> None:
    one, two = Agent(mesh, "one"), Agent(mesh, "two")
    one.beat()
    two.beat()
    assert mesh.published(MeshHealth)[-1].health is EnumHealth.HEALTHY
    two.beat(ready=False)
    assert mesh.published(NodeHealth)[-1].instances == {"healthy": 1, "unhealthy": 1}
    assert mesh.published(MeshHealth)[-1].health is EnumHealth.DEGRADED
    two.beat()
    mesh.advance("60s")
    two.beat()
    mesh.advance("31s")  # one has been silent for 91 s
    assert mesh.published(NodeHealth)[-1].instances == {"gone": 1, "healthy": 1}
    mesh.advance("10s")
    two.beat()
    two.beat(EnumPhase.LEAVING)
    assert mesh.published(MeshHealth)[-1].health is EnumHealth.UNHEALTHY
    mesh.advance("601s")
    assert mesh.published(NodeHealth)[-1].health is EnumHealth.GONE
    assert mesh.published(MeshHealth)[-1].unwell == ()
    one.beat()
    assert mesh.published(MeshHealth)[-1].nodes == {"healthy": 1}


def test_a_process_that_is_ready_with_reasons_is_degraded(mesh: MeshDriver) -> None:
    Agent(mesh).beat(reasons={"dependency database": "away"})
    told = mesh.published(InstanceHealth)[-1]
    assert (told.health, told.reasons) == (EnumHealth.DEGRADED, ("dependency database: away",))


def test_flapping_is_degraded_until_it_calms_down(mesh: MeshDriver) -> None:
    agent = Agent(mesh)
    agent.beat()
    for _ in range(3):
        agent.report(EnumConsumerEvent.REVOKED)
        agent.report(EnumConsumerEvent.ASSIGNED)
    assert mesh.published(InstanceHealth)[-1].reasons == ("6 rebalances within 60 s",)
    mesh.advance("61s")
    agent.beat()
    assert mesh.published(InstanceHealth)[-1].health is EnumHealth.HEALTHY
    assert len(mesh.instances_of(NodeInfrastructureHealthMonitorOrchestrator)) == 1


def test_a_process_that_comes_back_with_a_consumer_event_is_not_forgotten(mesh: MeshDriver) -> None:
    agent = Agent(mesh)
    agent.beat()
    mesh.advance("91s")
    assert mesh.published(InstanceHealth)[-1].health is EnumHealth.GONE
    agent.report(EnumConsumerEvent.CAUGHT_UP)
    for _ in range(12):
        agent.beat()
        mesh.advance("60s")
    assert mesh.published(InstanceHealth)[-1].health is EnumHealth.HEALTHY
    assert [event.health for event in mesh.published(InstanceHealth)].count(EnumHealth.GONE) == 1
