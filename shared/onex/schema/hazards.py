"""Schemas of other writers with which a few bytes would be endless work, or would end the process.

A list of items without bytes (nulls, empty records) can have any length, and records without bytes in one another
multiply. fastavro's compiled reader has no limit for records within themselves: a deep one overflows the stack of the
process.
"""

from collections.abc import Mapping
from typing import Final

from pydantic import JsonValue

from onex.errors import SchemaMismatchError

_MOST: Final = 100
"""Values without bytes in one record."""
_PRIMITIVES: Final = ("boolean", "int", "long", "float", "double", "bytes", "string")
"""Those with bytes."""
_PARSED: Final = "__fastavro_parsed"
"""With this key fastavro takes a schema, and definitions of names next to it, without a look at them."""
_LONGEST: Final = 160
"""Characters of a place or name in an error."""


def is_recursive(schema: JsonValue) -> bool:
    """Return whether a record of the schema can have one of its own type.

    Raise SchemaMismatchError for a schema whose records have endlessly many values in few bytes.
    """
    survey = _Survey()
    try:
        survey.weigh(schema, "", "")
    except RecursionError:
        raise SchemaMismatchError("a schema with too many types in one another") from None
    return survey.is_recursive


class _Survey:
    def __init__(self) -> None:
        self.is_recursive = False
        self._weights: dict[str, tuple[int, bool]] = {}
        self._open: set[str] = set()

    def weigh(self, schema: JsonValue, space: str, place: str) -> tuple[int, bool]:
        """Return the number of values without bytes in a value, and whether all of it is without bytes.

        ``space`` is the namespace around the schema.
        """
        match schema:
            case "null" | {"type": "null"}:
                return 1, True
            case str():
                return self._named(schema, space, place)
            case list():
                for branch in schema:
                    self.weigh(branch, space, place)
                return 0, False
            case dict() if _PARSED not in schema:
                return self._described(schema, space, place)
        raise _refused(place, "no type of Avro")

    def _described(self, schema: dict[str, JsonValue], space: str, place: str) -> tuple[int, bool]:
        """Do the same for a type that is an object. A type that is not known here could be without bytes."""
        match schema:
            case {"type": "record" | "error", "fields": list(fields)}:
                return self._record(schema, fields, space, place)
            case {"type": "array", "items": items}:
                if self.weigh(items, space, place)[1]:
                    raise _refused(place, "a list of items without bytes")
            case {"type": "map", "values": values}:
                self.weigh(values, space, place)
            case {"type": "enum"}:
                self._define(_full_name(schema, space), place)
            case {"type": "fixed", "size": int(size)} if size > 0:
                self._define(_full_name(schema, space), place)
            case {"type": "fixed"}:
                raise _refused(place, "a fixed without bytes")
            case {"type": "record" | "error"}:
                raise _refused(place, "a record without a list of fields")
            case {"type": dict() | list() | str() as inner}:
                return self.weigh(inner, space, place)
            case _:
                raise _refused(place, "no type of Avro")
        return 0, False

    def _named(self, name: str, space: str, place: str) -> tuple[int, bool]:
        if name in _PRIMITIVES:
            return 0, False
        full = name if "." in name or not space else f"{space}.{name}"
        for each in (full, name):
            if each in self._open:
                self.is_recursive = True
                return 0, False
            if each in self._weights:
                return self._weights[each]
        raise _refused(place, f"the type {name[:_LONGEST]!r} is not defined")

    def _define(self, full: str, place: str) -> None:
        """Note a name. fastavro reads the last definition of a name, also where the first one is meant."""
        if full in self._weights or full in self._open:
            raise _refused(place, f"{full[:_LONGEST]} is defined twice")
        self._weights[full] = 0, False

    def _record(
        self, schema: dict[str, JsonValue], fields: list[JsonValue], space: str, place: str
    ) -> tuple[int, bool]:
        full = _full_name(schema, space)
        around, name = full.rpartition(".")[0], str(schema.get("name"))
        self._define(full, place)
        del self._weights[full]
        self._open.add(full)
        parts = [
            self.weigh(field.get("type"), around, f"{name}: {field.get('name')}")
            for field in fields
            if type(field) is dict
        ]
        self._open.remove(full)
        is_empty = all(empty for _, empty in parts)
        count = sum(number for number, _ in parts) + is_empty
        if count > _MOST:
            raise SchemaMismatchError(f"{name[:_LONGEST]}: more than {_MOST} values without bytes in a record")
        self._weights[full] = count, is_empty
        return count, is_empty


def _full_name(schema: Mapping[str, JsonValue], space: str) -> str:
    name, inner = str(schema.get("name")), schema.get("namespace", space)
    return name if "." in name or not inner else f"{inner}.{name}"


def _refused(place: str, words: str) -> SchemaMismatchError:
    return SchemaMismatchError(f"{place[:_LONGEST] or 'the schema'}: {words}")
