"""The state machine of a contract that has it as the configuration of ``MixinStateTransition``.

It is the same machine as under ``state_machine``, so that everything that reads a contract reads it there.
"""

from collections.abc import Iterator, Mapping
from typing import Final

from pydantic import JsonValue, ValidationError

from onex.capability.names import key_of
from onex.contract.problems import problems_of
from onex.contract.variables import Variables
from onex.contract.yaml_lines import Location, dotted, line_of
from onex.errors import ContractError, ContractProblem
from onex.model.contract import ModelContract, ModelStateMachine

NAME: Final = "MixinStateTransition"


def with_named_machine(
    contract: ModelContract, written: Mapping[str, JsonValue], variables: Variables
) -> ModelContract:
    """Return the contract with the machine that it has under the ONEX name. Raise ContractError.

    ``written`` is the content of the file, before variables were replaced.
    """
    found = next(_configured(contract), None)
    if found is None:
        return contract
    under, config = found
    if contract.state_machine is not None:
        words = f"{dotted(under)} and state_machine both declare a state machine"
        raise _refused(variables, under, words, "keep one of the two")
    if _part_at(written, under) != config:
        raise _refused(variables, under, "a state machine has no variables", "write its values in the contract")
    try:
        return contract.with_machine(ModelStateMachine.model_validate(config), under)
    except ValidationError as error:
        is_of_contract = error.title == ModelContract.__name__
        place = () if is_of_contract else under
        model = ModelContract if is_of_contract else ModelStateMachine
        raise ContractError(problems_of(error, model, variables, place)) from None


def _configured(contract: ModelContract) -> Iterator[tuple[Location, Mapping[str, JsonValue]]]:
    for index, listed in enumerate(contract.mixins):
        if listed.name == NAME and listed.enabled and listed.config:
            yield ("mixins", index, "config"), listed.config
    key = key_of(NAME)
    if config := contract.subcontracts.get(key):
        yield ("subcontracts", key), config


def _part_at(content: Mapping[str, JsonValue], at: Location) -> object:
    """Return the part of the file at a place. None where a variable has changed what is there."""
    part: object = content
    for key in at:
        match part, key:
            case dict(), str():
                part = part.get(key)
            case list(), int() if key < len(part):
                part = part[key]
            case _:
                return None
    return part


def _refused(variables: Variables, at: Location, message: str, remedy: str) -> ContractError:
    return ContractError([ContractProblem(variables.file, line_of(variables.lines, at), dotted(at), message, remedy)])
