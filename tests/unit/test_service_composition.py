"""What the nodes of the mesh are composed of is in use: each alert fires, and each figure is counted."""

import asyncio
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest
from prometheus_client import CollectorRegistry

from node_distributed_lock_effect.v1_0_0.models import (
    AcquireLock,
    LockDenied,
    LockReleased,
    LockRenewed,
    ReleaseLock,
    RenewLock,
)
from node_distributed_lock_effect.v1_0_0.node import NodeDistributedLockEffect
from node_infrastructure_health_monitor_orchestrator.v1_0_0.models import InstanceHealthChanged
from node_infrastructure_health_monitor_orchestrator.v1_0_0.node import NodeInfrastructureHealthMonitorOrchestrator
from node_kafka_producer_pool_effect.v1_0_0.node import NodeKafkaProducerPoolEffect
from node_postgres_adapter_effect.v1_0_0.models import (
    DeleteProjection,
    ProjectionDeleted,
    ProjectionUpserted,
    UpsertProjection,
)
from node_postgres_adapter_effect.v1_0_0.node import NodePostgresAdapterEffect
from onex.agent.telemetry.metrics import AgentMetrics
from onex.agent.telemetry.workflow_metrics import WorkflowMetricsSettings
from onex.capability import Composition, HealthCheck, HealthChecks, NodeIdentity
from onex.contract import resolve_node
from onex.contract.create_node import create_node
from onex.errors import TransientError
from onex.mixins.alerting import MixinAlerting, ModelAlertingSubcontract
from onex.mixins.metrics.objectives import ObjectiveMonitor
from onex.mixins.performance_monitoring import MixinPerformanceMonitoring
from onex.model.mesh import EnumHealth
from onex.node import Context, Message, Node
from onex.testing.clock import ManualClock
from onex.util.clock import ProtocolClock
from onex.workflow.facts import EnumRunOutcome, RunEnded
from tests.conftest import SERVICES

_DATABASE = ["DatabaseAway", "DeadLetters", "MessagesWait"]
_ALERTS = {
    "node_codegen_orchestrator": ["DeadLetters", "GenerationsFail"],
    "node_distributed_lock_effect": _DATABASE,
    "node_infrastructure_health_monitor_orchestrator": ["DeadLetters", "MeshUnhealthy"],
    "node_kafka_producer_pool_effect": ["CircuitOpen", "DeadLetters", "MessagesWait"],
    "node_postgres_adapter_effect": ["DatabaseAway", "DeadLetters", "ErrorBudgetBurns", "MessagesWait"],
    "node_registry_orchestrator": ["DeadLetters"],
    "node_scheduler_orchestrator": ["DeadLetters"],
    "node_store_effect": _DATABASE,
    "node_test_generator_effect": ["DeadLetters"],
}


@dataclass
class Rig:
    """A node as its agent makes it, with the agent's own metrics and a clock that a test moves."""

    node: Node
    metrics: AgentMetrics
    clock: ManualClock

    async def causes(self, dead_letters: int = 3) -> None:
        """Let everything happen of which some node raises an alert."""
        for _ in range(dead_letters):
            self.metrics.dead("bug")
        self.metrics.outages.inc()
        if (workflow := self.metrics.workflow) is not None:
            workflow.count([RunEnded(EnumRunOutcome.FAILED, 1.0)] * 6)
        for monitor in monitors(self.node):
            monitor.measure()
        match self.node:
            case NodeInfrastructureHealthMonitorOrchestrator():
                self.node.decide(None, gone(), Context(datetime.now(UTC), "k", "m", "c", "", "m"))
            case NodeKafkaProducerPoolEffect():
                for _ in range(5):
                    with pytest.raises(TransientError):
                        await self.node.circuits.of("kafka").call(away)

    def counted(self, name: str, **labels: str) -> float | None:
        """Return the value of a counter of the node."""
        labels = {"node": self.node.container.get(NodeIdentity).name, **labels}
        return self.metrics.registry.get_sample_value(f"onex_{name}_total", labels)

    async def alerts(self) -> list[str]:
        """Evaluate the rules, and return the alerts that fire."""
        match self.node:
            case MixinAlerting():
                await self.node.alerts.tick()
                return sorted(alert.name for alert in self.node.alerts.facts() if alert.state == "firing")
        return []


def rig(name: str) -> Rig:
    resolved = resolve_node(SERVICES / name / "v1_0_0")
    node, clock, registry = create_node(resolved), ManualClock(), CollectorRegistry()
    workflow = WorkflowMetricsSettings((), (1.0,)) if name == "node_codegen_orchestrator" else None
    metrics = AgentMetrics(name, registry, workflow)
    node.container.registry.value(CollectorRegistry, registry)
    node.container.registry.value(ProtocolClock, clock)
    metrics.capabilities.follow(Composition(node).reported_metrics)
    return Rig(node, metrics, clock)


def monitors(node: Node) -> list[ObjectiveMonitor]:
    """Return what measures the objectives of a node, if it has any."""
    match node:
        case MixinPerformanceMonitoring():
            return [vars(node.metrics)["_objectives"]]
    return []


def gone() -> InstanceHealthChanged:
    return InstanceHealthChanged(
        env="e",
        node="n",
        node_id="e/n/1",
        health=EnumHealth.GONE,
        reasons=("silent",),
        left=False,
        at=datetime.now(UTC),
    )


async def away() -> None:
    raise TransientError("away")


@pytest.mark.parametrize("name", sorted(folder.name for folder in SERVICES.glob("node_*")))
def test_each_alert_fires_for_its_cause(name: str) -> None:
    assert fired(name) == _ALERTS.get(name, [])


def test_one_dead_letter_of_a_quiet_node_burns_no_error_budget() -> None:
    name = "node_postgres_adapter_effect"
    assert fired(name, dead_letters=1) == [alert for alert in _ALERTS[name] if alert != "ErrorBudgetBurns"]


def fired(name: str, dead_letters: int = 3) -> list[str]:
    """Return the alerts that fire after their causes, and none before."""

    async def scene() -> tuple[list[str], list[str]]:
        made = rig(name)
        checks = made.node.container.get(HealthChecks)
        if "DatabaseAway" in _ALERTS.get(name, ()):
            checks.add(HealthCheck("database", away))
        for monitor in monitors(made.node):
            monitor.open()
        before = await made.alerts()
        await made.causes(dead_letters)
        await made.alerts()
        made.clock.move_to(60)
        after = await made.alerts()
        for monitor in monitors(made.node):
            await monitor.close()
        return before, after

    before, after = asyncio.run(scene())
    assert before == []
    return after


def test_every_rule_of_the_nodes_is_among_them() -> None:
    def rules() -> Iterator[tuple[str, list[str]]]:
        for folder in SERVICES.glob("node_*"):
            settings = resolve_node(folder / "v1_0_0").subcontracts.get(ModelAlertingSubcontract)
            match settings:
                case ModelAlertingSubcontract():
                    yield folder.name, sorted(rule.name for rule in settings.rules)

    assert dict(rules()) == _ALERTS


def test_the_health_of_the_mesh_is_counted_when_it_changes() -> None:
    made = rig("node_infrastructure_health_monitor_orchestrator")
    assert isinstance(made.node, NodeInfrastructureHealthMonitorOrchestrator)
    context = Context(datetime.now(UTC), "k", "m", "c", "", "m")
    first = made.node.decide(None, gone(), context)
    made.node.decide(first.state, gone(), context)
    assert made.counted("mesh_health_changes", health="unhealthy") == 1.0


class StoredResults:
    """An inbox that has a result for each command."""

    def __init__(self, *results: Message) -> None:
        self._results = list(results)

    async def once(self, context: Context, work: object) -> Message:
        return self._results.pop(0)


def test_decisions_about_leases_are_counted() -> None:
    made, now = rig("node_distributed_lock_effect"), datetime.now(UTC)
    node, context = made.node, Context(now, "k", "m", "c", "", "m")
    assert isinstance(node, NodeDistributedLockEffect)
    vars(node)["_inbox"] = StoredResults(
        LockDenied(name="a", holder="bob", expires_at=now),
        LockRenewed(name="a", token=1, expires_at=now),
        LockReleased(name="a", token=1),
    )

    async def scene() -> None:
        await node.acquire(AcquireLock(name="a", owner="ann", ttl=1), context)
        await node.renew(RenewLock(name="a", token=1, ttl=1), context)
        await node.release(ReleaseLock(name="a", token=1), context)

    asyncio.run(scene())
    decisions = ("acquired", "denied", "renewed", "released")
    assert [made.counted("lock_decisions", decision=each) for each in decisions] == [None, 1.0, 1.0, 1.0]


def test_writes_of_projections_are_counted() -> None:
    made = rig("node_postgres_adapter_effect")
    node, context = made.node, Context(datetime.now(UTC), "k", "m", "c", "", "m")
    assert isinstance(node, NodePostgresAdapterEffect)
    vars(node)["inbox"] = StoredResults(
        ProjectionUpserted(projection="shelf", key="k", sequence=2, applied=True),
        ProjectionDeleted(projection="shelf", key="k", sequence=1, applied=False),
    )

    async def scene() -> None:
        await node.upsert(UpsertProjection(projection="shelf", key="k", sequence=2, document="{}"), context)
        await node.delete(DeleteProjection(projection="shelf", key="k", sequence=1), context)

    asyncio.run(scene())
    outcomes = ("applied", "stale")
    assert [made.counted("projection_writes", projection="shelf", outcome=each) for each in outcomes] == [1.0, 1.0]
