"""What the code-generation nodes report about generations, and how the dashboard shows it."""

import json
from collections.abc import Iterator, Mapping

import pytest
from pydantic import JsonValue

from node_code_renderer_compute.v1_0_0.models import NodeRendered, RenderNode
from node_codegen_metrics_reducer.v1_0_0.models import CodegenMetrics, CodegenSnapshot, GenerationMeasured
from node_codegen_orchestrator.v1_0_0.models import (
    GenerateNode,
    GenerateTests,
    GenerationCompleted,
    GenerationFailed,
    GenerationProgressed,
)
from node_codegen_orchestrator.v1_0_0.models import TestsFailed as Failed
from node_codegen_orchestrator.v1_0_0.models import TestsPassed as Passed
from node_contract_validator_compute.v1_0_0.models import ContractRefused, ContractValidated, ValidateContract
from node_contract_validator_compute.v1_0_0.node import NodeContractValidatorCompute
from node_test_generator_effect.v1_0_0.node import NodeTestGeneratorEffect
from onex.codegen.observability import observability_files
from onex.contract import resolve_node
from onex.node import Message
from onex.schema import avro_schema
from onex.schema.avro_schema import Schema
from onex.schema.compatibility import backward_problems
from onex.testing import MeshDriver
from tests.conftest import CONTRACTS, SERVICES

EFFECT = (CONTRACTS / "llm_effect.yaml").read_text()
NODES = (
    "node_codegen_orchestrator",
    "node_contract_validator_compute",
    "node_code_renderer_compute",
    "node_test_generator_effect",
    "node_codegen_metrics_reducer",
)
FIRST_FIELDS: Mapping[type[Message], set[str]] = {
    ValidateContract: {"generation_id", "contract"},
    ContractValidated: {"generation_id", "name", "kind", "version"},
    ContractRefused: {"generation_id", "reason"},
    RenderNode: {"generation_id", "contract"},
    NodeRendered: {"generation_id", "files"},
    GenerateTests: {"generation_id", "contract"},
    Passed: {"generation_id", "files", "passed"},
    Failed: {"generation_id", "reason"},
    GenerateNode: {"generation_id", "contract"},
    GenerationCompleted: {"generation_id", "name", "kind", "tests", "digest", "folder", "seconds"},
    GenerationFailed: {"generation_id", "step", "reason", "seconds"},
    GenerationProgressed: {"generation_id", "step", "status", "kind", "seconds"},
    GenerationMeasured: {"kind", "outcome", "seconds"},
    CodegenMetrics: {"status", "completed", "failed", "seconds"},
    CodegenSnapshot: {"kind", "completed", "failed", "success_rate", "mean_seconds"},
}
"""Fields of the first version of each message, whose records are in topics."""


@pytest.fixture
def mesh() -> Iterator[MeshDriver]:
    made = MeshDriver([SERVICES / name / "v1_0_0" for name in NODES])
    made.mute(NodeTestGeneratorEffect)  # it would start processes
    yield made
    made.close()


@pytest.mark.parametrize("message", FIRST_FIELDS, ids=lambda message: message.__name__)
def test_messages_of_the_first_version_can_still_be_read(message: type[Message]) -> None:
    new = avro_schema(message)
    fields = new["fields"]
    assert isinstance(fields, list)
    kept: list[JsonValue] = [
        field for field in fields if isinstance(field, dict) and field["name"] in FIRST_FIELDS[message]
    ]
    first: Schema = {**new, "fields": kept}
    assert len(kept) == len(FIRST_FIELDS[message])
    assert backward_problems(new, first) == []


def test_a_refused_contract_counts_as_a_failure_of_its_step(mesh: MeshDriver) -> None:
    sent = mesh.send(GenerateNode(generation_id="g-1", contract="name: x"))
    failed = mesh.completion(sent)
    assert isinstance(failed, GenerationFailed)
    (snapshot,) = mesh.published(CodegenSnapshot)
    assert (snapshot.invocations, snapshot.failures) == (1, {"validate": 1})


def test_tests_that_do_not_come_back_count_with_what_was_known(mesh: MeshDriver) -> None:
    mesh.send(GenerateNode(generation_id="g-1", contract=EFFECT + "mixins: [{name: MixinRetry}]\n"))
    mesh.advance("5m")
    (snapshot,) = mesh.published(CodegenSnapshot)
    assert (snapshot.kind, snapshot.failures, snapshot.strategies) == ("EFFECT", {"tests": 1}, {"template": 1})
    assert snapshot.mixins == {}, "no node was generated"
    assert snapshot.longest_seconds == snapshot.mean_seconds >= 120


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"strategy": "hybrid"}, "'hybrid' needs a folder"),
        ({"strategy": "magic"}, "use auto or template"),
        ({"level": "most"}, "use one of none, basic, standard, strict"),
    ],
)
def test_options_that_no_workflow_has_are_refused(mesh: MeshDriver, fields: dict[str, str], words: str) -> None:
    sent = mesh.send(GenerateNode.model_validate({"generation_id": "g-1", "contract": EFFECT, **fields}))
    failed = mesh.completion(sent)
    assert isinstance(failed, GenerationFailed)
    assert (failed.step, words in failed.reason) == ("validate", True)


def test_names_in_messages_do_not_make_a_state_grow_without_end(mesh: MeshDriver) -> None:
    for number in range(103):
        event = GenerationMeasured(kind="EFFECT", outcome="failed", seconds=1.0, failed_step=f"step-{number}")
        mesh.send(event)
    snapshot = mesh.published(CodegenSnapshot)[-1]
    assert len(snapshot.failures) == 101
    assert snapshot.failures["other"] == 3


def test_the_validator_reports_capabilities_and_overlaps() -> None:
    text = EFFECT + "mixins: [{name: MixinRetry}, {name: MixinHealthCheck}]\n"
    node = resolve_node(SERVICES / "node_contract_validator_compute" / "v1_0_0").node_class
    assert issubclass(node, NodeContractValidatorCompute)
    found = node().compute(ValidateContract(generation_id="g-1", contract=text, level="strict"))
    assert isinstance(found, ContractValidated)
    assert set(found.mixins) == {"MixinRetry", "MixinHealthCheck"}
    assert any("MixinRetry" in warning for warning in found.warnings)
    assert (found.strategy, found.level) == ("template", "strict")


def test_the_dashboard_has_a_panel_for_each_declared_metric() -> None:
    node = resolve_node(SERVICES / "node_codegen_metrics_reducer" / "v1_0_0")
    dashboard = json.loads(observability_files([node])["deploy/grafana/onex.json"])
    shown = {panel["title"]: panel["targets"][0]["expr"] for panel in dashboard["panels"]}
    assert shown["Codegen failures"] == (
        'sum by (step) (increase(onex_codegen_failures_total{node="node_codegen_metrics_reducer"}[1h]))'
    )
    assert {"Codegen invocations", "Codegen generations", "Codegen seconds", "Codegen mixins"} <= set(shown)
