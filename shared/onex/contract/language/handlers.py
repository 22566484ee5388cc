"""Checks of ``mapping`` and ``aggregate``: what a handler returns, and how an event changes a state."""

from collections.abc import Iterator
from typing import Final

from onex.contract.language.types import (
    Models,
    PathError,
    Sources,
    handler_sources,
    is_assignable,
    is_optional,
    names,
    type_of,
    without_none,
)
from onex.contract.language.values import Problem, check_message, path_problem
from onex.contract.yaml_lines import Location
from onex.model.contract import ModelAggregation, ModelContract, ModelHandler
from onex.model.enums import EnumAggregation, EnumNodeKind

_NUMBERS: Final = ("int", "float")
_ORDERED: Final = ("int", "float", "str", "date", "datetime")
_FROM_ZERO: Final = frozenset({EnumAggregation.COUNT, EnumAggregation.SUM})


def check_handlers(contract: ModelContract, models: Models) -> Iterator[Problem]:
    """Check mappings and aggregations of all handlers."""
    routing = contract.handler_routing
    if routing is None:
        return
    for index, item in enumerate(routing.handlers):
        at: Location = ("handler_routing", "handlers", index)
        if not (item.mapping or item.aggregate):
            continue
        if item.event_model not in models:
            yield (
                (*at, "event_model"),
                f"definitions have no message {item.event_model}",
                "define it, or fix the name",
            )
            continue
        for output, values in item.mapping.items():
            sources = handler_sources(contract, item.event_model)
            yield from check_message(output, values, sources, models, (*at, "mapping", output))
        if contract.node_type is EnumNodeKind.REDUCER:
            yield from _check_state(contract, item, models, at)


def _check_state(contract: ModelContract, item: ModelHandler, models: Models, at: Location) -> Iterator[Problem]:
    """Check the aggregations of a handler, and that they make the first state of a key."""
    state = contract.definitions.state if contract.definitions else None
    if state is None:
        yield at, "definitions name no state", "write `state:` next to `models:`"
        return
    fields, status = models[state].fields, contract.state_machine.state_field if contract.state_machine else None
    event = Sources({item.event_model: models[item.event_model].fields})
    for name, aggregation in item.aggregate.items():
        here = (*at, "aggregate", name)
        if name not in fields:
            yield here, f"{state} has no field {name!r}", f"it has {names(fields)}"
        elif name == status:
            yield here, "the state machine sets this field", "remove it here"
        elif aggregation.source is None:
            if fields[name] != "int":
                yield here, f"a count is int, and {state}.{name} is {fields[name]}", "make the field an int"
        else:
            yield from _check_aggregation(aggregation, fields[name], event, models, here)
    if not (item.aggregate and _can_begin(contract, item.event_model)):
        return
    zero = _from_zero(contract)
    missing = [
        name
        for name, text in fields.items()
        if not (is_optional(text) or name in zero or name == status or name in item.aggregate)
    ]
    if missing:
        yield (
            (*at, "aggregate"),
            f"a first {item.event_model} leaves {names(missing)} of {state} without a value",
            "aggregate these fields here, count or sum them, or let their type end in `| None`",
        )


def _can_begin(contract: ModelContract, event: str) -> bool:
    """Return whether an event may be the first of its key. A state machine may refuse it."""
    return contract.state_machine is None or contract.state_machine.can_begin(event)


def _from_zero(contract: ModelContract) -> set[str]:
    """Return the fields of the state that handlers only count or sum. They begin at zero."""
    handlers = contract.handler_routing.handlers if contract.handler_routing else ()
    pairs = [(name, found.operation in _FROM_ZERO) for item in handlers for name, found in item.aggregate.items()]
    return {name for name, _ in pairs} - {name for name, is_zero in pairs if not is_zero}


def _check_aggregation(
    aggregation: ModelAggregation, target: str, event: Sources, models: Models, at: Location
) -> Iterator[Problem]:
    assert aggregation.source is not None
    try:
        found = type_of(aggregation.source, event, models)
    except PathError as error:
        yield path_problem(error, at)
        return
    operation, source = aggregation.operation, aggregation.source
    match operation:
        case EnumAggregation.SUM if found not in _NUMBERS or target != found:
            yield (
                at,
                f"sum adds int to int or float to float; {source} is {found}, the field {target}",
                "fix the types",
            )
        case EnumAggregation.MIN | EnumAggregation.MAX if found not in _ORDERED or without_none(target) != found:
            words = f"{operation} compares {', '.join(_ORDERED)} of one type; {source} is {found}, the field {target}"
            yield at, words, "fix the types"
        case EnumAggregation.LAST if not is_assignable(found, target):
            yield at, f"{source} is {found}, and the field is {target}", "fix the types"
