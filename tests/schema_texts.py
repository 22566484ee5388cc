"""Where a JSON Schema has texts, and which of its alternatives has one."""

from collections.abc import Iterator

from pydantic import JsonValue

Schema = dict[str, JsonValue]
Place = tuple[str, ...]
"""Names of fields on the way to a text, ``[]`` for an item, ``{}`` for a value of a map, ``{key}`` for its key."""


def text_places(root: Schema) -> list[Place]:
    """Where contracts have texts, by their schema."""
    return sorted(set(texts_of(root, root, ())))


def alternatives(root: Schema, schema: JsonValue) -> Iterator[Schema]:
    """The schemas that a value of this one may follow, references looked up in ``root``."""
    match schema:
        case {"$ref": str(name)}:
            definitions = root["$defs"]
            assert isinstance(definitions, dict)
            yield from alternatives(root, definitions[name.rpartition("/")[2]])
        case {"anyOf": [*options]} | {"oneOf": [*options]}:
            for option in options:
                yield from alternatives(root, option)
        case dict():
            yield schema


def texts_of(root: Schema, schema: JsonValue, at: Place) -> Iterator[Place]:
    """Yield the texts of a part of the schema, which is at ``at``."""
    for one in alternatives(root, schema):
        match one:
            case {"type": "object"}:
                for name, inner in _as_dict(one.get("properties")).items():
                    yield from texts_of(root, inner, (*at, name))
                if inner := one.get("additionalProperties"):
                    yield (*at, "{key}")
                    yield from texts_of(root, inner if isinstance(inner, dict) else {}, (*at, "{}"))
            case {"type": "array"}:
                yield from texts_of(root, one.get("items") or {}, (*at, "[]"))
            case {"type": "integer" | "number" | "boolean" | "null"}:
                pass
            case _:
                yield at


def _as_dict(value: JsonValue) -> Schema:
    return value if isinstance(value, dict) else {}
