"""A validator for the part of JSON Schema (2020-12) that the schema of contracts uses."""

import re
from collections.abc import Iterator

from pydantic import JsonValue

Schema = dict[str, JsonValue]
_TYPES = {"object": dict, "array": list, "string": str, "boolean": bool, "null": type(None)}
_ENFORCED = (
    "additionalProperties allOf anyOf const enum exclusiveMaximum exclusiveMinimum if items maxItems maxLength "
)
_ENFORCED += (
    "maxProperties maximum minItems minLength minProperties minimum oneOf pattern patternProperties properties "
    "propertyNames required then type"
)
_FOR_PEOPLE = "$defs $ref $schema default description discriminator format title writeOnly"
_KNOWN = {*_ENFORCED.split(), *_FOR_PEOPLE.split()}


def schema_problems(root: Schema, value: JsonValue) -> list[str]:
    """Return the places at which the value does not fit, with the keyword that refuses it."""
    return list(_problems(root, root, value, "contract"))


def _problems(root: Schema, schema: JsonValue, value: JsonValue, at: str) -> Iterator[str]:
    if isinstance(schema, bool):
        if not schema:
            yield f"{at}: nothing is allowed here"
        return
    assert isinstance(schema, dict), at
    assert not schema.keys() - _KNOWN, f"{at}: teach this validator {schema.keys() - _KNOWN}"
    if isinstance(reference := schema.get("$ref"), str):
        yield from _problems(root, resolved(root, reference), value, at)
    for keyword, limit in schema.items():
        if not _fits(root, keyword, limit, schema, value):
            yield f"{at}: {keyword} {str(limit)[:80]}"
    for part in _list(schema.get("allOf")):
        yield from _problems(root, part, value, at)
    if "if" in schema and not list(_problems(root, schema["if"], value, at)):
        yield from _problems(root, schema.get("then", True), value, at)
    match value:
        case dict():
            for name, inner in value.items():
                yield from _problems(root, schema.get("propertyNames", True), name, f"{at}: the name {name}")
                for part in _of_property(schema, name):
                    yield from _problems(root, part, inner, f"{at}.{name}")
        case list() if "items" in schema:
            for index, item in enumerate(value):
                yield from _problems(root, schema["items"], item, f"{at}[{index}]")


def _of_property(schema: Schema, name: str) -> list[JsonValue]:
    """Return the schemas of a property of an object."""
    properties, patterns = schema.get("properties", {}), schema.get("patternProperties", {})
    assert isinstance(properties, dict)
    assert isinstance(patterns, dict)
    parts = [properties[name]] if name in properties else []
    parts += [part for pattern, part in patterns.items() if re.search(pattern, name)]
    return parts or [schema.get("additionalProperties", True)]


def resolved(root: Schema, reference: str) -> JsonValue:
    """Return the schema that a reference names. Raise KeyError for a reference to nothing."""
    found: JsonValue = root
    for part in reference.removeprefix("#/").split("/"):
        assert isinstance(found, dict)
        found = found[part]
    return found


def _fits(root: Schema, keyword: str, limit: JsonValue, schema: Schema, value: JsonValue) -> bool:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    match keyword, limit:
        case "type", str() | list():
            return any(_is_a(value, str(name)) for name in ([limit] if isinstance(limit, str) else limit))
        case "enum", list():
            return value in limit
        case "const", _:
            return type(value) is type(limit) and value == limit
        case "required", list():
            return not isinstance(value, dict) or all(name in value for name in limit)
        case "pattern", str():
            return not isinstance(value, str) or re.search(limit, value) is not None
        case (("anyOf" | "oneOf"), list()):
            fitting = sum(not list(_problems(root, part, value, "")) for part in limit)
            return fitting == 1 if keyword == "oneOf" else fitting > 0
        case (("minLength" | "maxLength"), int()):
            return not isinstance(value, str) or (
                len(value) >= limit if keyword == "minLength" else len(value) <= limit
            )
        case (("minItems" | "maxItems"), int()):
            return not isinstance(value, list) or (
                len(value) >= limit if keyword == "minItems" else len(value) <= limit
            )
        case "minProperties", int():
            return not isinstance(value, dict) or len(value) >= limit
        case "maxProperties", int():
            return not isinstance(value, dict) or len(value) <= limit
        case "minimum", int() | float():
            return not is_number or float(str(value)) >= limit
        case "maximum", int() | float():
            return not is_number or float(str(value)) <= limit
        case "exclusiveMinimum", int() | float():
            return not is_number or float(str(value)) > limit
        case "exclusiveMaximum", int() | float():
            return not is_number or float(str(value)) < limit
    return True


def _is_a(value: JsonValue, name: str) -> bool:
    if name in ("number", "integer"):
        is_number = isinstance(value, int | float) and not isinstance(value, bool)
        return is_number and (name == "number" or float(str(value)).is_integer())
    return isinstance(value, _TYPES[name])


def _list(value: JsonValue) -> list[JsonValue]:
    return value if isinstance(value, list) else []
