"""Types of paths and literals, as texts in their canonical form."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from onex.model.contract import ModelContract, ModelLiteral, ModelMessageDefinition, ModelPath
from onex.model.enums import EnumNodeKind

Models = Mapping[str, ModelMessageDefinition]
_OR_NONE = " | None"
_SHOWN = 12
"""Number of names that a problem lists."""


class PathError(ValueError):
    """A path that leads nowhere. The text is ``problem; remedy``."""


@dataclass(frozen=True, slots=True)
class Sources:
    """What paths may begin with."""

    roots: Mapping[str, Mapping[str, str]]
    """Fields with their types, by root: the class name of a message, or a name such as ``row``."""
    plain: Mapping[str, str] = field(default_factory=dict)
    """Type by root, for roots without fields."""
    hints: Mapping[str, str] = field(default_factory=dict)
    """For roots that cannot be used here: why, and what to write instead."""


def type_of(path: ModelPath, sources: Sources, models: Models) -> str:
    """Return the type of the value at a path. Raise PathError."""
    if not path.fields:
        if path.root in sources.plain:
            return sources.plain[path.root]
        raise PathError(f"{path} names no field; write {path.root}.field")
    if path.root in sources.hints:
        raise PathError(f"{path}: {sources.hints[path.root]}")
    if path.root not in sources.roots:
        raise PathError(
            f"{path}: {path.root} is no source here; the sources are {names((*sources.roots, *sources.plain))}"
        )
    owner, fields, found = path.root, sources.roots[path.root], ""
    for index, name in enumerate(path.fields):
        if name not in fields:
            raise PathError(f"{path}: {owner} has no field {name!r}; it has {names(fields)}")
        found = fields[name]
        if index + 1 == len(path.fields):
            break
        if is_optional(found):
            raise PathError(f"{path}: {owner}.{name} may be None; copy it whole, or write the handler by hand")
        if found not in models:
            raise PathError(f"{path}: {owner}.{name} is {found}, which has no fields; end the path there")
        owner, fields = found, models[found].fields
    return found


def is_optional(text: str) -> bool:
    """Return whether a type includes None."""
    return text.endswith(_OR_NONE)


def without_none(text: str) -> str:
    """Return a type without None."""
    while is_optional(text):
        text = text.removesuffix(_OR_NONE)
    return text


def is_assignable(source: str, target: str) -> bool:
    """Return whether a value of one type may be copied to a field of another: both are equal, or only the target may
    be None."""
    return source == target or (is_optional(target) and source == without_none(target))


def literal_fits(literal: ModelLiteral, target: str) -> bool:
    """Return whether a field of this type may have a constant."""
    plain = without_none(target)
    match literal.literal:
        case None:
            return is_optional(target)
        case bool():
            return plain == "bool"
        case int():
            return plain in ("int", "float")
        case float():
            return plain == "float"
        case str():
            return plain == "str"


def names(listed: Iterable[str]) -> str:
    """Return the first names of a list, for a problem."""
    found = list(listed)
    more = f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
    return (", ".join(found[:_SHOWN]) or "nothing") + more


def handler_sources(contract: ModelContract, event: str) -> Sources:
    """Return the sources of a handler's mapping: the fields of its message and, in a REDUCER, those of the state."""
    if contract.definitions is None:
        return Sources({})
    used = [event]
    if contract.node_type is EnumNodeKind.REDUCER and contract.definitions.state is not None:
        used.append(contract.definitions.state)
    models = contract.definitions.models
    return Sources({name: models[name].fields for name in used if name in models})
