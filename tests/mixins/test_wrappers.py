"""Wrappers: the bases that they stand for, and nodes of them on the memory host."""

from dataclasses import replace

import pytest
from node_gate_compute.v1_0_0.models import Enter, Entered
from node_vault_effect.v1_0_0.models import Fetch, Fetched

from onex.bus.config import KafkaConfig
from onex.bus.kafka import KafkaEventBusAdapter
from onex.capability import AgentEnvironment, Container
from onex.capability.container import ServiceRegistry
from onex.contract import resolve_node
from onex.errors import CompositionError
from onex.mixins import wrappers
from onex.mixins.wrappers import (
    ModelServiceCompute,
    ModelServiceDatabaseEffect,
    ModelServiceDockerEffect,
    ModelServiceEffect,
    ModelServiceKafkaEffect,
    ModelServiceOrchestrator,
    ModelServiceReducer,
    ModelServiceSecureEffect,
)
from onex.node import Context, Node
from onex.testing import MeshDriver
from tests.conftest import NODES

SERVICE = {"MixinNodeService", "MixinHealthCheck", "MixinMetrics"}
KAFKA = {"MixinKafkaConfiguration", "MixinKafkaHealthCheck", "MixinMessageQueue"}
DOCKER = {"MixinDockerClient", "MixinContainerOperations", "MixinImageManagement", "MixinDockerHealthCheck"}
COMPOSED: dict[type[Node], set[str]] = {
    ModelServiceEffect: {*SERVICE, "MixinEventBus"},
    ModelServiceCompute: SERVICE,
    ModelServiceReducer: SERVICE,
    ModelServiceOrchestrator: SERVICE,
    ModelServiceKafkaEffect: {*SERVICE, "MixinEventBus", *KAFKA},
    ModelServiceDatabaseEffect: {*SERVICE, "MixinEventBus", "MixinDatabase", "MixinTransactions"},
    ModelServiceDockerEffect: {*SERVICE, "MixinEventBus", *DOCKER},
    ModelServiceSecureEffect: {*SERVICE, "MixinEventBus", "MixinHMACValidation", "MixinRateLimiting"},
}
WRAPPERS = pytest.mark.parametrize("wrapper", COMPOSED, ids=lambda wrapper: wrapper.__name__)


@WRAPPERS
def test_a_wrapper_has_the_capabilities_that_it_stands_for(wrapper: type[Node]) -> None:
    assert wrapper.capabilities.names == COMPOSED[wrapper]
    assert wrapper.__doc__
    derived: type[Node] = type("NodeDerived", (wrapper,), {})
    assert derived.capabilities == wrapper.capabilities
    assert wrapper.__name__ in wrappers.__all__


def test_every_wrapper_is_tested() -> None:
    assert {wrapper.__name__ for wrapper in COMPOSED} == {*wrappers.__all__}
    with pytest.raises(ImportError, match="ModelServiceNothing"):
        exec("from onex.mixins.wrappers import ModelServiceNothing")


class NodeServicedEffect(ModelServiceEffect):
    """Uses the accessors of its wrapper."""

    async def fetch(self, command: Fetch, context: Context) -> Fetched:
        """Count, and return what the command names."""
        self.metrics.increment("fetched")
        assert self.health.is_healthy()
        assert self.event_bus
        return Fetched(name=command.name, attempt=context.attempt)


class NodeServicedCompute(ModelServiceCompute[Enter, Entered]):
    """Uses the accessors of its wrapper."""

    def compute(self, request: Enter) -> Entered:
        """Count, and let everybody in."""
        self.metrics.increment("entered")
        assert self.service
        return Entered(name=request.name)


def test_nodes_of_wrappers_run_as_agents_on_the_memory_host() -> None:
    effect = replace(resolve_node(NODES / "node_vault_effect" / "v1_0_0"), node_class=NodeServicedEffect)
    compute = replace(resolve_node(NODES / "node_gate_compute" / "v1_0_0"), node_class=NodeServicedCompute)
    mesh = MeshDriver([effect, compute])
    try:
        sent, entering = mesh.send(Fetch(name="gold")), mesh.send(Enter(name="Ann", age=3))
        assert mesh.published(Fetched, sent) == [Fetched(name="gold", attempt=1)]
        assert mesh.published(Entered, entering) == [Entered(name="Ann")]
    finally:
        mesh.close()


def container(*values: object) -> Container:
    registry = ServiceRegistry()
    for value in values:
        registry.value(type(value), value)
    return Container(registry)


def test_an_application_makes_an_adapter_from_its_container() -> None:
    configured = KafkaConfig("127.0.0.1:1", extra={"client.id": "shop"})
    assert KafkaEventBusAdapter.from_container(container(configured)).config is configured
    environment = AgentEnvironment(kafka_bootstrap_servers="127.0.0.1:2", kafka_config={"client.id": "till"})
    made = KafkaEventBusAdapter.from_container(container(environment)).config
    assert (made.bootstrap_servers, made.extra) == ("127.0.0.1:2", {"client.id": "till"})
    assert KafkaEventBusAdapter.from_container(container(environment, configured)).config is configured


@pytest.mark.parametrize("values", [(), (AgentEnvironment(),)])
def test_a_container_without_an_address_makes_no_adapter(values: tuple[object, ...]) -> None:
    with pytest.raises(CompositionError, match="the container has no address of Kafka; register a KafkaConfig"):
        KafkaEventBusAdapter.from_container(container(*values))
