"""Aggregations of the contract as expressions over the state and the event."""

from collections.abc import Sequence

from onex.codegen.render.bodies.sources import Built, Scope, value_of
from onex.codegen.render.values import is_optional
from onex.model.contract import ModelAggregation
from onex.model.enums import EnumAggregation

_OF_NOTHING = (EnumAggregation.COUNT, EnumAggregation.SUM)
"""Aggregations that have a value before the first event: zero."""


def first_value(
    field: str,
    wanted: str,
    aggregation: ModelAggregation | None,
    scope: Scope,
    others: Sequence[str],
    state: str,
) -> Built:
    """Return the value of a field after the first event of a key. ``others``: how other events change the field."""
    match aggregation:
        case ModelAggregation(operation=EnumAggregation.COUNT):
            return Built("1")
        case ModelAggregation(source=source) if source is not None:
            return value_of(source, scope, wanted)
    if is_optional(wanted):
        return Built("None")
    if others and all(operation in _OF_NOTHING for operation in others):
        return Built("0")
    return Built("", problems=(f"the contract states no first value of {state}.{field}",))


def next_value(before: str, wanted: str, aggregation: ModelAggregation | None, scope: Scope) -> Built:
    """Return the value of a field after a further event. ``before`` is the expression of its value."""
    if aggregation is None:
        return Built(before)
    if aggregation.operation is EnumAggregation.COUNT:
        return _changed(before, wanted, Built("1"), f"{before} + 1")
    assert aggregation.source is not None
    source = value_of(aggregation.source, scope, wanted)
    match aggregation.operation:
        case EnumAggregation.SUM:
            return _changed(before, wanted, source, f"{before} + {source.expression}")
        case EnumAggregation.MIN | EnumAggregation.MAX as operation:
            return _changed(before, wanted, source, f"{operation}({before}, {source.expression})")
        case _:
            return source


def _changed(before: str, wanted: str, first: Built, expression: str) -> Built:
    """Return the expression, or the first value where there is no value before."""
    if is_optional(wanted):
        expression = f"{first.expression} if {before} is None else {expression}"
    return Built(expression, first.names, first.constants, first.problems)
