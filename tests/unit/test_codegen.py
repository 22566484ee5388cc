"""Generated packages are real: they resolve, pass mypy strict, and pass their own golden cases."""

from pathlib import Path

import pytest

from onex.codegen import case_files, package_files
from onex.contract import resolve_node
from onex.errors import ContractError
from onex.testing import load_cases, run_case
from tests.conftest import CONTRACTS
from tests.strict_types import errors_of_types


def test_at_least_six_contracts_of_all_four_kinds(generated: Path) -> None:
    kinds = [resolve_node(folder).contract.node_type for folder in generated.glob("*/v*")]
    assert len(kinds) >= 6
    assert {kind.value for kind in kinds} == {"COMPUTE", "EFFECT", "REDUCER", "ORCHESTRATOR"}


def test_packages_pass_their_cases(generated: Path) -> None:
    ran = 0
    for folder in sorted(generated.glob("*/v*")):
        for case in load_cases(folder):
            assert run_case(folder, case) == "", f"{folder.parent.name}: {case.name}"
            ran += 1
    assert ran >= 14


def test_packages_pass_mypy_strict(generated: Path) -> None:
    assert errors_of_types(generated, without="test_node") == ""


def test_the_same_contract_gives_the_same_files() -> None:
    text = (CONTRACTS / "llm_effect.yaml").read_text()
    assert package_files(text) == package_files(text)
    assert case_files(text) == case_files(text)


EFFECT = (CONTRACTS / "llm_effect.yaml").read_text()
COMPUTE = (CONTRACTS / "circuit_judge_compute.yaml").read_text()
REDUCER = (CONTRACTS / "service_registry_reducer.yaml").read_text()
WORKFLOW = (CONTRACTS / "infrastructure_health_monitor_orchestrator.yaml").read_text()
TRACING = (CONTRACTS / "distributed_tracing_compute.yaml").read_text()
DEEP = "".join(f"    M{n}: {{fields: {{a: M{n + 1}, b: M{n + 1}, c: M{n + 1}}}}}\n" for n in range(30))
START = "onex.cmd.infrastructure-health.check-infrastructure.v1"
NOT_GENERATED = {
    "a message that holds itself": (
        EFFECT,
        "cost: float}",
        "cost: 'list[TextGenerated]'}",
        "messages hold each other",
    ),
    "messages that grow": (
        EFFECT,
        "  models:\n",
        f"  models:\n{DEEP}    M30: {{fields: {{a: int}}}}\n",
        "more than 300",
    ),
    "a name that is imported": (EFFECT, "TokenUsage", "Context", "Context is a name of the generated code"),
    "the name of the node": (EFFECT, "TokenUsage", "NodeLlmEffect", "NodeLlmEffect is a name of the generated"),
    "one name on topics": (EFFECT, "TokenUsage", "ModelTextGenerated", "2 messages have the name 'text-generated'"),
    "an output that is not defined": (EFFECT, "[TextGenerated, ", "[TextGone, ", "no message TextGone"),
    "a topic without a message": (EFFECT, "generate-text.v1", "generate-prose.v1", "definitions lack its message"),
    "an output without a topic": (
        COMPUTE,
        "output_model: Cir",
        "output_model: CircuitCounts # ",
        "carries CircuitCounts",
    ),
    "a topic that nothing fills": (EFFECT, "TextGenerated, GenerationRefused]", "TextGenerated]", "takes or returns"),
    "one method with two results": (
        TRACING,
        "handler: sample,",
        "handler: enrich,",
        "enrich also takes a message with other results",
    ),
    "configuration": (EFFECT, "delivery:", "config: {a: 1}\ndelivery:", "a generated node has no Config"),
    "a state that is no text": (
        REDUCER,
        "status: str, version: str, endp",
        "status: int, version: str, endp",
        "type str",
    ),
    "a trigger that no handler takes": (
        REDUCER,
        "trigger: ServiceExpired",
        "trigger: Context",
        "no handler takes Context",
    ),
    "a condition on no field": (
        REDUCER,
        "trigger: ServiceExpired",
        'trigger: ServiceExpired, conditions: ["gone == 1"]',
        "ServiceExpired has no field 'gone'",
    ),
    "a start that is not there": (WORKFLOW, f"    - {START}\n", "", "start command, found none"),
    "a completion that is not defined": (
        WORKFLOW,
        "completed: InfrastructureChecked",
        "completed: Gone",
        "no message Gone",
    ),
    "a capability that is not there": (
        EFFECT,
        "delivery:",
        "mixins: [{name: MixinNothing}]\ndelivery:",
        "MixinNothing",
    ),
}


@pytest.mark.parametrize("case", NOT_GENERATED)
def test_what_lacks_something_for_a_generator_is_refused_with_its_place(case: str) -> None:
    text, old, new, words = NOT_GENERATED[case]
    assert old in text
    for render in (package_files, case_files):
        with pytest.raises(ContractError) as raised:
            render(text.replace(old, new))
        assert any(words in problem.message for problem in raised.value.problems), raised.value
        assert all(problem.line for problem in raised.value.problems)


def test_steps_that_depend_on_all_others_are_rendered_in_no_time() -> None:
    before = [", ".join(f"s{m}" for m in range(n)) for n in range(40)]
    steps = "".join(
        f"    - {{id: s{n}, command: CheckDatabase, result: R{n}, depends_on: [{names}]}}\n"
        for n, names in enumerate(before)
    )
    models = "".join(f"    R{n}: {{fields: {{round_id: str}}}}\n" for n in range(40))
    topics = "".join(f"    - onex.evt.x.r{n}.v1\n" for n in range(40))
    text = WORKFLOW.replace("    - id: database", f"{steps}    - id: database")
    text = text.replace("  models:\n", f"  models:\n{models}").replace(
        "  subscribe_topics:\n", f"  subscribe_topics:\n{topics}"
    )
    assert "def s39(" in package_files(text)["node_infrastructure_health_survey_orchestrator/v1_0_0/node.py"]


def test_what_cannot_be_generated_is_said() -> None:
    text = (CONTRACTS / "llm_effect.yaml").read_text()
    with pytest.raises(ContractError, match="write `definitions`"):
        package_files(text.partition("definitions:")[0])
    with pytest.raises(ContractError, match="unknown type Nobody"):
        package_files(text.replace("usage: TokenUsage", "usage: Nobody"))
