"""Names in a contract that become names in Python, Avro and Kafka. They are checked, and never escaped."""

import keyword
import re
from collections.abc import Mapping
from typing import Annotated, Final

from pydantic import AfterValidator, WithJsonSchema

from onex.model.enums import EnumNodeKind

LONGEST_IDENTIFIER: Final = 64
"""Longest name of a class, field or method, in characters."""
_OF_EACH_NODE = frozenset({"Config", "State", "capabilities", "config", "container", "kind"})
RESERVED_METHODS: Final[Mapping[EnumNodeKind, frozenset[str]]] = {
    EnumNodeKind.COMPUTE: _OF_EACH_NODE,
    EnumNodeKind.EFFECT: _OF_EACH_NODE | {"outbox", "start", "stop"},
    EnumNodeKind.REDUCER: _OF_EACH_NODE,
    EnumNodeKind.ORCHESTRATOR: _OF_EACH_NODE,
}
"""Attributes of a node's class that no handler may replace, by kind."""
_LONGEST_PATH: Final = 256
_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_]*", re.ASCII)
_CLASS = rf"^[A-Z][A-Za-z0-9_]{{0,{LONGEST_IDENTIFIER - 1}}}$"
_NAME = rf"^[A-Za-z][A-Za-z0-9_]{{0,{LONGEST_IDENTIFIER - 1}}}$"


def identifier_problem(text: str) -> str:
    """Return why a text cannot be the name of a field or method. Empty when it can.

    ASCII letters, digits and underscores: Avro allows no others, and Python treats some of the others as equal. A
    leading underscore is refused: pydantic hides such fields, and double underscores have a meaning in Python.
    """
    shown = repr(text if len(text) <= LONGEST_IDENTIFIER else f"{text[:LONGEST_IDENTIFIER]}...")
    if len(text) > LONGEST_IDENTIFIER:
        return f"{shown} is longer than {LONGEST_IDENTIFIER} characters"
    if _IDENTIFIER.fullmatch(text) is None:
        return f"{shown} is no identifier; write ASCII letters, digits and underscores"
    if text.startswith("_"):
        return f"{shown} begins with an underscore"
    if keyword.iskeyword(text):
        return f"{shown} is a keyword of Python"
    return ""


def class_name_problem(text: str) -> str:
    """Return why a text cannot be the name of a message class. Empty when it can."""
    if problem := identifier_problem(text):
        return problem
    return "" if "A" <= text[0] <= "Z" else f"{text!r} is no class name; begin with a capital letter"


def _identifier(text: str) -> str:
    if problem := identifier_problem(text):
        raise ValueError(problem)
    return text


def _class_name(text: str) -> str:
    if problem := class_name_problem(text):
        raise ValueError(problem)
    return text


def _dotted(text: str) -> str:
    parts = text.split(".")
    if len(text) > _LONGEST_PATH or any(_IDENTIFIER.fullmatch(part) is None for part in parts):
        raise ValueError(f"{text[:_LONGEST_PATH]!r} is no dotted name; write package.module.Name")
    return text


Identifier = Annotated[str, AfterValidator(_identifier), WithJsonSchema({"type": "string", "pattern": _NAME})]
"""Name of a field or method."""
CLASS_SCHEMA: Final = {"type": "string", "pattern": _CLASS}
"""JSON Schema of the name of a message class."""
ClassName = Annotated[str, AfterValidator(_class_name), WithJsonSchema(CLASS_SCHEMA)]
"""Name of a message class."""
DottedName = Annotated[str, AfterValidator(_dotted), WithJsonSchema({"type": "string", "maxLength": _LONGEST_PATH})]
"""Name of a module, or of a class in one."""
