"""Features: names of what the agent does, in contracts and in the agent."""

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

import pytest

from onex.agent.announce import Identity
from onex.agent.announce.introspection import _discovered as discovered
from onex.agent.process.presence import Presence, heartbeat_interval
from onex.agent.telemetry.health import Health
from onex.agent.telemetry.metrics import AgentMetrics
from onex.capability import Feature, Reports, Subcontract
from onex.capability.feature import Features, Refusal
from onex.codegen.introspect import ContractIntrospector
from onex.contract import ResolvedNode, resolve_node
from onex.errors import ContractError
from onex.mixins.catalogue import CATALOGUE
from onex.mixins.introspection_publisher import FEATURE, ModelIntrospectionPublisherSubcontract
from onex.model.contract import ModelContract
from onex.model.contract.version import ModelSemVer
from onex.model.enums import EnumNodeKind
from onex.settings import Settings
from onex.testing.clock import ManualClock
from tests.conftest import NODES
from tests.mixins.helpers import contract_file

VAULT = NODES / "node_vault_effect" / "v1_0_0"
TEXT = (VAULT / "contract.yaml").read_text()


def keyed(line: str) -> str:
    """Return the contract of the vault with a line in ``subcontracts``."""
    return TEXT.replace("subcontracts:\n", f"subcontracts:\n  {line}\n")


def listed(line: str) -> str:
    """Return the contract of the vault with an entry of ``mixins``."""
    return TEXT.replace("mixins:\n", f"mixins:\n  - {line}\n")


@pytest.mark.enforces("introspection_publisher.heartbeat_interval_seconds")
def test_a_node_sets_the_interval_of_its_heartbeats() -> None:
    settings = Settings(heartbeat_interval=7)
    with contract_file(VAULT, keyed("introspection_publisher: {heartbeat_interval_seconds: 2.5}")) as file:
        resolved = resolve_node(file)
    assert heartbeat_interval(resolved, settings) == 2.5
    assert heartbeat_interval(resolve_node(VAULT), settings) == 7
    assert heartbeat_interval(resolved, Settings(heartbeat_interval=0)) == 0, "the agent publishes nothing"


def test_the_agent_announces_at_that_interval(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    identities: list[Identity] = []

    def announcer(_: ResolvedNode, identity: Identity, *__: object) -> None:
        identities.append(identity)

    monkeypatch.setattr("onex.agent.process.presence.Announcer", announcer)
    with contract_file(VAULT, keyed("introspection_publisher: {heartbeat_interval_seconds: 2.5}")) as file:
        resolved = resolve_node(file)
    metrics = AgentMetrics("node_vault_effect")
    for interval in (7, 0):
        settings = Settings(heartbeat_interval=interval, home=tmp_path)
        Presence(resolved, settings, "one", 1, ManualClock(), Health(), metrics, dict, Reports())
    assert [identity.heartbeat_interval for identity in identities] == [2.5]


def test_a_contract_lists_features_and_no_class_is_composed() -> None:
    text = listed("{name: MixinNodeExecutor}").replace("bulkhead:", "node_lifecycle: {}\n  bulkhead:")
    with contract_file(VAULT, text) as file:
        resolved = resolve_node(file)
        enhanced = ContractIntrospector().introspect(file.read_text())
    assert resolved.features.names == {"MixinNodeExecutor", "MixinNodeLifecycle"}
    assert resolved.node_class.capabilities == resolve_node(VAULT).node_class.capabilities
    assert {"feature:MixinNodeExecutor", "feature:MixinNodeLifecycle"} <= {*discovered(resolved)}
    assert enhanced.features == ("MixinNodeExecutor", "MixinNodeLifecycle")
    assert [mixin.name for mixin in enhanced.mixins if mixin.name in resolved.features.names] == []


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (
            keyed("node_executor: {threads: 3}"),
            "subcontracts.node_executor: MixinNodeExecutor is always on and has nothing to configure; remove these",
        ),
        (
            listed("{name: MixinNodeExecutor, config: {a: 1}}"),
            "mixins[0].config: MixinNodeExecutor is always on and has nothing to configure; remove these keys",
        ),
        (
            listed("{name: MixinNodeExecutor, enabled: false}"),
            "mixins[0].enabled: MixinNodeExecutor is a part of every agent, and cannot be switched off; remove",
        ),
        (
            listed("{name: MixinWorkflowSupport}"),
            "mixins[0]: a node of kind EFFECT has no MixinWorkflowSupport; remove it: it is for ORCHESTRATOR",
        ),
        (
            keyed("introspection_publisher: {heartbeat_interval_seconds: 0}"),
            "subcontracts.introspection_publisher.heartbeat_interval_seconds: Input should be greater",
        ),
        (
            keyed("introspection_publisher: {heartbeat_interval_seconds: 3}").replace(
                "mixins:\n",
                "mixins:\n  - {name: MixinIntrospectionPublisher, config: {heartbeat_interval_seconds: 4}}\n",
            ),
            "MixinIntrospectionPublisher is already configured by mixins[0].config; keep one",
        ),
        (listed("{name: MixinUtils}"), "mixins[0].name: MixinUtils is not part of this version: A class of helper"),
    ],
    ids=["key", "list", "off", "kind", "limit", "twice", "later"],
)
def test_what_a_contract_cannot_have_is_refused_with_its_place(text: str, words: str) -> None:
    with contract_file(VAULT, text) as file, pytest.raises(ContractError) as refused:
        resolve_node(file)
    assert words in str(refused.value)
    assert f"{file.name}:" in str(refused.value)


class ModelLimitedSubcontract(Subcontract):
    """A configuration that not every contract can have."""

    INTERFACE_VERSION: ClassVar[ModelSemVer] = ModelSemVer(major=1)

    depth: int = 1


def refuse_depth(config: ModelLimitedSubcontract, contract: ModelContract) -> Iterable[Refusal]:
    """Refuse a depth above one, and any configuration below one."""
    if config.depth > 1:
        yield Refusal("depth", f"{contract.name} has a depth of one", "write 1")
    if config.depth < 1:
        yield Refusal("", "there is no depth", "leave it out")


@pytest.mark.parametrize(
    ("depth", "words"),
    [
        (1, ""),
        (2, "subcontracts.limited.depth: node_vault_effect has a depth of one; write 1"),
        (0, "subcontracts.limited: there is no depth; leave it out"),
    ],
)
def test_a_feature_checks_its_configuration_against_the_contract(
    depth: int, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    limited = replace(
        FEATURE,
        name="MixinLimited",
        key="limited",
        subcontract=ModelLimitedSubcontract,
        check=refuse_depth,  # type: ignore[arg-type]  # define_feature has the same conversion
        always_on=False,
    )

    def of_key(key: str) -> Feature | None:
        return limited if key == "limited" else None

    def of_name(name: str) -> Feature | None:
        return limited if name == "MixinLimited" else None

    monkeypatch.setattr(CATALOGUE, "feature_of_key", of_key)
    monkeypatch.setattr(CATALOGUE, "feature", of_name)
    text = keyed(f"limited: {{depth: {depth}}}").replace(
        "mixins:\n", "mixins:\n  - {name: MixinLimited, enabled: false}\n"
    )
    with contract_file(VAULT, text) as file:
        if words:
            with pytest.raises(ContractError) as refused:
                resolve_node(file)
            assert words in str(refused.value)
        else:
            assert resolve_node(file).features.of(ModelLimitedSubcontract).depth == 1


def test_features_have_defaults() -> None:
    assert Features().of(ModelIntrospectionPublisherSubcontract) == ModelIntrospectionPublisherSubcontract()
    assert FEATURE.kinds == tuple(EnumNodeKind)
    assert list(FEATURE.check(ModelIntrospectionPublisherSubcontract(), resolve_node(VAULT).contract)) == []
