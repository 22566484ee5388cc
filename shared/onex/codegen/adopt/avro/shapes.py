"""Avro schemas as a graph: names are resolved, and logical types that Avro would ignore are gone."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from pydantic import JsonValue


@dataclass(frozen=True, slots=True)
class Primitive:
    """A primitive type."""

    name: str
    logical: str = ""
    """Logical type that belongs to the primitive type; empty for none."""


@dataclass(frozen=True, slots=True)
class Scaled:
    """A decimal."""

    precision: int
    scale: int
    size: int | None
    """Bytes of a ``fixed``; None for ``bytes``."""


@dataclass(frozen=True, slots=True)
class Fixed:
    """Bytes of one length."""

    size: int


@dataclass(frozen=True, slots=True)
class Enumeration:
    """One of several names."""

    symbols: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Array:
    """A list."""

    item: "Shape"


@dataclass(frozen=True, slots=True)
class Map:
    """Values by text."""

    item: "Shape"


@dataclass(frozen=True, slots=True)
class Union:
    """One of several types."""

    branches: tuple["Shape", ...]


@dataclass(frozen=True, slots=True)
class RecordField:
    """A field of a record."""

    name: str
    shape: "Shape"
    doc: str
    aliases: tuple[str, ...]
    has_default: bool
    default: JsonValue


@dataclass(slots=True, eq=False)
class Record:
    """A record. Its fields are added after it is made, because they may have it."""

    name: str
    """Name with its namespace."""
    doc: str
    fields: Mapping[str, RecordField] = field(default_factory=dict, repr=False)
    """By name."""


Shape = Primitive | Scaled | Fixed | Enumeration | Array | Map | Union | Record
NULL = Primitive("null")


def records_in(shape: Shape) -> tuple[Record, ...]:
    """Return the records that a value of the whole schema can be."""
    match shape:
        case Record():
            return (shape,)
        case Union(branches):
            return tuple(branch for branch in branches if type(branch) is Record)
    return ()


def shown(shape: Shape) -> str:
    """Return a type for people."""
    match shape:
        case Primitive(name, logical):
            return logical or name
        case Scaled():
            return "decimal"
        case Fixed():
            return "fixed"
        case Enumeration():
            return "enum"
        case Array():
            return "array"
        case Map():
            return "map"
        case Union():
            return "union"
        case Record(name):
            return name.rpartition(".")[2][:40]
