"""Refuses values of a command line that no key, header, message or record can hold."""

import os
from functools import wraps
from pathlib import Path

import typer
from typer.core import TyperCommand, TyperGroup

_LARGEST = 1e9
"""The largest number with a fraction: seconds in about 30 years."""


def check_values(command: TyperCommand) -> None:
    """Refuse texts that are not UTF-8, which no key, header or message can hold, and numbers that are too large."""
    call = command.callback
    assert call is not None

    @wraps(call)
    def checked(**options: object) -> object:
        for name, values in options.items():
            for value in _each(values):
                if problem := _problem_of(value):
                    raise typer.BadParameter(f"{_shown(value)} {problem}", param_hint=f"'{name.replace('_', '-')}'")
        return call(**options)

    command.callback = checked


def check_group(group: TyperGroup) -> None:
    """Check the values of all commands of a group, and of the groups in it."""
    for command in group.commands.values():
        match command:
            case TyperGroup():
                check_group(command)
            case TyperCommand():
                check_values(command)
            case _:
                raise AssertionError(f"{command.name} is no command of this program")


def _each(values: object) -> list[object]:
    match values:
        case list():
            return values
        case _:
            return [values]


def _shown(value: object) -> str:
    match value:
        case Path():
            return repr(str(value))
        case _:
            return repr(value)


def _problem_of(value: object) -> str:
    match value:
        case str() if value != value.encode(errors="replace").decode():
            return "is not UTF-8"
        case float() if not -_LARGEST <= value <= _LARGEST:
            return f"is not a number up to {_LARGEST:g}"
        case int() if not -(2**63) <= value < 2**63:
            return "has more than 63 bits"
        case Path():
            return _problem_of_path(str(value))
        case _:
            return ""


def _problem_of_path(text: str) -> str:
    try:
        return "contains a zero" if b"\0" in os.fsencode(text) else ""
    except UnicodeEncodeError:
        return "is not UTF-8"
