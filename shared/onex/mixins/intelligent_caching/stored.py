"""The form of a value on the server: a line of JSON about it, then the value as JSON of its type."""

from dataclasses import dataclass
from functools import lru_cache
from typing import TypeVar, cast

from pydantic import BaseModel, ConfigDict, Field, PydanticUserError, TypeAdapter

T = TypeVar("T")


class Header(BaseModel):
    """What an instance must know before it reads the value."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    model: str
    """Module and name of the type."""
    until_ms: int
    """End of its lifetime, in milliseconds since 1970."""
    lifetime_ms: int = Field(gt=0)
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Stored:
    """A value that was read."""

    value: object
    header: Header


@lru_cache(maxsize=256)
def _adapter(model: type[T]) -> TypeAdapter[T] | None:
    try:
        return TypeAdapter(model)
    except PydanticUserError:
        return None


def written(value: object, model: type, until_ms: int, lifetime_ms: int, tags: frozenset[str]) -> bytes | None:
    """Return the form of a value. None for one that another instance would not read as the same value."""
    adapter = _adapter(model)
    if adapter is None:
        return None
    try:
        text = adapter.dump_json(value, warnings="error")
        again = adapter.validate_json(text, strict=True)
    except Exception:  # noqa: BLE001 - a serializer of the value's author may raise anything
        return None
    if type(again) is not type(value) or again != value:
        return None
    header = Header(model=_name(model), until_ms=until_ms, lifetime_ms=lifetime_ms, tags=tuple(sorted(tags)))
    return header.model_dump_json().encode() + b"\n" + text


def read(stored: bytes, model: type) -> Stored | None:
    """Return the value in a form. None for any other bytes, and for a value of another type."""
    line, _, text = stored.partition(b"\n")
    adapter = _adapter(model)
    try:
        header = Header.model_validate_json(line)
        if adapter is None or header.model != _name(model):
            return None
        return Stored(cast(object, adapter.validate_json(text, strict=True)), header)
    except Exception:  # noqa: BLE001 - a validator of the value's author may raise anything
        return None


def _name(model: type) -> str:
    return f"{model.__module__}.{model.__qualname__}"
