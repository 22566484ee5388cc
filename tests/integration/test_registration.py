"""Real agents and a real registry: start, kill -9, return, good-bye."""

import asyncio
import json
import signal
from contextlib import aclosing
from pathlib import Path

import asyncpg
import pytest
from node_order_pricing_compute.v1_0_0.models import OrderPriced, PriceOrder

from node_registry_reducer.v1_0_0.models import RegistrationChanged
from onex.bus.kafka import KafkaEventBusAdapter
from onex.errors import ConfigurationError
from onex.local import LocalPostgres
from onex.mesh import Discovery, MeshClient
from onex.model.enums import EnumNodeKind
from onex.model.mesh import EnumHealth, EnumRegistrationState
from onex.settings import Settings
from tests.conftest import ORDERS, SERVICES, eventually
from tests.integration.agents import Mesh

REGISTRY = [
    SERVICES / name / "v1_0_0"
    for name in (
        "node_registry_orchestrator",
        "node_registry_reducer",
        "node_infrastructure_health_monitor_orchestrator",
        "node_postgres_adapter_effect",
    )
]
PRICING = ORDERS / "node_order_pricing_compute" / "v1_0_0"


def test_the_life_of_an_agent(kafka_bus: KafkaEventBusAdapter, postgres: LocalPostgres, tmp_path: Path) -> None:
    env = {
        "DATABASE_URL": postgres.start(),
        "ONEX_HEARTBEAT_INTERVAL": "0.5",
        "ONEX_REGISTRY_LIVENESS_WINDOW": "4",
    }
    with Mesh(kafka_bus, [*REGISTRY, PRICING], tmp_path, env) as mesh:
        # The registry comes last: it asks whoever it hears.
        pricing = mesh.start("node_order_pricing_compute")
        for folder in REGISTRY:
            mesh.start(folder.parent.name)
        discovery = Discovery(kafka_bus, mesh.catalogue)

        def found() -> EnumRegistrationState | None:
            discovery.refresh()
            nodes = discovery.find(name="node_order_pricing_compute", active=False)
            return nodes[0].node.state if nodes else None

        eventually(lambda: found() is EnumRegistrationState.ACTIVE, 60, "registration")
        (entry,) = discovery.find(capability="takes:PriceOrder")
        assert entry.node.registered.kind is EnumNodeKind.COMPUTE
        assert "handler:compute" in entry.node.registered.capabilities.discovered
        assert "onex_messages_received_total" in entry.node.registered.metrics
        eventually(lambda: len(_refreshed(discovery).find(health=EnumHealth.HEALTHY)) == 5, 30, "all healthy")
        assert {e.node.registered.node for e in discovery.find(kind=EnumNodeKind.ORCHESTRATOR)} == {
            "node_registry_orchestrator",
            "node_infrastructure_health_monitor_orchestrator",
        }
        assert discovery.find(version="2.0.0") == []

        asyncio.run(_call_without_contracts(mesh, tmp_path))

        mesh.stop(pricing, signal.SIGKILL)
        eventually(lambda: found() is EnumRegistrationState.LIVENESS_EXPIRED, 30, "expiry")
        eventually(
            lambda: (
                [e.health for e in _refreshed(discovery).find(name="node_order_pricing_compute", active=False)]
                == [EnumHealth.GONE]
            ),
            30,
            "gone",
        )
        assert discovery.find(name="node_order_pricing_compute") == []

        pricing = mesh.start("node_order_pricing_compute")
        eventually(lambda: found() is EnumRegistrationState.ACTIVE, 30, "return")
        assert mesh.stop(pricing) == 0
        eventually(lambda: found() is EnumRegistrationState.LIVENESS_EXPIRED, 30, "good-bye")
        reasons = [c.reason for c in mesh.messages(RegistrationChanged) if "pricing" in c.node_id]
        assert reasons[-1] == "it has left"
        assert all(not mesh.dead_letters(node.contract.name) for node in mesh.nodes)
        document = asyncio.run(_projection(env["DATABASE_URL"], entry.node.node_id))
        assert document["state"] == "LIVENESS_EXPIRED"


async def _call_without_contracts(mesh: Mesh, nowhere: Path) -> None:
    """An application that has only message classes finds its way by what the nodes have introspected."""
    settings = Settings(
        kafka_bootstrap_servers=mesh.bus.config.bootstrap_servers,
        services=[nowhere / "nothing"],
        env=mesh.prefix,
        home=nowhere,
    )
    order = PriceOrder(order_id="d-1", quantity=3, unit_price=2.0)
    async with MeshClient.connect(settings) as client:
        with pytest.raises(ConfigurationError, match="may be answered by OrderPriced"):
            await client.execute(order)
    async with MeshClient.connect(settings, models=[OrderPriced]) as client:
        assert await client.execute(order, timeout=30) == OrderPriced(order_id="d-1", total=6.0)
    async with MeshClient.connect(settings) as client:
        async with aclosing(client.subscribe(OrderPriced, from_beginning=True)) as prices:
            assert await anext(prices) == OrderPriced(order_id="d-1", total=6.0)


def _refreshed(discovery: Discovery) -> Discovery:
    discovery.refresh()
    return discovery


async def _projection(url: str, key: str) -> dict[str, str]:
    connection = await asyncpg.connect(url)
    try:
        for _ in range(200):
            text = await connection.fetchval(
                "SELECT document FROM onex_projection WHERE projection = 'registration' AND key = $1", key
            )
            document: dict[str, str] = json.loads(text or "{}")
            if document.get("state") == "LIVENESS_EXPIRED":
                return document
            await asyncio.sleep(0.05)  # between looks at a condition, not instead of one
        return document
    finally:
        await connection.close()
