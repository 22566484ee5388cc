"""Keys for results of pure calls."""

from collections.abc import Callable, Hashable
from dataclasses import fields, is_dataclass
from datetime import date, datetime, time
from decimal import Decimal
from types import FunctionType

from pydantic import BaseModel


def call_key(work: Callable[..., object], arguments: object, named: object) -> Hashable:
    """Return a key that two calls share only when a pure function must return the same for both.

    Values that are equal but not the same, such as 1 and True or 0.0 and -0.0, have different keys. Raise TypeError
    for arguments without a hash, and for a function that is made again at each call.
    """
    match work:
        case FunctionType() if "<" in work.__qualname__:
            raise TypeError(f"{work.__qualname__} is made again at each call; use a method or a function of a module")
        case _:
            return (work, _frozen(arguments), _frozen(named))


def _frozen(value: object) -> Hashable:
    """Return a value that can be hashed, and that only the same values have."""
    match value:
        case BaseModel():
            return (type(value), _frozen(value.__dict__))
        case dict():
            return (dict, tuple((_frozen(key), _frozen(item)) for key, item in value.items()))
        case list() | tuple():
            return (type(value), tuple(_frozen(item) for item in value))
        case set() | frozenset():
            return (type(value), frozenset(_frozen(item) for item in value))
        case float() | Decimal() | datetime() | date() | time():
            return (type(value), repr(value))
        case _ if is_dataclass(value) and not isinstance(value, type):
            return (type(value), tuple(_frozen(getattr(value, field.name)) for field in fields(value)))
        case Hashable():
            return (type(value), value)
        case _:
            raise TypeError(f"a {type(value).__name__} cannot be a part of a key; pass messages or plain values")
