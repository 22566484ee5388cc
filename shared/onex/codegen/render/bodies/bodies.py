"""The body of each handler, by method."""

from collections.abc import Iterator, Mapping
from typing import Final

from onex.codegen.render.blueprint import entries_of, start_command
from onex.codegen.render.bodies.body import Block, Body, body_of
from onex.codegen.render.bodies.handlers import ARGUMENTS, by_message, handler_blocks
from onex.codegen.render.bodies.reducer import reducer_blocks
from onex.codegen.render.bodies.scope import Facts
from onex.codegen.render.bodies.workflow import workflow_blocks
from onex.model.contract import ModelContract, ModelWorkflow
from onex.model.enums import EnumNodeKind

_NO_CIRCUITS: Final[Mapping[str, str]] = {}


def bodies_of(contract: ModelContract, circuits: Mapping[str, str] = _NO_CIRCUITS) -> Mapping[str, Body]:
    """Return the body of each handler of a contract that ``generatable_contract`` has checked, by method.

    A body has what the contract states, and raises NotImplementedNodeError for everything else. ``circuits`` has the
    property of the class with the circuit of a service, by the name of the service: its requests go through it.
    """
    facts = _facts(contract, circuits)
    if workflow := contract.workflow_coordination:
        return {method: body_of(block) for method, block in workflow_blocks(facts, workflow)}
    argument = ARGUMENTS[contract.node_type]
    return {method: body_of(by_message(argument, blocks)) for method, blocks in _by_method(facts)}


def unfinished_inputs(contract: ModelContract) -> list[str]:
    """Return the messages that become a dead letter of class ``unfinished`` when they are the first of their key."""
    facts = _facts(contract)
    if workflow := contract.workflow_coordination:
        gaps = {method for method, block in workflow_blocks(facts, workflow) if block.is_unfinished}
        return [] if gaps.isdisjoint(_called_at_start(workflow)) else [start_command(contract, workflow)]
    parts = [pair for _, blocks in _by_method(facts) for pair in blocks.items()]
    return [message for message, block in parts if block.is_unfinished]


def _facts(contract: ModelContract, circuits: Mapping[str, str] = _NO_CIRCUITS) -> Facts:
    assert contract.definitions is not None
    return Facts(contract, contract.definitions.models, circuits)


def _by_method(facts: Facts) -> Iterator[tuple[str, Mapping[str, Block]]]:
    """Yield each method with what it does with each message."""
    contract = facts.contract
    for method, entries in entries_of(contract).items():
        if contract.node_type is EnumNodeKind.REDUCER:
            assert contract.definitions is not None
            assert contract.definitions.state is not None
            yield method, reducer_blocks(facts, method, entries, contract.definitions.state)
        else:
            yield method, handler_blocks(facts, method, entries)


def _called_at_start(workflow: ModelWorkflow) -> set[str]:
    first = [step for step in workflow.steps if not step.depends_on]
    sent = {name for step in first for name in (step.id, f"when_{step.id}")}
    return sent | {"deadline", "progress"}
