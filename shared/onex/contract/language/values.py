"""Checks the values of one message: ``{field: path or literal}``."""

from collections.abc import Iterator, Mapping

from onex.contract.language.types import (
    Models,
    PathError,
    Sources,
    is_assignable,
    is_optional,
    literal_fits,
    names,
    type_of,
)
from onex.contract.yaml_lines import Location
from onex.model.contract import ModelLiteral, ModelPath

Problem = tuple[Location, str, str]
"""Location in the contract, problem, remedy."""


def check_message(
    message: str, values: Mapping[str, ModelPath | ModelLiteral], sources: Sources, models: Models, at: Location
) -> Iterator[Problem]:
    """Check that values make a message: its fields exist, have these types, and those that need a value have one."""
    if message not in models:
        yield at, f"definitions have no message {message}", "define it, or fix the name"
        return
    fields = models[message].fields
    for name, value in values.items():
        if name not in fields:
            yield (*at, name), f"{message} has no field {name!r}", f"it has {names(fields)}"
        else:
            yield from check_value(value, fields[name], sources, models, (*at, name))
    missing = [name for name, text in fields.items() if name not in values and not is_optional(text)]
    if missing:
        yield at, f"{message} needs a value for {names(missing)}", "add a path or a literal for each of them"


def check_value(
    value: ModelPath | ModelLiteral, target: str, sources: Sources, models: Models, at: Location
) -> Iterator[Problem]:
    """Check that a field of the type ``target`` may have this value."""
    match value:
        case ModelLiteral() if not literal_fits(value, target):
            shown = repr(value.literal)
            yield at, f"the literal {shown[:80]} is no {target}", "write a value of that type, or a path"
        case ModelPath():
            try:
                found = type_of(value, sources, models)
            except PathError as error:
                yield path_problem(error, at)
                return
            if not is_assignable(found, target):
                yield at, f"{value} is {found}, and the field is {target}", "map a field of that type"


def path_problem(error: PathError, at: Location) -> Problem:
    """Return the problem of a path that leads nowhere."""
    problem, _, remedy = str(error).partition("; ")
    return at, problem, remedy
