"""Names of classes and functions in contracts."""

from importlib import import_module

from onex.errors import CompositionError


def imported(path: str) -> object:
    """What ``package.module.name`` names. Raises CompositionError where there is no such thing."""
    module, _, name = path.rpartition(".")
    try:
        found: object = getattr(import_module(module), name)
    except (ImportError, AttributeError, TypeError, ValueError) as error:
        raise CompositionError(f"cannot import {path!r}: {error}") from None
    return found
