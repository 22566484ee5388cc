"""Full names of the records of writers' schemas: they name the types of records on a topic."""

from typing import Final

from pydantic import JsonValue

from onex.errors import PoisonError

_NAMED: Final = ("record", "error", "enum", "fixed")
_PARTS: Final = ("type", "items", "values")
_MOST_SHOWN: Final = 10
_LAST_BYTE: Final = 5
"""Most bytes of the index of a branch: no schema has 2**34 branches."""


def record_names(schema: JsonValue) -> tuple[str, ...]:
    """Return the full name of a schema, or those of the branches of a union. A type without a name is its own."""
    match schema:
        case list():
            return tuple(map(_full_name, schema))
        case _:
            return (_full_name(schema),)


def names_text(schema: JsonValue) -> str:
    """Return the names of a schema for a person."""
    names = record_names(schema)
    more = f" and {len(names) - _MOST_SHOWN} others" if len(names) > _MOST_SHOWN else ""
    return (", ".join(names[:_MOST_SHOWN]) or "nothing") + more


def branch_of(value: bytes, start: int) -> int:
    """Return the index of the branch of a union in an Avro body: a zigzag number. Raise PoisonError."""
    number = 0
    for place, byte in enumerate(value[start : start + _LAST_BYTE]):
        number |= (byte & 0x7F) << (7 * place)
        if byte < 0x80:
            return (number >> 1) ^ -(number & 1)
    raise PoisonError("the record names no branch of its union")


def named(record: dict[str, JsonValue], full_name: str) -> dict[str, JsonValue]:
    """Return the schema of a message with another full name. Records in it are of the same namespace."""
    namespace, _, name = full_name.rpartition(".")
    return {**_renamed_in(record, str(record["name"]), name), "namespace": namespace}


def _full_name(schema: JsonValue) -> str:
    while True:
        match schema:
            case str():
                return schema
            case {"type": str(kind), "name": str(name), "namespace": str(space)} if kind in _NAMED:
                return name if "." in name or not space else f"{space}.{name}"
            case {"type": str(kind), "name": str(name)} if kind in _NAMED:
                return name
            case {"type": inner}:  # a schema of others may have any number of levels
                schema = inner
            case _:
                return ""


def _renamed(schema: JsonValue, old: str, new: str) -> JsonValue:
    """Return a type in which a record and what refers to it has a new name."""
    match schema:
        case str():
            return new if schema == old else schema
        case list():
            return [_renamed(branch, old, new) for branch in schema]
        case dict():
            return _renamed_in(schema, old, new)
        case _:
            return schema


def _renamed_in(schema: dict[str, JsonValue], old: str, new: str) -> dict[str, JsonValue]:
    """Do the same in a record, in another type that has parts, or in a field."""
    renamed = schema | {key: _renamed(schema[key], old, new) for key in _PARTS if key in schema}
    match schema.get("fields"):
        case list(fields):
            renamed["fields"] = [_renamed(field, old, new) for field in fields]
            renamed["name"] = _renamed(schema["name"], old, new)
    return renamed
