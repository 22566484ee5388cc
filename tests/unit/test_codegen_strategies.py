"""Strategies, the steps of a generation, and the service."""

from collections.abc import Mapping
from pathlib import Path

import pytest
from pydantic import ValidationError

from onex.codegen import (
    CodeGenerationPipeline,
    CodeGenerationService,
    EnumGenerationStep,
    EnumGenerationStrategy,
    EnumValidationLevel,
    GenerationOptions,
    ModelTestRun,
    StepProgress,
)
from onex.codegen.generate import STRATEGIES, AutoStrategy, EnumStepStatus, Filled, HybridStrategy, TemplateStrategy
from onex.codegen.generate.enhance import enhanced
from onex.codegen.generate.gates import gate_of_tests, gate_of_validation
from onex.codegen.generate.unfinished import unfinished_handlers
from onex.codegen.generate.yaml_text import with_list_items
from onex.codegen.model import EnumValidationStage, ModelFinding, ModelValidationResult
from onex.contract import parse_contract
from onex.errors import ContractError, RejectedError
from tests.conftest import CONTRACTS

EFFECT = (CONTRACTS / "llm_effect.yaml").read_text()
COMPUTE = (CONTRACTS / "circuit_judge_compute.yaml").read_text()
PACKAGE = "node_circuit_judge_compute/v1_0_0"
NODE = f"{PACKAGE}/node.py"
UNCHECKED = EnumValidationLevel.NONE


def options(**fields: object) -> GenerationOptions:
    return GenerationOptions.model_validate({"level": UNCHECKED, **fields})


def passing(files: Mapping[str, str]) -> ModelTestRun:
    return ModelTestRun(passed=len(files), seconds=0.0)


def failing(files: Mapping[str, str]) -> ModelTestRun:
    return ModelTestRun(passed=1, failed=2, seconds=0.0, output="E   assert False")


def test_each_strategy_is_registered() -> None:
    assert set(STRATEGIES) == set(EnumGenerationStrategy)


def test_auto_takes_what_there_is(tmp_path: Path) -> None:
    chosen = AutoStrategy(options(output=tmp_path))
    assert chosen.choice(PACKAGE) is EnumGenerationStrategy.TEMPLATE
    assert AutoStrategy(options(output=tmp_path, templates=tmp_path)).choice(PACKAGE) == "template-loading"
    assert AutoStrategy(options()).choice(PACKAGE) is EnumGenerationStrategy.TEMPLATE
    CodeGenerationService().generate(COMPUTE, options(output=tmp_path, write=True))
    for output in (tmp_path, tmp_path / "node_circuit_judge_compute", tmp_path / PACKAGE):
        assert AutoStrategy(options(output=output)).choice(PACKAGE) is EnumGenerationStrategy.HYBRID


def test_auto_is_never_the_result(tmp_path: Path) -> None:
    first = CodeGenerationService().generate(COMPUTE, options(output=tmp_path, write=True))
    second = CodeGenerationService().generate(COMPUTE, options(output=tmp_path, write=True))
    assert (first.strategy, second.strategy) == ("template", "hybrid")
    assert second.files == first.files
    assert second.written == ()


def test_hybrid_keeps_a_body_that_a_person_wrote(tmp_path: Path) -> None:
    service = CodeGenerationService()
    service.generate(COMPUTE, options(output=tmp_path, write=True))
    file = tmp_path / NODE
    body = 'return CircuitJudged(dependency="mine", state="", counts=request.counts, failure_threshold=1)\n'
    head, found, _ = file.read_text().partition("        raise NotImplementedNodeError")
    assert found
    file.write_text(head.replace("    @unfinished\n", "") + f"        {body}")
    again = service.generate(COMPUTE, options(output=tmp_path, write=True))
    assert 'dependency="mine"' in again.files[NODE]
    assert NODE in again.kept
    template = service.generate(COMPUTE, options(strategy="template"))
    assert 'dependency="mine"' not in template.files[NODE]
    with pytest.raises(RejectedError, match=r"node\.py: changed by hand, and would be lost"):
        service.generate(COMPUTE, options(strategy="template", output=tmp_path, write=True))


def test_a_changed_contract_in_its_package_changes_the_messages(tmp_path: Path) -> None:
    service = CodeGenerationService()
    service.generate(COMPUTE, options(output=tmp_path, write=True))
    contract = tmp_path / PACKAGE / "contract.yaml"
    contract.write_text(COMPUTE.replace("slow_calls: int}", "slow_calls: int, lost: int}"))
    service.generate(contract.read_text(), options(output=tmp_path, write=True))
    assert "    lost: int" in (tmp_path / PACKAGE / "models" / "__init__.py").read_text()


def test_another_source_of_bodies_fills_what_templates_leave_open() -> None:
    class Words:
        def filled(self, rendered: Mapping[str, str]) -> Filled:
            return Filled({**rendered, NODE: rendered[NODE] + "# filled\n"}, ("a note",))

    rendered = HybridStrategy(TemplateStrategy(), Words()).render(COMPUTE, PACKAGE)
    assert rendered.files[NODE].endswith("# filled\n")
    assert rendered.notes == ("a note",)
    assert (rendered.kept, rendered.strategy) == ((NODE,), EnumGenerationStrategy.HYBRID)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"write": True}, "output is missing"),
        ({"strategy": "hybrid"}, "output is missing"),
        ({"strategy": "template-loading"}, "templates is missing"),
        ({"strategy": "template", "templates": Path()}, "templates are not used"),
        ({"unknown": 1}, "unknown"),
    ],
)
def test_options_that_do_not_fit_together(fields: dict[str, object], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        options(**fields)


def test_the_steps_report_themselves_in_order(tmp_path: Path) -> None:
    seen: list[StepProgress] = []
    pipeline = CodeGenerationPipeline(
        options(level="standard", output=tmp_path, write=True), on_progress=seen.append, tests=passing
    )
    result = pipeline.run(COMPUTE)
    steps = list(EnumGenerationStep)
    assert [(each.step, each.status) for each in seen] == [
        (step, status) for step in steps for status in (EnumStepStatus.STARTED, EnumStepStatus.DONE)
    ]
    assert list(result.stage_seconds) == steps
    assert result.passed
    assert (tmp_path / NODE).exists()
    assert result.folder == str(tmp_path / PACKAGE)


def test_tests_that_fail_end_a_generation_before_it_writes(tmp_path: Path) -> None:
    seen: list[StepProgress] = []
    service = CodeGenerationService(on_progress=seen.append, tests=failing)
    result = service.generate(COMPUTE, options(level="standard", output=tmp_path, write=True))
    assert not result.passed
    assert (result.failed_step, result.reason) == (
        EnumGenerationStep.TEST, "2 of 3 tests failed\nE   assert False"
    )  # fmt: skip
    assert (seen[-1].step, seen[-1].status) == (EnumGenerationStep.TEST, EnumStepStatus.FAILED)
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(RejectedError, match="a gate did not pass"):
        service.write(result, tmp_path)


def test_the_service_writes_what_it_made(tmp_path: Path) -> None:
    service = CodeGenerationService()
    result = service.generate(COMPUTE, options())
    report = service.write(result, tmp_path)
    assert report.folder == tmp_path / PACKAGE
    assert {f"{PACKAGE}/{name}" for name in report.written} == set(result.files)


def test_a_step_that_raises_has_failed() -> None:
    seen: list[StepProgress] = []
    with pytest.raises(ContractError):
        CodeGenerationService(on_progress=seen.append).generate("name: x", options())
    assert [(each.step, each.status) for each in seen] == [
        (EnumGenerationStep.READ, EnumStepStatus.STARTED),
        (EnumGenerationStep.READ, EnumStepStatus.FAILED),
    ]


def finding(severity: str) -> ModelValidationResult:
    found = ModelFinding.model_validate(
        {"severity": severity, "file": "n.py", "line": 3, "rule": "r", "message": "m", "remedy": "fix it"}
    )
    return ModelValidationResult(stage=EnumValidationStage.AST, findings=(found, found), seconds=0.0)


@pytest.mark.parametrize(
    ("severity", "level", "passes"),
    [
        ("error", "basic", False),
        ("error", "standard", False),
        ("warning", "standard", True),
        ("warning", "strict", False),
    ],
)
def test_a_warning_fails_in_the_strict_level_alone(severity: str, level: str, passes: bool) -> None:
    others = [ModelValidationResult(stage=stage, seconds=0.0) for stage in EnumValidationStage if stage != "ast"]
    gate = gate_of_validation([finding(severity), *others], EnumValidationLevel(level))
    assert gate.passed is passes
    assert passes or gate.reason == "n.py:3: m; fix it [r] (and 1 more)"


def test_a_stage_that_did_not_run_has_not_passed() -> None:
    gate = gate_of_validation(
        [ModelValidationResult(stage=EnumValidationStage.SYNTAX, seconds=0.0)], EnumValidationLevel("basic")
    )
    assert (gate.passed, gate.reason) == (False, "ast: did not run; imports: did not run")


def test_a_run_without_tests_shows_nothing() -> None:
    gate = gate_of_tests(ModelTestRun(passed=0, seconds=0.0))
    assert (gate.passed, gate.reason) == (False, "no test ran")


def test_unfinished_handlers_are_those_with_the_mark() -> None:
    node = (
        "from onex.node import unfinished\nclass N:\n    @unfinished\n    def a(self): ...\n    def b(self): ...\n"
        "    @node.unfinished\n    async def c(self): ...\n@unfinished\ndef d(): ...\n"
    )
    assert unfinished_handlers({"node_x/v1_0_0/node.py": node, "node_x/v1_0_0/models/node.py": node}) == ("a", "c")
    assert unfinished_handlers({"node_x/v1_0_0/node.py": "class"}) == ()
    assert unfinished_handlers({}) == ()


def test_a_generation_lists_what_is_left_to_write() -> None:
    assert CodeGenerationService().generate(EFFECT, options()).unfinished == ("generate",)


def test_capabilities_are_added_by_kind_and_comments_stay() -> None:
    text = COMPUTE.replace("event_bus:", "# about the bus\nevent_bus:  # here")
    better = enhanced(text)
    assert better.added == ("MixinHealthCheck", "MixinMetrics")
    assert better.text == f"{text}mixins:\n  - {{name: MixinHealthCheck}}\n  - {{name: MixinMetrics}}\n"
    assert enhanced(better.text).added == ()
    assert enhanced(EFFECT).added == ("MixinHealthCheck", "MixinMetrics", "MixinTracing")


def test_an_effect_that_calls_a_server_gets_a_circuit_and_a_time_limit() -> None:
    operation = "{handler: generate, type: postgres, statement: SELECT 1}"
    better = enhanced(EFFECT + f"mixins: [{{name: MixinDatabase}}]\nio_operations: [{operation}]\n")
    assert better.added[-2:] == ("MixinCircuitBreaker", "MixinTimeout")
    assert "mixins: [{name: MixinDatabase}, {name: MixinHealthCheck}" in better.text


@pytest.mark.parametrize(
    "declared",
    [
        "mixins: [{name: MixinMetrics, enabled: false}]\n",
        "subcontracts: {metrics: {}}\n",
        "advanced_features: {observability: {metrics: {enabled: true}}}\n",
    ],
)
def test_a_capability_that_the_contract_names_stays_as_it_is(declared: str) -> None:
    assert enhanced(COMPUTE + declared).added == ("MixinHealthCheck",)


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("a: 1", "a: 1\nm:\n  - x\n"),
        ("m: [p]\na: 1\n", "m: [p, x]\na: 1\n"),
        ("m: [p, ]\n", "m: [p, x]\n"),
        ("m: []  # none\n", "m: [x]  # none\n"),
        ("m:\n- p\n# about a\na: 1\n", "m:\n- p\n- x\n# about a\na: 1\n"),
        ("m:\n    - p:\n        q: 1  # q\n\na: 1\n", "m:\n    - p:\n        q: 1  # q\n    - x\n\na: 1\n"),
        ("m:\n  - p: |\n      text\na: 1", "m:\n  - p: |\n      text\n  - x\na: 1"),
        ("m:\n  - p", "m:\n  - p\n  - x\n"),
        ("m:  # none\na: 1\n", "m:  # none\n  - x\na: 1\n"),
        ("m:\n  - {p: 1,\n     q: 2}\na: 1\n", "m:\n  - {p: 1,\n     q: 2}\n  - x\na: 1\n"),
    ],
)
def test_items_are_added_where_a_person_would(before: str, after: str) -> None:
    assert with_list_items(before, "m", ["x"]) == after


@pytest.mark.parametrize("text", ["{a: 1}", "m: 1\n", "m: {a: 1}\n", "a: 1\n...\n", "m: [p, # why\n  q]\n", "- a\n"])
def test_a_form_that_cannot_be_extended_is_left_alone(text: str) -> None:
    assert with_list_items(text, "m", ["x"]) is None


def test_an_enhanced_contract_that_cannot_be_written_names_what_to_add() -> None:
    text = COMPUTE + "mixins: [ # why\n  ]\n"
    parse_contract(text)
    with pytest.raises(ContractError, match="add MixinHealthCheck, MixinMetrics yourself"):
        enhanced(text)


def test_enhancing_writes_the_contract_and_keeps_the_body(tmp_path: Path) -> None:
    service = CodeGenerationService()
    service.generate(COMPUTE, options(output=tmp_path, write=True))
    contract = tmp_path / PACKAGE / "contract.yaml"
    contract.write_text("# mine\n" + COMPUTE)
    result = service.generate(contract.read_text(), options(output=tmp_path, write=True, enhance=True))
    assert result.added == ("MixinHealthCheck", "MixinMetrics")
    assert set(result.added) <= set(result.mixins)
    assert "# mine\n" in contract.read_text()
    assert "MixinHealthCheck" in (tmp_path / NODE).read_text()


def test_a_loss_is_refused_before_checks_and_tests_take_their_time(tmp_path: Path) -> None:
    CodeGenerationService().generate(COMPUTE, options(output=tmp_path, write=True))
    (tmp_path / NODE).write_text("# mine\n")
    seen: list[StepProgress] = []
    service = CodeGenerationService(on_progress=seen.append, tests=failing)
    with pytest.raises(RejectedError, match="changed by hand"):
        service.generate(COMPUTE, options(strategy="template", level="standard", output=tmp_path, write=True))
    assert {each.step for each in seen} == {EnumGenerationStep.READ, EnumGenerationStep.RENDER}
