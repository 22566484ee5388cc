"""Renders golden cases from a contract, and a test that runs them.

The cases come from the examples and rules of the contract, never from the rendered bodies.
"""

from collections.abc import Iterator
from typing import Final

import yaml
from pydantic import JsonValue

from onex.codegen.render.bodies import unfinished_inputs
from onex.codegen.render.generatable import generatable_contract
from onex.codegen.render.samples import sample_message
from onex.model.contract import ModelContract
from onex.model.contract.state_machine import parse_condition

_SERVERS: Final = """
pytestmark = pytest.mark.skipif(
    not os.environ.get("ONEX_TEST_SERVERS"),
    reason="its handlers use servers: start them, and set ONEX_TEST_SERVERS=1",
)
"""
_TEST: Final = '''"""Golden cases of {name}, and properties over its message types, on the in-memory host."""

{imports}from pathlib import Path

import pytest
from hypothesis import given, settings
from onex.testing import Case, load_cases, run_case
from onex.testing.properties import History, histories, problem_of

FOLDER = Path(__file__).parent
{marks}

@pytest.mark.parametrize("case", load_cases(FOLDER), ids=lambda case: case.name)
def test_case(case: Case) -> None:
    assert run_case(FOLDER, case{options}) == ""


@settings(max_examples=10, deadline=None, database=None, derandomize=True)
@given(history=histories(FOLDER))
def test_any_valid_messages_lead_to_declared_results(history: History) -> None:
    assert problem_of(FOLDER, history) == ""
'''


def case_files(text: str) -> dict[str, str]:
    """Return ``cases.yaml`` and ``test_node.py`` by path below the services folder. Raise ContractError."""
    contract = generatable_contract(text)
    root = f"{contract.name}/{contract.contract_version.folder}"
    cases = yaml.safe_dump(list(_cases(contract)), sort_keys=False, allow_unicode=True, width=110)
    return {f"{root}/cases.yaml": cases, f"{root}/test_node.py": _test(contract)}


def _test(contract: ModelContract) -> str:
    if any(operation.type != "kafka" for operation in contract.io_operations):
        return _TEST.format(name=contract.name, imports="import os\n", marks=_SERVERS, options=", virtual_time=False")
    return _TEST.format(name=contract.name, imports="", marks="", options="")


def _cases(contract: ModelContract) -> Iterator[JsonValue]:
    yield from (case.model_dump(mode="json", exclude_defaults=True) for case in contract.examples)
    assert contract.definitions is not None
    models = contract.definitions.models
    for name in unfinished_inputs(contract):
        sent = sample_message(name, models)
        if _can_come_first(contract, name, sent):
            yield {
                "name": f"{name} is not handled yet",
                "when": {name: sent},
                "then": {"dead_letter": {"class": "unfinished", "stage": "handler"}},
            }
    for name in _not_first(contract):
        yield {
            "name": f"{name} does not come first",
            "when": {name: sample_message(name, models)},
            "then": {"dead_letter": {"class": "rejected"}},
        }
    yield {
        "name": "bytes of an unknown schema become a dead letter",
        "when": {"bytes": "00000000ff"},
        "then": {"dead_letter": {"class": "schema", "stage": "decode"}},
    }


def _can_come_first(contract: ModelContract, name: str, sent: dict[str, JsonValue]) -> bool:
    """Return whether the state machine lets a message begin. Fill the fields of its conditions."""
    machine = contract.state_machine
    if machine is None:
        return True
    for transition in machine.transitions:
        if transition.trigger == name and transition.from_state in (machine.initial_state, "*"):
            wanted = [parse_condition(condition) for condition in transition.conditions]
            texts = {field for field, operator, _ in wanted if operator == "==" and isinstance(sent[field], str)}
            if len(texts) < len(wanted):
                continue  # a condition that a sample does not fulfil for certain
            sent |= {field: value for field, _, value in wanted}
            return True
    return False


def _not_first(contract: ModelContract) -> Iterator[str]:
    """Yield the events that the state machine refuses while a key has no state."""
    if (machine := contract.state_machine) is None:
        return
    first = {t.trigger for t in machine.transitions if t.from_state in (machine.initial_state, "*")}
    handlers = contract.handler_routing.handlers if contract.handler_routing else ()
    yield from (entry.event_model for entry in handlers if entry.event_model not in first)
