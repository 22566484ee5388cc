"""Dotted names of classes and functions in contracts."""

from importlib import import_module

from onex.errors import CompositionError


def imported(path: str) -> object:
    """Import and return ``package.module.name``. Raise CompositionError when it does not exist."""
    module, _, name = path.rpartition(".")
    try:
        member: object = getattr(import_module(module), name)
    except (ImportError, AttributeError, TypeError, ValueError) as error:
        raise CompositionError(f"cannot import {path!r}: {error}") from None
    return member
