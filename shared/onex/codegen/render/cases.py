"""Renders golden cases from a contract, and a test that runs them.

The cases come from the examples and rules of the contract, never from the rendered bodies.
"""

from collections.abc import Iterator
from typing import Final

import yaml
from pydantic import JsonValue

from onex.codegen.render.bodies import unfinished_inputs
from onex.codegen.render.case_conditions import conditions_of
from onex.codegen.render.checked import checked
from onex.codegen.render.generatable import generatable_contract
from onex.codegen.render.options import RenderOptions
from onex.codegen.render.samples import sample_message
from onex.codegen.render.templates_of import Templates
from onex.model.contract import ModelContract
from onex.model.contract.guards import EnumComparison, ModelGuard
from onex.model.contract.state_machine import parse_condition

_TEMPLATE: Final = "test_node.py.j2"
_DEFAULTS = RenderOptions()


def case_files(text: str, options: RenderOptions = _DEFAULTS) -> dict[str, str]:
    """Return ``cases.yaml`` and ``test_node.py`` by path below the services folder.

    Raises ContractError, and ConfigurationError for templates of a project that cannot be used.
    """
    contract = generatable_contract(text)
    root = f"{contract.name}/{contract.contract_version.folder}"
    conditions = conditions_of(text, contract)
    listed = list(_cases(contract, refuses=conditions.refuses))
    cases = yaml.safe_dump(listed, sort_keys=False, allow_unicode=True, width=110)
    values: dict[str, object] = {
        "name": contract.name,
        "variables": conditions.variables,
        "uses_servers": conditions.uses_servers,
    }
    test = checked(Templates(options.templates).render(_TEMPLATE, values), None, f"{contract.name}: tests")
    return {f"{root}/cases.yaml": cases, f"{root}/test_node.py": test}


def _cases(contract: ModelContract, *, refuses: bool) -> Iterator[JsonValue]:
    yield from (case.model_dump(mode="json", exclude_defaults=True) for case in contract.examples)
    assert contract.definitions is not None
    models = contract.definitions.models
    for name in unfinished_inputs(contract):
        sent = sample_message(name, models)
        if _can_come_first(contract, name, sent):
            failure, what = ("rejected", "needs a token") if refuses else ("unfinished", "is not handled yet")
            yield {
                "name": f"{name} {what}",
                "when": {name: sent},
                "then": {"dead_letter": {"class": failure, "stage": "handler"}},
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
    for transition in machine.beginning():
        if transition.trigger != name:
            continue
        wanted = [parse_condition(condition) for condition in transition.conditions]
        values: dict[str, JsonValue] = {
            field: value for field, operator, value in wanted if operator == "==" and isinstance(sent[field], str)
        }
        values |= {guard.name: fulfilling for guard in transition.guards for fulfilling in _fulfilling(guard)}
        if len(values) < len(wanted) + len(transition.guards):
            continue  # a condition that a sample does not fulfil for certain, or two for one field
        sent |= values
        return True
    return False


def _fulfilling(guard: ModelGuard) -> Iterator[JsonValue]:
    """Yield a value that fulfils a guard, when the guard itself names one."""
    match guard:
        case ModelGuard(operator=EnumComparison.EQUAL | EnumComparison.AT_MOST | EnumComparison.AT_LEAST):
            match guard.value:
                case tuple():
                    return
                case value:
                    yield value
        case ModelGuard(operator=EnumComparison.AMONG, value=(first, *_)):
            yield first


def _not_first(contract: ModelContract) -> Iterator[str]:
    """Yield the events that the state machine refuses while a key has no state."""
    if (machine := contract.state_machine) is None:
        return
    handlers = contract.handler_routing.handlers if contract.handler_routing else ()
    yield from (entry.event_model for entry in handlers if not machine.can_begin(entry.event_model))
