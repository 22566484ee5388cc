"""Bodies of COMPUTE and EFFECT: mappings, and I/O operations through capabilities."""

from collections.abc import Mapping, Sequence

from onex.codegen.render.bodies.body import Block, joined, under, unfinished
from onex.codegen.render.bodies.code import Items, statement
from onex.codegen.render.bodies.operations import operations_of
from onex.codegen.render.bodies.scope import Facts, block_of
from onex.codegen.render.bodies.sources import Built, Root, Scope, combined, construct
from onex.model.contract import ModelHandler

ARGUMENTS = {"COMPUTE": "request", "EFFECT": "command", "REDUCER": "event"}
"""Name of the parameter with the message, by kind."""


def handler_blocks(facts: Facts, method: str, entries: Sequence[ModelHandler]) -> Mapping[str, Block]:
    """Return what a COMPUTE or EFFECT method does with each message, by type."""
    argument = ARGUMENTS[facts.contract.node_type]
    return {entry.event_model: _entry(facts, method, entry, argument) for entry in entries}


def by_message(argument: str, blocks: Mapping[str, Block]) -> Block:
    """Return one block for all messages: a ``match`` over their types where there are several."""
    if len(blocks) == 1:
        return next(iter(blocks.values()))
    cases = [under(f"case {message}():", block) for message, block in blocks.items()]
    return under(f"match {argument}:", joined(cases))


def _entry(facts: Facts, method: str, entry: ModelHandler, argument: str) -> Block:
    scope: Scope = {entry.event_model: Root(argument)}
    operations = operations_of(facts, method, scope)
    result = operations.output or _mapped(facts, entry, scope)
    results = [*([result] if result else []), *operations.messages]
    problems = [*operations.problems, *(problem for built in results for problem in built.problems)]
    if not problems and not result and (missing := _not_stated(entry, operations.messages)):
        problems = [f"the contract does not state how {missing} is made of {entry.event_model}"]
    if not problems and not results and not operations.blocks:
        problems = [f"the contract does not state what {entry.event_model} leads to"]
    if problems:
        return unfinished(method, f"{'; '.join(problems)}. Write the handler, or complete the contract.", depth=2)
    return joined([*operations.blocks, _return(facts, results)])


def _mapped(facts: Facts, entry: ModelHandler, scope: Scope) -> Built | None:
    if entry.mapped is None:
        return None
    message, values = entry.mapped
    return construct(message, values, scope, facts.models)


def _not_stated(entry: ModelHandler, messages: Sequence[Built]) -> str:
    """Return the results of which the contract says nothing, as text."""
    stated = frozenset().union(*(built.names for built in messages))
    return " or ".join(name for name in entry.output_events if name not in stated)


def _return(facts: Facts, results: Sequence[Built]) -> Block:
    match results:
        case []:
            return Block(["return None"])
        case [built]:
            return block_of(facts, statement("return ", built.expression, depth=2), built)
        case _:
            returned = Items("()", [("", built.expression) for built in results])
            return block_of(facts, statement("return ", returned, depth=2), combined("", results))
