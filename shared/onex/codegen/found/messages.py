"""The messages whose fields the source states: JSON Schema, ``inputs`` and ``outputs``."""

from collections.abc import Iterator

from pydantic import JsonValue, TypeAdapter, ValidationError

from onex.codegen.found.binding import Binding
from onex.codegen.found.entries import FoundHandlers
from onex.codegen.found.notes import Notes
from onex.codegen.found.outputs import Outputs
from onex.codegen.found.schema_fields import Fields, required_of
from onex.codegen.found.source import Place
from onex.codegen.found.topics import FoundTopics
from onex.codegen.found.words import class_name_of
from onex.model.contract.definitions import ModelDefinitions

_DEFINITIONS = ("definitions", "$defs", "schemas", "models", "components")
_INPUTS = ("inputs", "input_schema", "input_state", "input")
_OUTPUTS = ("outputs", "output_schema", "output_state", "output")
_OURS = TypeAdapter(ModelDefinitions)


def read_messages(
    root: Place, topics: FoundTopics, handlers: FoundHandlers, binding: Binding, outputs: Outputs, notes: Notes
) -> Fields:
    """Return the messages with known fields."""
    fields = Fields(binding.names, dict(binding.aliases), notes)
    for message in binding.messages.values():
        fields.aliases.setdefault(message, message)
    schemas = list(_schemas(root))
    for place, _ in schemas:
        name = class_name_of(place.key)
        if place.key not in fields.aliases:
            fields.aliases[place.key] = fields.aliases.get(name) or binding.names.use([name, f"{name}Part"])
    for place, properties in schemas:
        fields.read(fields.aliases[place.key], properties, required_of(place))
    main = binding.inputs[0].message if len({bound.message for bound in binding.inputs}) == 1 else ""
    if not main and handlers.input_model:
        main = binding.aliases.get(handlers.input_model, "")
    _read_side(root, _INPUTS, main, "input", fields, notes)
    results = list(dict.fromkeys(message for each in outputs.values() for message in each))
    end = binding.aliases.get(handlers.output_model, "") if handlers.output_model else ""
    if not end:
        terminal = [name for name, topic in topics.published.items() if "terminal" in topic.event_types]
        end = results[0] if len(results) == 1 else (binding.messages[terminal[0]] if len(terminal) == 1 else "")
    _read_side(root, _OUTPUTS, end, "output", fields, notes)
    fields.drop_incomplete()
    return fields


def _schemas(root: Place) -> Iterator[tuple[Place, Place]]:
    """Yield each named schema of an object, with its properties."""
    for key in _DEFINITIONS:
        holder = root.get(key)
        if holder is not None and (inner := holder.get("schemas", "models")) is not None and inner.is_map:
            holder = inner
        for place in holder.children() if holder and holder.is_map else ():
            properties = place.get("properties", "fields")
            if properties is not None and properties.is_map and class_name_of(place.key):
                yield place, properties


def _read_side(root: Place, keys: tuple[str, ...], message: str, side: str, fields: Fields, notes: Notes) -> None:
    for key in keys:
        place = root.get(key)
        if place is None or not place.is_map:
            continue
        properties = place.get("properties") or place.get("fields") or place
        if not message:
            words = f"the node has no single {side} message that the fields could belong to"
            notes.left_out(place, f"{words}; write them in definitions")
            return
        if message in fields.messages or message in fields.unknown:
            notes.left_out(place, f"the fields of {message} are stated before")
            return
        required = required_of(place) if properties.at != place.at and place.get("required") is not None else None
        fields.read(message, properties, required)


def definitions_of(
    fields: Fields, topics: FoundTopics, binding: Binding, state: str, root: Place, notes: Notes
) -> dict[str, JsonValue]:
    """Return ``definitions`` of the result. Empty when no fields are known."""
    keys = _keys(topics, binding, fields, notes)
    models: dict[str, JsonValue] = {}
    for name, types in fields.messages.items():
        key: dict[str, JsonValue] = {"key": keys[name]} if name in keys else {}
        models[name] = {**key, "fields": dict(types)}
    if not models:
        return {}
    definitions: dict[str, JsonValue] = {"models": models}
    if state in models:
        definitions["state"] = state
    try:
        _OURS.validate_python(definitions)
    except ValidationError as error:  # a key of a type without canonical text
        notes.refused(root, f"the messages do not fit: {error.errors()[0]['msg']}")
    return definitions


def _keys(topics: FoundTopics, binding: Binding, fields: Fields, notes: Notes) -> dict[str, str]:
    keys: dict[str, str] = {}
    for topic in (*topics.subscribed.values(), *topics.published.values()):
        if not topic.key:
            continue
        message = binding.messages[topic.name]
        if topic.key in fields.messages.get(message, {}):
            keys[message] = topic.key
        else:
            notes.left_out(topic.place, f"the fields of {message} are not known; give its class key={topic.key!r}")
    return keys
