"""``interfaces.json``: the fields of every subcontract with its version, and the check of versions against changes.

A field that is added needs a new minor version. A field that is removed, that is required, or whose type, default or
limits change needs a new major version. Rendering refuses anything else, so that the file cannot hide a change.
"""

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pydantic import BaseModel, JsonValue

from onex.capability import Subcontract
from onex.errors import ContractError, ContractProblem
from onex.mixins.catalogue import CATALOGUE
from onex.model.contract.version import ModelSemVer

PLACE: Final = "shared/onex/mixins/interfaces.json"
_WORDS: Final = frozenset({"title", "description"})
_REQUIRED: Final = "required"

Schema = Mapping[str, JsonValue]


@dataclass(frozen=True, slots=True)
class Interface:
    """The version of a subcontract, and the schema of each field by its full name: ``services.name``."""

    version: ModelSemVer
    fields: Mapping[str, JsonValue]


def interface_of(model: type[Subcontract]) -> Interface:
    """Return the interface of a subcontract."""
    return Interface(model.INTERFACE_VERSION, dict(_fields(model, "")))


def interfaces() -> Mapping[str, Interface]:
    """Return the interface of each capability, view and feature with a configuration, by key."""
    models: dict[str, type[Subcontract]] = {
        mixin.definition.metadata.key: mixin.definition.subcontract
        for mixin in (*CATALOGUE.all(), *CATALOGUE.views())
    }
    for feature in CATALOGUE.features():
        if feature.subcontract is not None:
            models[feature.key] = feature.subcontract
    return {key: interface_of(models[key]) for key in sorted(models)}


def interface_file(root: Path, current: Mapping[str, Interface] | None = None) -> str:
    """Return the text of the file, after a comparison with the file below ``root``.

    Raise ContractError for each change without the version that it needs.
    """
    new = interfaces() if current is None else current
    file = root / PLACE
    old = parse_interfaces(file.read_text(encoding="utf-8")) if file.is_file() else {}
    problems = [
        ContractProblem(file, 1, key, message, remedy)
        for key in sorted({*old} & {*new})
        for message, remedy in changes_without_version(old[key], new[key])
    ]
    if problems:
        raise ContractError(problems)
    return interface_text(new)


def interface_text(current: Mapping[str, Interface]) -> str:
    """Return the text of the file: one line a field, so that a change is one line of a comparison."""
    parts = []
    for key, interface in current.items():
        lines = [f"   {json.dumps(name)}: {_line(schema)}" for name, schema in interface.fields.items()]
        body = ",\n".join(lines)
        parts.append(
            f' {json.dumps(key)}: {{\n  "version": "{interface.version}",\n  "fields": {{\n{body}\n  }}\n }}'
        )
    return "{\n" + ",\n".join(parts) + "\n}\n"


def parse_interfaces(text: str) -> Mapping[str, Interface]:
    """Return the interfaces in the text of the file."""
    return {key: Interface(_version(each["version"]), each["fields"]) for key, each in json.loads(text).items()}


def _version(text: str) -> ModelSemVer:
    major, minor, patch = (int(number) for number in text.split("."))
    return ModelSemVer(major=major, minor=minor, patch=patch)


def changes_without_version(old: Interface, new: Interface) -> Iterator[tuple[str, str]]:
    """Yield each change of fields that the new version does not allow, with its remedy."""
    major, minor = list(_major(old, new)), list(_minor(old, new))
    before, after = old.version, new.version
    next_major = ModelSemVer(major=before.major + 1)
    next_minor = ModelSemVer(major=before.major, minor=before.minor + 1)
    if _numbers(after) < _numbers(before):
        yield f"INTERFACE_VERSION is {after}, and was {before}", f"set {before} or a later version"
    if after.major <= before.major:
        for change in major:
            yield f"{change}, and INTERFACE_VERSION is {after}", f"set {next_major}, or undo the change"
    if _numbers(after)[:2] <= _numbers(before)[:2]:
        for change in minor:
            yield f"{change}, and INTERFACE_VERSION is {after}", f"set {next_minor}, or undo the change"


def _numbers(version: ModelSemVer) -> tuple[int, int, int]:
    return version.major, version.minor, version.patch


def _major(old: Interface, new: Interface) -> Iterator[str]:
    for name, schema in old.fields.items():
        if name not in new.fields:
            yield f"the field {name} is removed"
        elif _line(new.fields[name]) != _line(schema):
            yield f"the type, default or limits of {name} are changed"
    for name in _added(old, new):
        match new.fields[name]:
            case {"required": True} if not _is_inside_a_new_field(name, old):
                yield f"the field {name} is added without a default"


def _minor(old: Interface, new: Interface) -> Iterator[str]:
    return (f"the field {name} is added" for name in _added(old, new))


def _added(old: Interface, new: Interface) -> Iterable[str]:
    return [name for name in new.fields if name not in old.fields]


def _is_inside_a_new_field(name: str, old: Interface) -> bool:
    """Return whether a field is part of another new one: no contract has it without the other."""
    parent = name.rpartition(".")[0]
    return bool(parent) and parent not in old.fields


def _fields(model: type[BaseModel], prefix: str) -> Iterator[tuple[str, JsonValue]]:
    schema = model.model_json_schema()
    definitions = schema.get("$defs", {})
    yield from _properties(schema, definitions, prefix, ())


def _properties(
    schema: Schema, definitions: Schema, prefix: str, inside: tuple[str, ...]
) -> Iterator[tuple[str, JsonValue]]:
    properties, required = schema.get("properties"), schema.get(_REQUIRED)
    assert isinstance(properties, dict)
    names = required if isinstance(required, list) else []
    for name, field in properties.items():
        about = _about(field, definitions)
        assert isinstance(about, dict)
        yield f"{prefix}{name}", {**about, **({_REQUIRED: True} if name in names else {})}
        for part in _parts(field):
            inner = definitions.get(part)
            if isinstance(inner, dict) and "properties" in inner and part not in inside:
                yield from _properties(inner, definitions, f"{prefix}{name}.", (*inside, part))


def _about(schema: JsonValue, definitions: Schema) -> JsonValue:
    """Return the schema without words. An enumeration has its values, a model its name."""
    match schema:
        case {"$ref": str(reference)}:
            name = reference.rpartition("/")[2]
            shown: dict[str, JsonValue] = {"model": name}
            match definitions.get(name):
                case dict() as target if "properties" not in target:
                    shown = target
            others: dict[str, JsonValue] = {key: value for key, value in _map(schema).items() if key != "$ref"}
            return {**_map(_about(shown, definitions)), **_map(_about(others, definitions))}
        case dict():
            return {key: _about(value, definitions) for key, value in schema.items() if key not in _WORDS}
        case list():
            return [_about(item, definitions) for item in schema]
        case _:
            return schema


def _parts(schema: JsonValue) -> Iterator[str]:
    match schema:
        case {"$ref": str(reference)}:
            yield reference.rpartition("/")[2]
        case dict():
            for value in schema.values():
                yield from _parts(value)
        case list():
            for item in schema:
                yield from _parts(item)


def _map(value: JsonValue) -> dict[str, JsonValue]:
    assert isinstance(value, dict)
    return value


def _line(schema: JsonValue) -> str:
    return json.dumps(schema, sort_keys=True, ensure_ascii=False)
