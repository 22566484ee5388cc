"""Capabilities of a contract: one plan from every form."""

from collections.abc import Iterator

import pytest
from node_vault_effect.v1_0_0.models import Fetch, Fetched
from node_vault_effect.v1_0_0.node import NodeVaultEffect

from onex.capability import Mixin, configured
from onex.contract import resolve_node
from onex.contract.create_node import create_node
from onex.errors import CompositionError, ContractError
from onex.mixins.bulkhead import MixinBulkhead, ModelBulkheadSubcontract
from onex.mixins.catalogue import CATALOGUE, MixinCatalogue
from onex.mixins.circuit_breaker import MixinCircuitBreaker, ModelCircuitBreakerSubcontract, ModelCircuitService
from onex.mixins.retry import MixinRetry
from onex.mixins.service import MixinDependencyResolver, create_service_with_capabilities, with_mixins
from onex.mixins.timeout import MixinTimeout, ModelTimeoutSubcontract
from onex.node import NodeCompute, NodeEffect
from onex.testing import MeshDriver
from tests.conftest import NODES
from tests.mixins.helpers import contract_file

VAULT = NODES / "node_vault_effect" / "v1_0_0"
ALL = ["MixinTimeout", "MixinBulkhead", "MixinCircuitBreaker"]


@pytest.fixture
def mesh() -> Iterator[MeshDriver]:
    NodeVaultEffect.asked.clear()
    NodeVaultEffect.closed = False
    driver = MeshDriver([VAULT])
    yield driver
    driver.close()


def names(node_class: type[NodeEffect]) -> list[str]:
    return [metadata.name for metadata in node_class.capabilities.start]


def test_contract_and_bases_make_one_plan() -> None:
    resolved = resolve_node(VAULT)
    node = create_node(resolved)
    assert [metadata.name for metadata in resolved.node_class.capabilities.start] == ALL
    assert isinstance(node, NodeVaultEffect | MixinTimeout)
    assert type(node).__name__ == "NodeVaultEffect"
    assert configured(node, ModelTimeoutSubcontract).timeout_seconds == 3
    assert configured(node, ModelBulkheadSubcontract).max_concurrent == 2
    assert configured(node, ModelCircuitBreakerSubcontract) == ModelCircuitBreakerSubcontract(
        failure_threshold=3,
        timeout_seconds=20,
        half_open_max_calls=1,
        services=(ModelCircuitService(name="mail", failure_threshold=1, timeout_seconds=1),),
    )


def test_composition_in_code_and_by_contract_give_the_same_node() -> None:
    class InCode(MixinTimeout, MixinCircuitBreaker, MixinBulkhead, NodeEffect):
        pass

    assert InCode.capabilities == resolve_node(VAULT).node_class.capabilities


def test_the_retry_policy_of_advanced_features_is_the_agent_s() -> None:
    policy = resolve_node(VAULT).contract.retry_policy
    assert (policy.max_attempts, policy.base_delay, policy.max_delay, policy.multiplier) == (5, 1.0, 9.0, 3.0)
    assert policy.retryable_error_codes == ("418",)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("MixinTimeout", "MixinTimeot", "no capability MixinTimeot; did you mean MixinTimeout?"),
        (
            "name: MixinTimeout",
            "name: MixinZzzzzzzzzzzzzzzzz",
            "no capability MixinZzzzzzzzzzzzzzzzz; there are MixinAlerting",
        ),
        (
            "timeout_seconds: 3",
            "timeout_secs: 3",
            "mixins[0].config.timeout_secs: unknown key; did you mean",
        ),
        (
            "timeout_seconds: 3",
            "timeout_seconds: -3",
            "mixins[0].config.timeout_seconds: Input should be",
        ),
        (
            "bulkhead:",
            "bulkheads:",
            "subcontracts.bulkheads: no capability has this subcontract; there are alerting",
        ),
        ("bulkhead:", "timeout:", "MixinTimeout is already configured by mixins[0].config; keep one"),
        ("MixinRetry", "MixinTimeout", "mixins lists MixinTimeout twice"),
        ("MixinRetry", "MixinCircuitBreaker", "NodeVaultEffect has MixinCircuitBreaker as a base; remove the base"),
        (
            "delivery:",
            "error_handling: {retry_policy: {max_attempts: 2}}\ndelivery:",
            "advanced_features.retry_policy repeats error_handling.retry_policy; keep one",
        ),
        ("retry_policy:", "recovery:", "advanced_features.recovery: unknown key"),
        ("{timeout_seconds: 3}", "{timeout_seconds: '${ONEX_NO_SUCH}'}", "variable ONEX_NO_SUCH is not set"),
    ],
)
def test_problems_have_their_place(old: str, new: str, words: str) -> None:
    text = (VAULT / "contract.yaml").read_text()
    assert old in text
    with contract_file(VAULT, text.replace(old, new)) as file, pytest.raises(ContractError) as refused:
        resolve_node(file, environment={})
    assert words in str(refused.value)
    assert f"{file.name}:" in str(refused.value)


def test_a_capability_for_another_kind_is_refused() -> None:
    with pytest.raises(CompositionError, match="MixinTimeout cannot join a node of kind COMPUTE"):
        with_mixins(NodeCompute, [MixinTimeout])


def test_an_open_circuit_pauses_the_partitions_and_burns_no_attempts(mesh: MeshDriver) -> None:
    NodeVaultEffect.closed = True
    sent = [mesh.send(Fetch(name=f"n-{n}")) for n in range(8)]
    mesh.advance("2s")
    assert len(NodeVaultEffect.asked) == 3, "three failures open the circuit; nobody is asked after that"
    mesh.advance("10s")
    assert len(NodeVaultEffect.asked) == 3
    NodeVaultEffect.closed = False
    mesh.advance("30s")
    (answers,) = {len(mesh.published(Fetched, one)) for one in sent}
    assert answers == 1
    attempts = sorted(fetched.attempt for one in sent for fetched in mesh.published(Fetched, one))
    assert attempts == [1, 1, 1, 1, 1, 2, 2, 2]
    assert mesh.dead_letters() == []


def test_while_a_circuit_is_open_nothing_is_read(mesh: MeshDriver) -> None:
    (instance,) = mesh.instances_of(NodeVaultEffect)

    NodeVaultEffect.closed = True
    for number in range(4):
        mesh.send(Fetch(name=f"n-{number}"))
    assert instance.metrics.total_received() == 4
    for number in range(20):
        mesh.send(Fetch(name=f"late-{number}"))
    assert instance.metrics.total_received() == 4
    NodeVaultEffect.closed = False
    mesh.advance("60s")
    assert instance.metrics.total_received() == 24


def test_names_keys_and_groups_are_resolved() -> None:
    made = create_service_with_capabilities(NodeEffect, None, ["fault_tolerance", "bulkhead", "MixinTimeout"])
    assert names(made) == ["MixinTimeout", "MixinBulkhead", "MixinCircuitBreaker", "MixinRetry"]
    assert create_service_with_capabilities(made, None, ["retry"]) is made
    contract = resolve_node(VAULT).contract
    assert names(create_service_with_capabilities(NodeEffect, contract, [])) == ALL
    with pytest.raises(CompositionError, match="no capability 'chaching'; there are alerting, "):
        create_service_with_capabilities(NodeEffect, None, ["chaching"])


def test_the_resolver_orders_and_completes() -> None:
    resolver = MixinDependencyResolver()
    assert resolver.resolve_dependencies([MixinTimeout, MixinBulkhead]) == [MixinTimeout, MixinBulkhead]


def test_the_catalogue_takes_others_and_no_name_twice() -> None:
    catalogue = MixinCatalogue({})
    catalogue.register("MixinRetry", "onex.mixins.retry")
    catalogue.register("MixinRetry", "onex.mixins.retry")
    assert catalogue.mixin("MixinRetry") is MixinRetry
    assert catalogue.of_key("retry") is MixinRetry
    assert catalogue.of_key("circuit_breaker") is None
    with pytest.raises(CompositionError, match=r"MixinRetry is registered already, from onex\.mixins\.retry"):
        catalogue.register("MixinRetry", "elsewhere")
    assert all(issubclass(mixin, Mixin) for mixin in CATALOGUE.all())
