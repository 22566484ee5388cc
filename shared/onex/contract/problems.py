"""Turns pydantic's errors into problems of a contract: place, problem and remedy."""

from collections.abc import Iterator
from difflib import get_close_matches
from types import UnionType
from typing import Annotated, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from onex.contract.refused_keys import ELSEWHERE, NOT_SUPPORTED_YET, OTHER_NAMES
from onex.contract.variables import Variables
from onex.contract.yaml_lines import Location, dotted, line_of
from onex.errors import ContractProblem
from onex.util.redaction import HIDDEN, Redactor

_ABOUT_KEYS = frozenset({"extra_forbidden", "missing"})
"""Types of problems that show names of fields, and no values."""
_SECRETS = Redactor(("password", "passwd", "secret", "token", "credentials"))
_LONGEST_VALUE = 200
"""Longest value in a problem, in characters."""


def problems_of(
    error: ValidationError, root: type[BaseModel], variables: Variables, under: Location = ()
) -> list[ContractProblem]:
    """Return the problems of a validation. ``under`` is the location of ``root`` in the file.

    A problem shows values of the file, and none from the environment.
    """
    return [_problem(details, root, variables, under) for details in error.errors()]


def _problem(details: ErrorDetails, root: type[BaseModel], variables: Variables, under: Location) -> ContractProblem:
    location = tuple(details["loc"])
    place = _without_tag((*under, *location))
    if variables.is_secret(place) and details["type"] not in _ABOUT_KEYS:
        message, remedy = (
            "the value from the environment does not fit",
            f"set one of the right type ({details['type']})",
        )
    elif variables.is_undecided(place) and details["type"] not in _ABOUT_KEYS:
        message, remedy = details["msg"], "write ${VAR:-default}: a contract is checked without its environment"
    else:
        message, remedy = _words(details, root, location)
    return ContractProblem(variables.file, line_of(variables.lines, place), dotted(place), message, remedy)


def _without_tag(place: Location) -> Location:
    """Return the place in the file: pydantic puts the type of an operation after its index."""
    match place:
        case ("io_operations", int(index), str(), *rest):
            return ("io_operations", index, *rest)
    return place


def _words(details: ErrorDetails, root: type[BaseModel], location: Location) -> tuple[str, str]:
    match details["type"]:
        case "extra_forbidden":
            return _unknown_key(str(location[-1]), _model_at(root, location[:-1]))
        case "missing":
            return "is missing", f"add `{location[-1]}:`"
        case "union_tag_not_found":
            return "has no type", "add `type:`"
        case "value_error":
            return str(details["ctx"]["error"]), "fix the value"
        case _:
            return details["msg"], f"found {_shown(details['input'], location)}"


def _shown(value: object, location: Location) -> str:
    """Return a value, shortened, or hidden below a name such as ``password``."""
    if any(isinstance(part, str) and _SECRETS.hides(part) for part in location):
        return HIDDEN
    text = repr(_SECRETS.clean(value))
    return text if len(text) <= _LONGEST_VALUE else f"{text[:_LONGEST_VALUE]}..."


def _unknown_key(key: str, model: type[BaseModel] | None) -> tuple[str, str]:
    names = list(model.model_fields) if model else []
    if key in OTHER_NAMES and OTHER_NAMES[key] in names:
        return "unknown key", f"did you mean `{OTHER_NAMES[key]}`?"
    if key in ELSEWHERE:
        return "is set elsewhere", f"remove it: {ELSEWHERE[key]}"
    if key in NOT_SUPPORTED_YET:
        return "not supported yet", "the engine would ignore it; remove it"
    near = get_close_matches(key, names, n=1, cutoff=0.5)
    if near:
        return "unknown key", f"did you mean `{near[0]}`?"
    return "unknown key", f"keys here: {', '.join(names)}"


def _model_at(root: type[BaseModel], location: Location) -> type[BaseModel] | None:
    """Return the model that has the field at the location."""
    current = [root]
    for part in location:
        if isinstance(part, int):
            continue
        if len(current) > 1 and (tagged := [model for model in current if _has_tag(model, part)]):
            current = tagged
            continue
        fields = [model.model_fields[part] for model in current if part in model.model_fields]
        if not fields:
            return None
        current = list(_models_in(fields[0].annotation))
    return current[0] if current else None


def _has_tag(model: type[BaseModel], tag: str) -> bool:
    field = model.model_fields.get("type")
    return field is not None and tag in get_args(field.annotation)


def _models_in(annotation: object) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    elif get_origin(annotation) in (Annotated, Union, UnionType, tuple, list, dict):
        for argument in get_args(annotation):
            yield from _models_in(argument)
