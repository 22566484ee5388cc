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
_RECORDS: Final = ("record", "error")
_NAMED: Final = (*_RECORDS, "enum", "fixed")


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
                return self._named(schema, space)
            case list():
                for branch in schema:
                    self.weigh(branch, space, place)
            case dict():
                return self._described(schema, space, place)
        return 0, False

    def _described(self, schema: dict[str, JsonValue], space: str, place: str) -> tuple[int, bool]:
        match schema:
            case {"type": "record" | "error", "fields": list(fields)}:
                return self._record(schema, fields, space)
            case {"type": "array", "items": items}:
                if self.weigh(items, space, place)[1]:
                    raise SchemaMismatchError(f"{place or 'the schema'}: a list of items without bytes")
            case {"type": "map", "values": values}:
                self.weigh(values, space, place)
            case {"type": "fixed", "size": int(size)} if size <= 0:
                raise SchemaMismatchError(f"{place or 'the schema'}: a fixed without bytes")
            case {"type": dict() | list() as inner}:
                return self.weigh(inner, space, place)
            case {"type": str(name)} if name not in _NAMED:
                return self._named(name, space)
        return 0, False

    def _named(self, name: str, space: str) -> tuple[int, bool]:
        full = name if "." in name or not space else f"{space}.{name}"
        for each in (full, name):
            if each in self._open:
                self.is_recursive = True
                return 0, False
            if each in self._weights:
                return self._weights[each]
        return 0, False

    def _record(self, schema: Mapping[str, JsonValue], fields: list[JsonValue], space: str) -> tuple[int, bool]:
        name, inner = str(schema.get("name")), schema.get("namespace", space)
        full = name if "." in name or not inner else f"{inner}.{name}"
        self._open.add(full)
        around = full.rpartition(".")[0]
        parts = [
            self.weigh(field.get("type"), around, f"{name}: {field.get('name')}")
            for field in fields
            if type(field) is dict
        ]
        self._open.remove(full)
        is_empty = all(empty for _, empty in parts)
        count = sum(number for number, _ in parts) + is_empty
        if count > _MOST:
            raise SchemaMismatchError(f"{name}: more than {_MOST} values without bytes in a record")
        self._weights[full] = count, is_empty
        return count, is_empty
