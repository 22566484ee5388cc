"""The JSON Schema for editors: every contract fits it, and it refuses what the loader refuses."""

import json
import re
from functools import cache
from pathlib import Path

import pytest
import yaml
from pydantic import JsonValue

from onex.codegen.editor_schema import IN_PROJECT, Schema, editor_line, editor_schema, schema_files, schema_text
from onex.contract import find_contracts
from onex.mixins.catalogue import CATALOGUE
from tests.json_schema import resolved, schema_problems

ROOT = Path(__file__).parents[2]
CONTRACTS = [
    *find_contracts([ROOT / "services", ROOT / "examples", ROOT / "tests" / "nodes", ROOT / "benchmarks"]),
    *sorted((ROOT / "examples").rglob("contracts/*.yaml")),
]
BASE = """
name: node_desk_effect
node_type: EFFECT
contract_version: {major: 1}
event_bus: {subscribe_topics: [onex.cmd.desk.ask.v1]}
input_model: Ask
"""


@cache
def schema() -> Schema:
    """The schema: it takes a second to make, in each worker that has these tests."""
    return editor_schema()


def problems_of(more: str = "", base: str = BASE) -> list[str]:
    return schema_problems(schema(), yaml.safe_load(base + more))


@pytest.mark.parametrize("path", CONTRACTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_contract_of_the_repository_fits(path: Path) -> None:
    assert schema_problems(schema(), yaml.safe_load(path.read_text())) == []


def test_every_reference_leads_somewhere() -> None:
    found = re.findall(r'"\$ref": "([^"]+)"', json.dumps(schema()))
    assert found
    for reference in found:
        assert isinstance(resolved(schema(), reference), dict)


def test_a_contract_without_name_or_with_an_unknown_key_does_not_fit() -> None:
    assert problems_of() == []
    assert problems_of(base=BASE.replace("name: node_desk_effect", ""))
    assert problems_of("colour: red")


@pytest.mark.parametrize("mixin", CATALOGUE.all(), ids=lambda mixin: mixin.__name__)
def test_the_configuration_of_each_capability_is_checked_by_its_name_and_by_its_key(mixin: type) -> None:
    metadata = CATALOGUE.metadata(mixin.__name__)
    field = next(iter(CATALOGUE.mixin(mixin.__name__).definition.subcontract.model_fields))
    unknown: JsonValue = {"nothing_like_it": 1}
    listed: JsonValue = [{"name": metadata.name, "config": unknown}]
    assert any(".config.nothing_like_it" in line for line in schema_problems(schema(), {"mixins": listed}))
    keyed: JsonValue = {metadata.key: unknown}
    assert any(
        f"{metadata.key}.nothing_like_it" in line for line in schema_problems(schema(), {"subcontracts": keyed})
    )
    described = resolved(schema(), f"#/$defs/{metadata.key}")
    assert isinstance(described, dict)
    properties = described["properties"]
    assert isinstance(properties, dict)
    shown = properties[field]
    assert isinstance(shown, dict)
    assert shown["description"]


def test_values_of_capabilities_are_checked_and_variables_fit() -> None:
    fitting = "mixins: [{name: MixinHealthCheck, config: {health_check_interval_ms: %s}}]"
    assert problems_of(fitting % "60000") == []
    assert problems_of(fitting % '"${INTERVAL}"') == []
    assert problems_of(fitting % '"${INTERVAL:-30000}"') == []
    assert problems_of(fitting % "often")
    assert problems_of(fitting % "5")  # below a second
    other_mixin = "mixins: [{name: MixinMetrics, config: {health_check_interval_ms: 60000}}]"
    assert problems_of(other_mixin)


def test_advanced_features_are_checked() -> None:
    circuit = "advanced_features: {circuit_breaker: {services: [{name: db, failure_threshold: %s}]}}"
    assert problems_of(circuit % "3") == []
    assert problems_of(circuit % '"${LIMIT}"') == []
    assert problems_of(circuit % "0")
    assert problems_of("advanced_features: {teleport: {}}")
    assert problems_of("advanced_features: {transactions: {rollback_on_error: false}}")


def test_a_capability_of_another_package_fits() -> None:
    assert problems_of("mixins: [{name: MixinOfAnotherPackage, config: {anything: 1}}]") == []
    assert problems_of("mixins: [{name: notAMixin}]")


def test_the_library_has_the_file_and_other_folders_do_not_get_it(tmp_path: Path) -> None:
    ((name, text),) = schema_files(ROOT).items()
    assert (ROOT / name).read_text() == schema_text() == text
    assert schema_files(tmp_path) == {}


def test_editors_find_the_file_from_the_folder_of_a_node() -> None:
    written = re.search(r"\$schema=(\S+)", editor_line())
    assert written is not None
    folder = Path("/project/services/node_desk_effect/v1_0_0")
    assert (folder / written[1]).resolve() == Path("/project") / IN_PROJECT
