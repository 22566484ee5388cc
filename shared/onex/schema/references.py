"""Merges a schema and the types of other subjects that it uses (``references`` of a Confluent registry) into one."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from pydantic import JsonValue

from onex.errors import SchemaMismatchError

_NAMED = ("record", "error", "enum", "fixed")
_MOST = 1_000
"""Maximum number of schemas that one schema refers to, directly and through others."""


@dataclass(frozen=True, slots=True)
class Reference:
    """A type that a schema uses, and the version of the subject that defines it."""

    name: str
    subject: str
    version: int


@dataclass(frozen=True, slots=True)
class Referring:
    """A schema and its references."""

    schema: JsonValue
    references: Sequence[Reference] = ()


def references_of(value: JsonValue) -> tuple[Reference, ...]:
    """Return the references in a registry's response or record. Raise SchemaMismatchError if they are not valid."""
    match value:
        case None:
            return ()
        case list():
            return tuple(_reference(item) for item in value)
        case _:
            raise SchemaMismatchError("references of a schema are not a list")


def with_references(top: Referring, look_up: Callable[[Reference], Referring]) -> JsonValue:
    """Return the schema in which each type that it refers to is defined where it is used first.

    ``look_up`` returns the schema of a reference. Its exceptions are raised to the caller. Raise SchemaMismatchError
    for too many references.
    """
    if not top.references:
        return top.schema
    definitions: dict[str, JsonValue] = {}
    waiting = list(top.references)
    seen: set[Reference] = set()
    while waiting:
        reference = waiting.pop()
        if reference in seen:
            continue
        seen.add(reference)
        if len(seen) > _MOST:
            raise SchemaMismatchError(f"a schema refers to more than {_MOST} others")
        referred = look_up(reference)
        _collect(referred.schema, "", definitions)
        waiting += referred.references
    return _inlined(top.schema, "", definitions, set())


def definitions_of(schema: JsonValue) -> dict[str, JsonValue]:
    """Return the named types of a schema by full name."""
    definitions: dict[str, JsonValue] = {}
    _collect(schema, "", definitions)
    return definitions


def defined_once(schema: JsonValue) -> JsonValue:
    """Return a schema in which the second definition of a named type, and each one after it, is its name."""
    return _inlined(schema, "", {}, set())


def _reference(item: JsonValue) -> Reference:
    match item:
        case {"name": str(name), "subject": str(subject), "version": int(version)}:
            return Reference(name, subject, version)
        case _:
            raise SchemaMismatchError("a reference of a schema lacks name, subject or version")


def _collect(schema: JsonValue, space: str, definitions: dict[str, JsonValue]) -> None:
    """Add every named type of a schema to ``definitions``, by its full name and with its namespace."""
    if isinstance(schema, list):
        for branch in schema:
            _collect(branch, space, definitions)
    if not isinstance(schema, dict):
        return
    if schema.get("type") not in _NAMED:
        for key in ("type", "items", "values"):
            _collect(schema.get(key), space, definitions)
        return
    inner, full = _names(str(schema.get("name")), schema.get("namespace"), space)
    definitions.setdefault(full, {**schema, "namespace": inner})
    fields = schema.get("fields")
    for field in fields if isinstance(fields, list) else []:
        _collect(field.get("type") if isinstance(field, dict) else None, inner, definitions)


def _inlined(schema: JsonValue, space: str, definitions: dict[str, JsonValue], defined: set[str]) -> JsonValue:
    if isinstance(schema, str):
        full = schema if "." in schema or not space else f"{space}.{schema}"
        name = next((each for each in (full, schema) if each in definitions), None)
        if name is None or name in defined:
            return schema if name is None else name
        return _inlined(definitions[name], "", definitions, defined)
    if isinstance(schema, list):
        return [_inlined(branch, space, definitions, defined) for branch in schema]
    if not isinstance(schema, dict):
        return schema
    if schema.get("type") not in _NAMED:
        keys = [key for key in ("type", "items", "values") if key in schema]
        return {**schema, **{key: _inlined(schema[key], space, definitions, defined) for key in keys}}
    inner, full = _names(str(schema.get("name")), schema.get("namespace"), space)
    if full in defined:
        return full
    defined.add(full)
    fields = schema.get("fields")
    if not isinstance(fields, list):
        return schema
    return {**schema, "fields": [_field(field, inner, definitions, defined) for field in fields]}


def _field(field: JsonValue, space: str, definitions: dict[str, JsonValue], defined: set[str]) -> JsonValue:
    if not isinstance(field, dict) or "type" not in field:
        return field
    return {**field, "type": _inlined(field["type"], space, definitions, defined)}


def _names(name: str, namespace: JsonValue, space: str) -> tuple[str, str]:
    """Return the namespace inside a named type, and the full name of the type."""
    if "." in name:
        return name.rpartition(".")[0], name
    inner = namespace if isinstance(namespace, str) else space
    return inner, f"{inner}.{name}" if inner else name
