"""Types of fields as text."""

from collections.abc import Mapping

from onex.model.contract import ModelMessageDefinition

Models = Mapping[str, ModelMessageDefinition]
_OPTIONAL = " | None"


def is_optional(text: str) -> bool:
    """Return whether a canonical field type allows None."""
    return text.endswith(_OPTIONAL)


def without_none(text: str) -> str:
    """Return a canonical field type without ``| None``."""
    return text.removesuffix(_OPTIONAL)


def literal(text: str) -> str:
    """Return a text as a Python literal, in double quotes where that needs no escape."""
    written = repr(text)
    return f'"{written[1:-1]}"' if written[0] == "'" and '"' not in text else written
