"""MixinDataPersistence: one name of keyed state, stored results, and files."""

import asyncio
from pathlib import Path

import pytest
import yaml
from node_tally_reducer.v1_0_0.models import Amount, Tallied
from node_vault_effect.v1_0_0.models import Fetch, Fetched
from node_vault_effect.v1_0_0.node import NodeVaultEffect

from onex.capability import AgentEnvironment, Composition, configured
from onex.capability.composition import plan_of
from onex.contract import ResolvedNode, resolve_node
from onex.errors import CompositionError, ContractError, NodeUseError, RejectedError
from onex.mixins.data_persistence import MixinDataPersistence, ModelDataPersistenceSubcontract
from onex.mixins.files import MixinFiles, ModelFilesSubcontract
from onex.mixins.service import with_mixins
from onex.model.enums import EnumNodeKind
from onex.node import NodeCompute, NodeEffect, NodeOrchestrator, NodeReducer
from onex.testing import MeshDriver
from tests.conftest import NODES
from tests.mixins.helpers import container, contract_file

VAULT = NODES / "node_vault_effect" / "v1_0_0"
TALLY = NODES / "node_tally_reducer" / "v1_0_0"


def resolved(folder: Path, added: str = "{}") -> ResolvedNode:
    """Return a node with further parts of its contract, in YAML."""
    contract = yaml.safe_load((folder / "contract.yaml").read_text())
    for key, part in yaml.safe_load(added).items():
        match part:
            case list():
                contract[key] = [*contract.get(key, []), *part]
            case _:
                contract[key] = {**contract.get(key, {}), **part}
    with contract_file(folder, yaml.safe_dump(contract)) as file:
        return resolve_node(file)


def problems(folder: Path, added: str) -> str:
    with pytest.raises(ContractError) as refused:
        resolved(folder, added)
    return str(refused.value)


# -- files ------------------------------------------------------------------------------------------


@pytest.mark.enforces(
    "data_persistence.folder", "data_persistence.max_value_bytes", "data_persistence.remembered_appends"
)
def test_an_effect_stores_files(tmp_path: Path) -> None:
    settings = ModelDataPersistenceSubcontract(folder=str(tmp_path / "f"), max_value_bytes=3, remembered_appends=7)
    node = with_mixins(NodeEffect, [MixinDataPersistence])()
    node.container = container(settings, AgentEnvironment(home=tmp_path))
    assert node.capabilities.names == {"MixinDataPersistence", "MixinFiles"}
    found = configured(node, ModelFilesSubcontract)
    assert found == ModelFilesSubcontract(folder=str(tmp_path / "f"), max_file_bytes=3, remembered_appends=7)

    async def store() -> bytes | None:
        await composition.start()
        try:
            await node.files.write("a/b", b"abc")  # type: ignore[attr-defined]  # composed above
            with pytest.raises(RejectedError, match="4 bytes"):
                await node.files.write("a/c", b"abcd")  # type: ignore[attr-defined]  # composed above
            content: bytes | None = await node.files.read("a/b")  # type: ignore[attr-defined]  # composed above
            return content
        finally:
            await composition.stop()

    composition = Composition(node)
    assert asyncio.run(store()) == b"abc"
    assert (tmp_path / "f" / "a" / "b").read_bytes() == b"abc"


def test_different_values_of_files_name_both() -> None:
    both = "{subcontracts: {data_persistence: {max_value_bytes: 5}, files: {max_file_bytes: 6}}}"
    text = problems(VAULT, both)
    assert (
        "data_persistence.max_value_bytes and files.max_file_bytes set different values of files.max_file_bytes"
        in text
    )
    node = with_mixins(NodeEffect, [MixinDataPersistence, MixinFiles])()
    node.container = container(ModelDataPersistenceSubcontract(folder="/a"), ModelFilesSubcontract(folder="/b"))
    with pytest.raises(CompositionError, match=r"data_persistence\.folder and files\.folder set different values"):
        node.files  # type: ignore[attr-defined]  # noqa: B018 - composed above


# -- keyed state ------------------------------------------------------------------------------------


@pytest.mark.enforces("data_persistence.standby")
def test_a_reducer_has_copies_of_its_state() -> None:
    plain = resolved(TALLY)
    assert not plain.contract.delivery.standby
    found = resolved(TALLY, "{subcontracts: {data_persistence: {standby: true}}}")
    assert found.contract.delivery.standby
    assert found.contract == plain.contract.model_copy(
        update={"delivery": found.contract.delivery, "subcontracts": found.contract.subcontracts}
    )
    assert found.node_class.capabilities.names == {*plain.node_class.capabilities.names, "MixinDataPersistence"}
    listed = resolved(TALLY, "{mixins: [{name: MixinDataPersistence, config: {standby: true}}]}")
    assert listed.contract.delivery.standby
    assert not resolved(TALLY, "{mixins: [{name: MixinDataPersistence}]}").contract.delivery.standby


def test_a_reducer_with_the_name_works_and_has_no_files() -> None:
    node = resolved(TALLY, "{subcontracts: {data_persistence: {standby: true}}}")
    mesh = MeshDriver([node])
    mesh.send(Amount(entity="a", value=1))
    mesh.send(Amount(entity="a", value=2))
    assert len(mesh.published(Tallied)) == 2
    (instance,) = mesh.instances
    with pytest.raises(NodeUseError, match="a REDUCER stores the state that its handler returns"):
        instance.node.files  # type: ignore[attr-defined]  # noqa: B018 - composed above
    mesh.close()


@pytest.mark.enforces("data_persistence.result_retention_seconds")
def test_an_effect_stores_its_results() -> None:
    NodeVaultEffect.asked.clear()
    NodeVaultEffect.closed = False
    node = resolved(VAULT, "{subcontracts: {data_persistence: {result_retention_seconds: 60}}}")
    assert node.contract.delivery.keep_answers == 60
    assert node.contract.has_changelog
    mesh = MeshDriver([node])
    sent = mesh.send(Fetch(name="gold"), id="once")
    mesh.send(Fetch(name="gold"), id="once")
    assert NodeVaultEffect.asked == ["gold"]
    assert mesh.published(Fetched, sent)[0].name == "gold"
    mesh.close()


@pytest.mark.parametrize(
    ("folder", "added", "words"),
    [
        (
            TALLY,
            "{delivery: {standby: false}, subcontracts: {data_persistence: {standby: true}}}",
            "subcontracts.data_persistence.standby and delivery.standby set different values; keep one of the two",
        ),
        (
            VAULT,
            "{mixins: [{name: MixinDataPersistence, config: {standby: true}}]}",
            "delivery.standby belongs to a REDUCER or an ORCHESTRATOR",
        ),
        (
            TALLY,
            "{subcontracts: {data_persistence: {result_retention_seconds: 9}}}",
            "MixinDataPersistence has no result_retention_seconds on a node of kind REDUCER",
        ),
        (
            TALLY,
            "{subcontracts: {data_persistence: {folder: /a}}}",
            "MixinDataPersistence has no folder on a node of kind REDUCER",
        ),
    ],
)
def test_values_that_do_not_fit_have_their_place(folder: Path, added: str, words: str) -> None:
    text = problems(folder, added)
    assert words in text
    assert ".yaml:" in text


def test_equal_values_are_no_conflict() -> None:
    both = "{delivery: {standby: true}, subcontracts: {data_persistence: {standby: true}}}"
    assert resolved(TALLY, both).contract.delivery.standby


def test_the_engine_of_files_is_for_effects_only() -> None:
    for base, kind in ((NodeReducer, EnumNodeKind.REDUCER), (NodeOrchestrator, EnumNodeKind.ORCHESTRATOR)):
        plan = with_mixins(base, [MixinDataPersistence]).capabilities
        assert plan.names == {"MixinDataPersistence"}, kind
        assert not plan.start
    with pytest.raises(CompositionError, match="MixinDataPersistence cannot join a node of kind COMPUTE"):
        with_mixins(NodeCompute, [MixinDataPersistence])
    without_kind = plan_of(type("Some", (MixinDataPersistence,), {}), None)
    assert without_kind.names == {"MixinDataPersistence", "MixinFiles"}
