"""All checks of the contract language."""

from collections.abc import Iterator

from onex.contract.language.examples import check_examples
from onex.contract.language.flow import check_flow, has_flow
from onex.contract.language.handlers import check_handlers
from onex.contract.language.machine import check_machine
from onex.contract.language.operations import check_operations
from onex.contract.language.values import Problem
from onex.contract.yaml_lines import Location
from onex.model.contract import ModelContract

_REMEDY = "write `definitions` with the messages of the node, or remove it"


def language_problems(contract: ModelContract) -> Iterator[Problem]:
    """Yield the problems of mappings, aggregations, state machines, data flow, I/O operations and examples."""
    if contract.state_machine is not None:
        yield from check_machine(contract, contract.state_machine)
    used = list(_used(contract))
    if not used:
        return
    if contract.definitions is None:
        for at in used:
            yield at, "is checked against `definitions`, and there are none", _REMEDY
        return
    models = contract.definitions.models
    yield from check_handlers(contract, models)
    yield from check_flow(contract, models)
    yield from check_operations(contract, models)
    yield from check_examples(contract, models)


def _used(contract: ModelContract) -> Iterator[Location]:
    """Yield the parts of the language that a contract has."""
    if contract.handler_routing:
        for index, item in enumerate(contract.handler_routing.handlers):
            for key, value in (("mapping", item.mapping), ("aggregate", item.aggregate)):
                if value:
                    yield ("handler_routing", "handlers", index, key)
    if contract.workflow_coordination and has_flow(contract.workflow_coordination):
        yield ("workflow_coordination",)
    for key, found in (("io_operations", contract.io_operations), ("examples", contract.examples)):
        if found:
            yield (key,)
