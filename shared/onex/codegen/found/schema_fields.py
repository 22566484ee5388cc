"""From JSON Schema, and from short forms of it, to the types of fields of a message."""

import re
from dataclasses import dataclass, field

from onex.codegen.found.notes import Notes
from onex.codegen.found.source import Place
from onex.codegen.found.words import MessageNames, class_name_of, last_part, pascal
from onex.model.contract.definitions import field_problem
from onex.model.contract.field_type import DEEPEST_CONTAINERS, canonical_type, field_type_names

_PLAIN = {
    "str": "str",
    "string": "str",
    "text": "str",
    "int": "int",
    "integer": "int",
    "long": "int",
    "float": "float",
    "number": "float",
    "double": "float",
    "decimal": "float",
    "bool": "bool",
    "boolean": "bool",
    "bytes": "bytes",
    "binary": "bytes",
    "uuid": "UUID",
    "uuid4": "UUID",
    "datetime": "datetime",
    "timestamp": "datetime",
    "date-time": "datetime",
    "date": "date",
}
_FORMATS = {"date-time": "datetime", "date": "date", "uuid": "UUID", "byte": "bytes", "binary": "bytes"}
_NULLS = frozenset({"null", "none", "nonetype"})
_OPTIONAL = re.compile(r"^Optional\[(.*)\]$", re.IGNORECASE)
_LONGEST_TYPE = 200
_UNTYPED = frozenset({"list", "array", "dict", "object", "map", "any", "set", "tuple", "json"})


_LIMITS = (
    "default",
    "enum",
    "const",
    "pattern",
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "minLength",
    "maxLength",
    "minItems",
    "maxItems",
    "uniqueItems",
)


class UnknownTypeError(ValueError):
    """A schema says too little, or more than a field type can."""


@dataclass(slots=True)
class Fields:
    """Messages by class name, with the type of each field."""

    names: MessageNames
    aliases: dict[str, str]
    """Message of the result by the name in the source, or by its reference."""
    notes: Notes
    messages: dict[str, dict[str, str]] = field(default_factory=dict)
    """Complete messages."""
    unknown: dict[str, dict[str, str]] = field(default_factory=dict)
    """Messages with a field whose type nothing states: field by field, what is known."""

    def read(self, message: str, properties: Place, required: "frozenset[str] | None") -> None:
        """Add the fields of a message. ``required`` is None when each field says so itself."""
        if message in self.messages or message in self.unknown:
            return
        types: dict[str, str] = {}
        gaps: dict[str, str] = {}
        self.messages[message] = types  # reserved: a schema may contain itself
        for place in properties.children():
            name = place.key
            if problem := field_problem(name):
                self.notes.left_out(place, f"{problem}; ids of messages travel in the envelope")
                continue
            try:
                text = self._type(place, f"{message}_{name}", 0)
            except UnknownTypeError as error:
                gaps[name] = str(error)
                continue
            if _may_be_absent(place, required) and not text.endswith(" | None"):
                text = f"{text} | None"
            types[name] = canonical_type(text)
            self.notes.translated(place, f"is the field {message}.{name} of type {types[name]}{_limits(place)}")
        for name, why in gaps.items():
            at = properties.get(name)
            if at is not None:
                self.notes.left_out(at, f"{why}; {message} gets its fields in models/, or in definitions by hand")
        if gaps or not types:
            del self.messages[message]
            self.unknown[message] = {**types, **dict.fromkeys(gaps, "?")}

    def drop_incomplete(self) -> None:
        """Move messages that use a message without fields to the unknown ones."""
        users: dict[str, set[str]] = {}
        for name, types in self.messages.items():
            for used in {part for text in types.values() for part in field_type_names(text)}:
                users.setdefault(used, set()).add(name)
        missing = [used for used in users if used not in self.messages]
        while missing:
            for name in users.get(missing.pop(), set()):
                if name in self.messages:
                    self.unknown[name] = self.messages.pop(name)
                    missing.append(name)

    def _type(self, place: Place, path: str, depth: int) -> str:
        """Return the type that a schema says. Raise UnknownTypeError."""
        if depth > DEEPEST_CONTAINERS:
            raise UnknownTypeError("its schema is nested too deeply")
        if place.text:
            return self._named(place.text, place, path, depth)
        if not place.is_map:
            raise UnknownTypeError("has no type")
        nullable = place.get("nullable")
        suffix = " | None" if nullable is not None and nullable.value is True else ""
        return _with(self._of_schema(place, path, depth), suffix)

    def _of_schema(self, place: Place, path: str, depth: int) -> str:
        if (reference := place.get("$ref", "ref")) is not None:
            return self._reference(reference)
        for key in ("anyOf", "oneOf", "allOf"):
            if (choices := place.get(key)) is not None:
                return self._choice(choices, key, path, depth)
        if place.get("enum", "const") is not None and place.get("type") is None:
            return self._of_values(place)
        kind = place.get("type")
        if kind is None:
            if place.get("properties") is not None:
                return self._object(place, path)
            raise UnknownTypeError("has no type")
        if kind.is_list:
            return self._types(kind, place, path, depth)
        return self._named(kind.text, place, path, depth)

    def _named(self, text: str, place: Place, path: str, depth: int) -> str:
        if len(text) > _LONGEST_TYPE:
            raise UnknownTypeError("its type is longer than a type can be")
        if (optional := _OPTIONAL.fullmatch(text)) is not None:
            return _with(self._named(optional[1].strip(), place, path, depth), " | None")
        parts = [part.strip() for part in _split(text, "|")]
        if len(parts) > 1:
            kinds = [part for part in parts if part.lower() not in _NULLS]
            if len(kinds) != 1:
                raise UnknownTypeError(f"{text!r} is more than one type")
            return _with(self._named(kinds[0], place, path, depth), " | None" if len(kinds) < len(parts) else "")
        lower = text.lower()
        if lower in ("str", "string") and (form := place.text_of("format") if place.is_map else ""):
            return _FORMATS.get(form, "str")
        if lower in _PLAIN:
            return _PLAIN[lower]
        if lower in ("array", "list") and place.is_map and (items := place.get("items")) is not None:
            return f"list[{self._type(items, f'{path}_item', depth + 1)}]"
        if lower in ("object", "dict", "map") and place.is_map:
            return self._object_or_map(place, path, depth)
        if lower in _UNTYPED:
            raise UnknownTypeError(f"{text!r} does not say what it contains")
        return self._generic(text, place, path, depth)

    def _generic(self, text: str, place: Place, path: str, depth: int) -> str:
        outer, _, inner = text.partition("[")
        if inner.endswith("]") and depth < DEEPEST_CONTAINERS:
            arguments = [part.strip() for part in _split(inner[:-1], ",")]
            is_list = outer.lower() in ("list", "sequence", "array", "set", "tuple")
            if is_list and (len(arguments) == 1 or arguments[1:] == ["..."]):
                return f"list[{self._named(arguments[0], place, path, depth + 1)}]"
            if (
                outer.lower() in ("dict", "mapping", "map")
                and len(arguments) == 2
                and arguments[0] in ("str", "string")
            ):
                return f"dict[str, {self._named(arguments[1], place, path, depth + 1)}]"
            raise UnknownTypeError(f"{text!r} has no type here")
        name = self.aliases.get(text) or self.aliases.get(class_name_of(text))
        if name is None:
            raise UnknownTypeError(f"{text!r} is defined elsewhere")
        return name

    def _object_or_map(self, place: Place, path: str, depth: int) -> str:
        if place.get("properties") is not None:
            return self._object(place, path)
        values = place.get("additionalProperties", "values")
        if values is None or not (values.is_map or values.text not in ("True", "true", "False", "false")):
            raise UnknownTypeError("'object' does not say what it contains")
        return f"dict[str, {self._type(values, f'{path}_value', depth + 1)}]"

    def _object(self, place: Place, path: str) -> str:
        properties = place.get("properties")
        assert properties is not None
        name = self.names.use([class_name_of(place.text_of("title")), pascal(path)[:56]])
        self.read(name, properties, required_of(place))
        if name not in self.messages:
            raise UnknownTypeError("contains a field whose type nothing states")
        return name

    def _reference(self, reference: Place) -> str:
        name = self.aliases.get(last_part(reference.text))
        if name is None:
            raise UnknownTypeError(f"{reference.text[:80]!r} is not in the file")
        return name

    def _choice(self, choices: Place, key: str, path: str, depth: int) -> str:
        options = choices.children()
        kinds = [each for each in options if each.text_of("type").lower() not in _NULLS]
        if len(kinds) != 1:
            raise UnknownTypeError(f"{key} with {len(kinds)} types is more than a field type can say")
        return _with(self._type(kinds[0], path, depth + 1), " | None" if len(kinds) < len(options) else "")

    def _types(self, kinds: Place, place: Place, path: str, depth: int) -> str:
        names = [each.text or "null" for each in kinds.children()]
        named = [name for name in names if name.lower() not in _NULLS]
        if len(named) != 1:
            raise UnknownTypeError(f"has {len(named)} types")
        return _with(self._named(named[0], place, path, depth), " | None" if len(named) < len(names) else "")

    def _of_values(self, place: Place) -> str:
        values = place.get("enum")
        kinds = {type(each.value) for each in values.children()} if values else {type(place.value)}
        if kinds <= {str}:
            return "str"
        if kinds <= {int}:
            return "int"
        raise UnknownTypeError("its values have several types")


def required_of(schema: Place) -> frozenset[str]:
    """Return the names that a JSON Schema requires."""
    required = schema.get("required")
    return frozenset(each.text for each in required.children()) if required else frozenset()


def _may_be_absent(place: Place, required: "frozenset[str] | None") -> bool:
    if required is not None:
        return place.key not in required
    said = place.get("required") if place.is_map else None
    return said is not None and said.value is False


def _limits(place: Place) -> str:
    """Return what a field type does not say. Empty when the schema says no more."""
    limits = sorted(key for key in _LIMITS if place.get(key) is not None)
    return f"; the handler applies its {', '.join(limits)}" if limits else ""


def _with(text: str, suffix: str) -> str:
    return text if text.endswith(" | None") else text + suffix


def _split(text: str, at: str) -> list[str]:
    """Split a type at a character that is outside of brackets."""
    parts, depth, start = [], 0, 0
    for index, character in enumerate(text):
        depth += (character == "[") - (character == "]")
        if character == at and depth == 0:
            parts.append(text[start:index])
            start = index + 1
    return [*parts, text[start:]]
