"""Renders golden cases from a contract, and a test that runs them."""

import yaml
from pydantic import JsonValue

from onex.codegen.render.blueprint import Method, handlers, start_command, step_methods
from onex.codegen.render.generatable import generatable_contract
from onex.codegen.render.values import Models, sample_message
from onex.model.contract import ModelContract
from onex.model.contract.state_machine import parse_condition
from onex.model.enums import EnumNodeKind

_TEST = '''"""Golden cases of {name}, on the in-memory host."""

from pathlib import Path

import pytest
from onex.testing import Case, load_cases, run_case

FOLDER = Path(__file__).parent


@pytest.mark.parametrize("case", load_cases(FOLDER), ids=lambda case: case.name)
def test_case(case: Case) -> None:
    assert run_case(FOLDER, case) == ""
'''


def case_files(text: str) -> dict[str, str]:
    """Return ``cases.yaml`` and ``test_node.py`` by path below the services folder. Raise ContractError."""
    contract = generatable_contract(text)
    root = f"{contract.name}/{contract.contract_version.folder}"
    cases = yaml.safe_dump(_cases(contract), sort_keys=False, allow_unicode=True, width=110)
    return {f"{root}/cases.yaml": cases, f"{root}/test_node.py": _TEST.format(name=contract.name)}


def _cases(contract: ModelContract) -> list[JsonValue]:
    assert contract.definitions is not None
    models = contract.definitions.models
    garbage: JsonValue = {
        "name": "bytes of an unknown schema become a dead letter",
        "when": {"bytes": "00000000ff"},
        "then": {"dead_letter": {"class": "schema", "stage": "decode"}},
    }
    if workflow := contract.workflow_coordination:
        start = start_command(contract, workflow)
        methods = {method.name: method for method in step_methods(contract, workflow)}
        first = [methods[step.id] for step in workflow.steps if not step.depends_on]
        names = [method.outputs[0] for method in first] + ([workflow.progress] if workflow.progress else [])
        sent = sample_message(start, models)
        expected: list[JsonValue] = [{name: _copied(name, start, sent, models)} for name in names]
        case: JsonValue = {
            "name": f"{start} sends the first commands",
            "when": {start: sent},
            "then": {"publishes": expected},
        }
        return [case, garbage]
    return [
        *(_handled(contract, method, name, models) for method in handlers(contract) for name in method.inputs),
        garbage,
    ]


def _handled(contract: ModelContract, method: Method, name: str, models: Models) -> JsonValue:
    sent = sample_message(name, models)
    if machine := contract.state_machine:
        for transition in machine.transitions:
            if transition.trigger == name and transition.from_state in (machine.initial_state, "*"):
                wanted = [parse_condition(condition) for condition in transition.conditions]
                sent |= {field: value for field, operator, value in wanted if operator == "=="}
                break
        else:
            return {
                "name": f"{name} does not come first",
                "when": {name: sent},
                "then": {"dead_letter": {"class": "rejected"}},
            }
    published: list[JsonValue] = []
    if method.outputs:
        fields = _copied(method.outputs[0], name, sent, models)
        if contract.node_type is EnumNodeKind.REDUCER and len(method.inputs) > 1:
            fields = {f: v for f, v in fields.items() if all(f in models[n].fields for n in method.inputs)}
        published.append({method.outputs[0]: fields})
    return {"name": f"{name} is handled by {method.name}", "when": {name: sent}, "then": {"publishes": published}}


def _copied(output: str, source: str, sent: dict[str, JsonValue], models: Models) -> dict[str, JsonValue]:
    """Return the fields that the generated code copies from the message."""
    fields = models[output].fields
    return {field: value for field, value in sent.items() if fields.get(field) == models[source].fields[field]}
