"""Conversions between messages and the world outside: rows, JSON, files. Generated handlers use them."""

from collections.abc import Callable, Hashable, Mapping
from functools import lru_cache
from typing import TypeVar, cast
from urllib.parse import quote

from pydantic import TypeAdapter, ValidationError

from onex.errors import RejectedError
from onex.util.error_text import validation_text

T = TypeVar("T")


def field_of(data: object, name: str, kind: type[T]) -> T:
    """Return a field of a JSON object or row as ``kind``.

    Raise RejectedError, without the value, when there is no such field or its value does not fit.
    """
    value = _value(data, name)
    try:
        return cast(T, _validator(cast(Hashable, kind))(value))
    except ValidationError as error:
        raise RejectedError(f"{name}: {validation_text(error)}") from None


def optional_field_of(data: object, name: str, kind: type[T]) -> T | None:
    """Return a field as ``field_of`` does, and None for a value that is null."""
    return None if _value(data, name) is None else field_of(data, name, kind)


def path_of(template: str, *values: object) -> str:
    """Return a path with the values in place of ``{}``. Each is quoted, so that it stays one part of the path.

    Raise RejectedError for a value that is empty or only dots.
    """
    parts: list[str] = []
    for value in values:
        text = str(value)
        if not text.strip("."):
            raise RejectedError("a value in a path is empty or only dots, which would change the path")
        parts.append(quote(text, safe=""))
    return template.format(*parts)


def bytes_of(content: str | bytes) -> bytes:
    """Return the content of a file: a text as UTF-8, bytes as they are."""
    match content:
        case str():
            return content.encode()
        case bytes():
            return content


def utf8_text(content: bytes) -> str:
    """Return the text of a file. Raise RejectedError when it is not UTF-8."""
    try:
        return content.decode()
    except UnicodeDecodeError:
        raise RejectedError("the content is not UTF-8") from None


def _value(data: object, name: str) -> object:
    match data:
        case Mapping() if name in data:
            return data[name]
        case Mapping():
            raise RejectedError(f"there is no field {name}")
        case _:
            raise RejectedError(f"there is no object with a field {name}")


@lru_cache(256)
def _validator(kind: Hashable) -> Callable[[object], object]:
    adapter: TypeAdapter[object] = TypeAdapter(cast(type[object], kind))
    return adapter.validate_python
