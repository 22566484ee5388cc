"""Conditions of transitions, in the forms that contracts use: texts with an operator, or a field with a value."""

import ast
import json
import re
from collections.abc import Sequence
from typing import Final

from pydantic import JsonValue, ValidationError

from onex.codegen.found.notes import Notes
from onex.codegen.found.source import Place
from onex.model.contract.guards import EnumComparison, ModelGuard
from onex.model.contract.state_machine import parse_condition

_LONGEST: Final = 200
"""Characters of a condition that is parsed."""
_SHOWN: Final = 80
"""Characters of a part of a condition in an error."""
_COMPARISON = re.compile(r"\s*([A-Za-z][\w.]*)\s*(==|!=|<=|>=|<|>|\bin\b)\s*(.+?)\s*", re.ASCII)
_TRUTH: Final = ("true", "false", "null")
_WORDS: Final = "a condition here compares one field with one constant"


def read_conditions(place: Place, conditions: list[JsonValue], guards: list[JsonValue], notes: Notes) -> None:
    """Add the conditions of a transition to those of the result: texts to ``conditions``, other values to ``guards``.

    Refuse those that compare no field with a constant.
    """
    for entry in _listed(place):
        required = entry.get("required") if entry.is_map else None
        if required is not None and required.value is False:
            notes.left_out(entry, "is not required: the transition is open without it")
            continue
        text = entry.text or (entry.text_of("expression", "condition", "expr") if entry.is_map else "")
        guard = _guard_of_text(text) if text else _guard_of_map(entry)
        if _is_text_condition(text):
            conditions.append(text)
        elif guard is not None:
            guards.append(guard)
        else:
            shown = repr(text[:_SHOWN]) if text else _shown_map(entry)
            notes.refused(entry, f"{shown} cannot be enforced: {_WORDS}; the handler can raise RejectedError")
            continue
        notes.taken(entry)


def _shown_map(entry: Place) -> str:
    """Return what a condition that is no text compares, as far as it says so, without its value."""
    field = entry.text_of("field") if entry.is_map else ""
    if not field:
        return "a condition without a text, and without field and value,"
    if entry.get("value") is None:
        return f"a condition of {field[:_SHOWN]!r} without a value"
    operator = entry.text_of("operator", "op") or "=="
    return f"{f'{field[:_SHOWN]} {operator[:_SHOWN]}'!r} with this value"


def _listed(place: Place) -> Sequence[Place]:
    listed = place.get("conditions", "condition", "guard", "guards", "when") if place.is_map else None
    if listed is None:
        return ()
    return [listed] if listed.text or listed.is_map else listed.children()


def _is_text_condition(text: str) -> bool:
    """Return whether a text is a condition here. Truth values have no text, so that these need a guard."""
    try:
        return parse_condition(text)[2] not in _TRUTH
    except ValueError:
        return False


def _guard_of_text(text: str) -> JsonValue:
    """Return the guard in a text such as ``weight > 10``, or None."""
    found = _COMPARISON.fullmatch(text) if len(text) <= _LONGEST else None
    return None if found is None else _guard(found[1], found[2], _constant(found[3]))


def _guard_of_map(entry: Place) -> JsonValue:
    """Return the guard in a map with field, operator and value, or None."""
    value = entry.get("value") if entry.is_map else None
    if value is None:
        return None
    return _guard(entry.text_of("field"), entry.text_of("operator", "op") or "==", value.value)


def _guard(field: str, operator: str, value: JsonValue) -> JsonValue:
    try:
        guard = ModelGuard.model_validate({"field": field, "operator": operator, "value": value})
    except ValidationError:
        return None
    written: dict[str, JsonValue] = {"field": guard.field}
    if guard.operator is not EnumComparison.EQUAL:
        written["operator"] = guard.operator.value
    return {**written, "value": value}


def _constant(text: str) -> JsonValue:
    """Return the constant in a text: as JSON or Python writes it, otherwise an empty map, which no guard takes."""
    try:
        value: JsonValue = json.loads(text)
        return value
    except (ValueError, RecursionError):
        pass
    try:
        match ast.literal_eval(text):
            case bool() | int() | float() | str() as constant:
                return constant
            case list() | tuple() as listed:
                return list(listed)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        pass
    return {}
