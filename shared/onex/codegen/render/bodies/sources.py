"""Values of the contract as expressions: paths of messages that are there, and literals."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from onex.codegen.render.bodies.code import Call, Constant, Expression, Text
from onex.codegen.render.values import Models, is_optional, without_none
from onex.model.contract import FieldValues, ModelLiteral, ModelPath

Read = Callable[[str, str], str]
"""Returns the expression of a field of another expression."""


def attribute(expression: str, field: str) -> str:
    """Return ``expression.field``."""
    return f"{expression}.{field}" if field else expression


def item(expression: str, field: str) -> str:
    """Return ``expression["field"]``."""
    return f'{expression}["{field}"]' if field else expression


@dataclass(frozen=True, slots=True)
class Root:
    """What a path may begin with."""

    expression: str
    """Python that has the fields."""
    names: frozenset[str] = frozenset()
    """Message classes in ``expression``."""
    first: Read = attribute
    """Reads a field of the root."""
    inner: Read = attribute
    """Reads a field of a field."""


Scope = Mapping[str, Root]
"""Roots by the name that the contract uses."""


@dataclass(frozen=True, slots=True)
class Built:
    """An expression, with what it needs."""

    expression: Expression
    names: frozenset[str] = frozenset()
    """Message classes in the expression."""
    constants: frozenset[Constant] = frozenset()
    problems: tuple[str, ...] = ()
    """Why the contract does not state the whole expression. It is not used then."""


def combined(expression: Expression, parts: Iterable[Built], *names: str) -> Built:
    """Return an expression that is made of these parts and of further message classes."""
    found = list(parts)
    return Built(
        expression,
        frozenset(names).union(*(part.names for part in found)),
        frozenset().union(*(part.constants for part in found)),
        tuple(problem for part in found for problem in part.problems),
    )


def value_of(value: ModelPath | ModelLiteral, scope: Scope, wanted: str) -> Built:
    """Return the expression of a value for a field of the type ``wanted``."""
    match value:
        case ModelPath():
            return _path(value, scope)
        case ModelLiteral(literal=constant):
            return _literal(constant, wanted)


def construct(message: str, values: FieldValues, scope: Scope, models: Models) -> Built:
    """Return ``Message(field=...)`` with the values of the contract. A field ``T | None`` without one is None."""
    parts: dict[str, Built] = {}
    for field, wanted in models[message].fields.items():
        if (value := values.get(field)) is not None:
            parts[field] = value_of(value, scope, wanted)
        elif is_optional(wanted):
            parts[field] = Built("None")
        else:
            parts[field] = Built("", problems=(f"the contract states no value of {message}.{field}",))
    call = Call(message, [(field, part.expression) for field, part in parts.items()])
    return combined(call, parts.values(), message)


def _path(path: ModelPath, scope: Scope) -> Built:
    root = scope.get(path.root)
    if root is None:
        return Built("", problems=(f"{path} has no value here",))
    first, *others = path.fields or ("",)
    expression = root.first(root.expression, first)
    for field in others:
        expression = root.inner(expression, field)
    return Built(expression, root.names)


def _literal(constant: Constant | None, wanted: str) -> Built:
    match constant:
        case None | bool():
            return Built(repr(constant))
        case str():
            return Built(Text(constant), constants=frozenset({constant}))
        case int() if without_none(wanted) == "float":
            return Built(repr(float(constant)), constants=frozenset({float(constant)}))
        case _:
            return Built(repr(constant), constants=frozenset({constant}))
