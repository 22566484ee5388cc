"""MixinContractLoader."""

from dataclasses import replace
from pathlib import Path

import pytest

from onex.capability.contracts import LoadedContract
from onex.contract import resolve_node
from onex.contract.create_node import create_node
from onex.contract.reader import ContractReader
from onex.errors import CompositionError, ContractError
from onex.mixins.bulkhead import ModelBulkheadSubcontract
from onex.mixins.contract_loader import MixinContractLoader, ModelContractLoaderSubcontract
from onex.mixins.contract_loader.engine import ContractLoaderEngine
from onex.mixins.service import with_mixins
from onex.node import NodeEffect
from onex.testing.clock import ManualClock
from tests.conftest import NODES

GATE = NODES / "node_gate_compute" / "v1_0_0"
_TEXT = """
name: node_thing_effect
node_type: EFFECT
contract_version: {major: 1, minor: 0, patch: 0}
description: A thing without a class.
event_bus:
  subscribe_topics: [onex.cmd.thing.do-thing.v1]
  publish_topics: []
input_model: DoThing
subcontracts:
  bulkhead: {max_concurrent: 2}
"""


def loader(clock: ManualClock | None = None, **settings: object) -> ContractLoaderEngine:
    model = ModelContractLoaderSubcontract.model_validate(settings)
    return ContractLoaderEngine(model, ContractReader(), clock or ManualClock())


@pytest.fixture
def thing(tmp_path: Path) -> Path:
    file = tmp_path / "contract.yaml"
    file.write_text(_TEXT)
    return file


@pytest.mark.enforces("contract_loader.enable_contract_validation")
def test_a_contract_is_checked_against_its_node(thing: Path) -> None:
    assert loader().load(GATE).contract.name == "node_gate_compute"
    with pytest.raises(ContractError):
        loader().load(thing)
    assert loader(enable_contract_validation=False).load(thing.parent).contract.name == "node_thing_effect"


@pytest.mark.enforces("contract_loader.enable_subcontract_composition")
def test_the_configuration_of_its_capabilities(thing: Path) -> None:
    composed = loader(enable_contract_validation=False).load(thing).subcontracts
    assert composed == {ModelBulkheadSubcontract: ModelBulkheadSubcontract(max_concurrent=2)}
    bare = loader(enable_subcontract_composition=False, enable_contract_validation=False)
    assert bare.load(thing).subcontracts == {}
    assert loader(enable_subcontract_composition=False).load(GATE).subcontracts == {}
    thing.write_text(_TEXT.replace("max_concurrent: 2", "max_concurrent: 0"))
    with pytest.raises(ContractError, match="max_concurrent"):
        loader(enable_contract_validation=False).load(thing)


@pytest.mark.enforces("contract_loader.strict_schema_validation")
def test_unknown_keys(thing: Path) -> None:
    thing.write_text(_TEXT + "from_the_future: 1\n")
    with pytest.raises(ContractError, match="from_the_future"):
        loader(enable_contract_validation=False).load(thing)
    loose = loader(enable_contract_validation=False, strict_schema_validation=False)
    assert loose.load(thing).contract.name == "node_thing_effect"


@pytest.mark.enforces("contract_loader.enable_contract_caching", "contract_loader.contract_cache_ttl_seconds")
def test_contracts_are_cached(thing: Path) -> None:
    clock = ManualClock()
    kept = loader(clock, enable_contract_validation=False, contract_cache_ttl_seconds=60)
    fresh = loader(clock, enable_contract_validation=False, enable_contract_caching=False)

    def descriptions() -> tuple[str, str]:
        loaded: list[LoadedContract] = [kept.load(thing), fresh.load(thing)]
        return loaded[0].contract.description, loaded[1].contract.description

    old, new = "A thing without a class.", "Another one."
    assert descriptions() == (old, old)
    thing.write_text(_TEXT.replace(old, new))
    assert descriptions() == (old, new)
    clock.move_to(clock.monotonic() + 61)
    assert descriptions() == (new, new)
    thing.write_text(_TEXT)
    kept.forget()
    assert descriptions() == (old, old)


def test_a_node_of_a_contract_reads_others() -> None:
    class Node(MixinContractLoader, NodeEffect):
        pass

    with pytest.raises(CompositionError, match="no contract reader"):
        Node().contracts.load(GATE)
    resolved = resolve_node(NODES / "node_vault_effect" / "v1_0_0")
    reading = create_node(replace(resolved, node_class=with_mixins(resolved.node_class, [MixinContractLoader])))
    assert isinstance(reading, MixinContractLoader)
    loaded = reading.contracts.load(GATE)
    assert (loaded.contract.name, loaded.file.name) == ("node_gate_compute", "contract.yaml")
