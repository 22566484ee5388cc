"""Defaults of a schema as values that a message can have. Avro's form: "Schema Record", table of field defaults."""

from math import isfinite
from typing import Final

from onex.codegen.adopt.avro.shapes import RecordField, Scaled, Shape, Union
from onex.codegen.adopt.types import Choice, Default, Digits, Inferred, Listed, Mapped, Plain
from onex.errors import RejectedError
from onex.schema.decimals import read_decimal

_LONGEST: Final = 1_000
"""Characters of a default."""
_LONG: Final = 2**63


def default_for(field: RecordField, kind: Inferred) -> Default | None:
    """Return the default of a field; None when it has none, when it is null, or when no literal is it."""
    match kind, field.default:
        case Plain("bool"), bool() as truth:
            return Default(truth)
        case _, None | bool():
            return None
        case Plain("int"), int() as number if -_LONG <= number < _LONG:
            return Default(number)
        case Plain("float"), (int() | float()) as number:
            return _float(number)
        case Plain("str"), str() as text if _is_text(text):
            return Default(text)
        case Choice(values), str() as text if text in values:
            return Default(text)
        case Plain("bytes"), str() as text:
            return None if (raw := _raw(text)) is None else Default(raw)
        case Digits(), str() as text:
            return _decimal(field.shape, text)
        case Listed(), []:
            return Default(None, "list")
        case Mapped(), dict() as items if not items:
            return Default(None, "dict")
    return None


def _float(number: float) -> Default | None:
    try:
        value = float(number)
    except OverflowError:
        return None
    return Default(value) if isfinite(value) else None


def _decimal(shape: Shape, text: str) -> Default | None:
    match shape:
        case Union(branches):
            shape = next((branch for branch in branches if type(branch) is Scaled), shape)
    match shape, _raw(text):
        case Scaled(precision, scale), bytes() as raw:
            try:
                return Default(read_decimal(raw, precision, scale, ""))
            except RejectedError:
                return None
    return None


def _raw(text: str) -> bytes | None:
    """Return the bytes of a default: each character is one."""
    try:
        return text.encode("latin-1") if len(text) <= _LONGEST else None
    except UnicodeEncodeError:
        return None


def _is_text(text: str) -> bool:
    """Return whether a text is short, and can be written as UTF-8."""
    return len(text) <= _LONGEST and not any("\ud800" <= character <= "\udfff" for character in text)
