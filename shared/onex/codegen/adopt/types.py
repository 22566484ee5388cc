"""The types of an inferred message, and how sure they are."""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum


class Sure(StrEnum):
    """How sure a guess is."""

    SURE = "sure"
    LIKELY = "likely"
    UNSURE = "unsure"


@dataclass(frozen=True, slots=True)
class Plain:
    """A type without parameters: str, bytes, int, float, bool, datetime, date, UUID."""

    name: str


@dataclass(frozen=True, slots=True)
class Digits:
    """A Decimal."""

    digits: int
    places: int


@dataclass(frozen=True, slots=True)
class Choice:
    """One of few texts."""

    values: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Listed:
    """A list."""

    item: "Inferred"
    nullable: bool


@dataclass(frozen=True, slots=True)
class Mapped:
    """An object whose names are data."""

    item: "Inferred"
    nullable: bool


@dataclass(frozen=True, slots=True)
class Default:
    """A default that a schema states."""

    value: bool | int | float | str | bytes | Decimal | None
    factory: str = ""
    """``list`` or ``dict`` for an empty one, instead of the value."""


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a message."""

    name: str
    """Name in Python."""
    json: str
    """Name in JSON."""
    place: str
    """Names in JSON from the root: ``lines.note``."""
    type: "Inferred"
    is_optional: bool
    seen: int
    """Objects that have a value."""
    of: int
    """Objects that could have it."""
    sure: Sure
    why: str
    """What the guess rests on, where that is not obvious."""
    default: Default | None = None
    """None: no default, or null for an optional field."""
    doc: str = ""
    """What the schema says about it: any text."""


@dataclass(frozen=True, slots=True)
class Model:
    """A message, or an object in one."""

    name: str
    """Different from that of all other models in the message."""
    fields: tuple[Field, ...]
    doc: str = ""
    """What the schema says about it: any text."""

    def every_field(self) -> Iterator[Field]:
        """Yield the fields, those of inner objects behind the first field that has them."""
        return self._fields(set())

    def every_model(self) -> Iterator["Model"]:
        """Yield the inner objects before the objects that have them, this one last, each once."""
        return self._models(set())

    def _fields(self, seen: set[str]) -> Iterator[Field]:
        seen.add(self.name)
        for field in self.fields:
            yield field
            for model in models_in(field.type):
                if model.name not in seen:
                    yield from model._fields(seen)

    def _models(self, seen: set[str]) -> Iterator["Model"]:
        seen.add(self.name)
        for field in self.fields:
            for model in models_in(field.type):
                if model.name not in seen:
                    yield from model._models(seen)
        yield self


Inferred = Plain | Digits | Choice | Listed | Mapped | Model


def models_in(kind: Inferred) -> Iterator[Model]:
    """Yield the model that a type is or has."""
    match kind:
        case Model():
            yield kind
        case Listed(item) | Mapped(item):
            yield from models_in(item)
        case Plain() | Digits() | Choice():
            pass


def shown(kind: Inferred) -> str:
    """Return a type for people."""
    match kind:
        case Plain(name):
            return name
        case Digits(digits, places):
            return f"Decimal({digits}, {places})"
        case Choice(values):
            return " | ".join(values)
        case Listed(item):
            return f"list[{shown(item)}]"
        case Mapped(item):
            return f"dict[str, {shown(item)}]"
        case Model(name):
            return name
