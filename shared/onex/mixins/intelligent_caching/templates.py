"""Keys with fields of a message: ``price of {product}``."""

import re
from collections.abc import Iterable

from onex.errors import CompositionError
from onex.model.message import Message

_FIELD = re.compile(r"\{([a-z][a-z0-9_]{0,99})\}")
_LONGEST = 500


def template_problem(template: str) -> str:
    """Return what is wrong with a template, or an empty text."""
    if not 0 < len(template) <= _LONGEST:
        return f"a template has 1 to {_LONGEST} characters"
    if set(_FIELD.sub("", template)) & {"{", "}"}:
        return "braces enclose the name of a field, and nothing else: {product}"
    return ""


def require_fields(templates: Iterable[str], model: type[Message], place: str) -> None:
    """Raise CompositionError when a template names a field that the message does not have."""
    for template in templates:
        for name in _FIELD.findall(template):
            if name not in model.model_fields:
                raise CompositionError(
                    f"{place}: {model.__name__} has no field {name}; it has {', '.join(model.model_fields)}"
                )


def filled(template: str, message: Message) -> str:
    """Return the template with the values of the message."""
    return _FIELD.sub(lambda match: str(getattr(message, match[1])), template)
