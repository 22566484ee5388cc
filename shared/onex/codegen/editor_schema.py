"""The JSON Schema that editors check and complete ``contract.yaml`` with.

In addition to the shape of a contract it has the configuration of each capability: by name under ``mixins``, by key
under ``subcontracts``, and in ``advanced_features``. Every field has its description.
"""

import inspect
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from pydantic import BaseModel, JsonValue

from onex.capability.names import onex_names
from onex.codegen.field_docs import field_docs
from onex.codegen.model_parts import models_of
from onex.contract import contract_json_schema
from onex.mixins.catalogue import CATALOGUE
from onex.model.contract import ModelContract
from onex.model.contract.advanced_features import ModelAdvancedFeatures

FILE_NAME: Final = "contract.schema.json"
IN_PROJECT: Final = f".onex/{FILE_NAME}"
"""Where ``onex contract schema --output`` writes it, below the root of a project."""
_SHIPPED: Final = Path(inspect.getfile(contract_json_schema)).with_name(FILE_NAME)
_IN_LIBRARY = f"shared/onex/contract/{FILE_NAME}"
_LEVELS = 3
"""Folders between the root of a project and the contract of a node: ``services/node_x/v1_0_0``."""
_VARIABLE, _VARIABLE_NAME = {"$ref": "#/$defs/Variable"}, "Variable"
_SCALARS = frozenset({"integer", "number", "boolean"})
_LIMITS = {"gt": "exclusiveMinimum", "ge": "minimum", "lt": "exclusiveMaximum", "le": "maximum"}
_ABOUT = ("title", "description", "default")

Schema = dict[str, JsonValue]


def editor_line(levels: int = _LEVELS) -> str:
    """Return the comment by which editors find the schema, for a contract this many folders below the root."""
    return f"# yaml-language-server: $schema={'../' * levels}{IN_PROJECT}"


def editor_schema() -> Schema:
    """Make the JSON Schema (2020-12). It needs all extras of the capabilities, and a second."""
    schema = contract_json_schema()
    definitions = _map(schema["$defs"])
    for part in models_of(ModelContract):
        _describe(schema if part is ModelContract else _map(definitions.get(part.__name__, {})), part)
    for part in models_of(ModelAdvancedFeatures):
        definitions[part.__name__] = _with_variables(definitions[part.__name__])
    definitions[_VARIABLE_NAME] = {
        "type": "string",
        "pattern": r"\$\{[A-Za-z_][A-Za-z0-9_]*(:-[^}]*)?\}",
        "description": "A value from the environment of the node: `${NAME}` or `${NAME:-default}`.",
    }
    by_name: dict[str, Schema] = {}
    by_key: dict[str, JsonValue] = {}
    for mixin in (*CATALOGUE.all(), *CATALOGUE.views()):
        metadata = mixin.definition.metadata
        reference = _add_subcontract(mixin.definition.subcontract, metadata.key, definitions)
        by_name[metadata.name] = {"summary": metadata.summary, "config": reference}
        by_key[metadata.key] = {**reference, "description": f"{metadata.name}: {metadata.summary}"}
    nothing: Schema = {"type": "object", "maxProperties": 0}
    for row in onex_names().values():
        if (feature := CATALOGUE.feature(row.name)) is not None:
            model = feature.subcontract
            config = nothing if model is None else _add_subcontract(model, feature.key, definitions)
            by_name[feature.name] = {"summary": feature.summary, "config": config}
            by_key[feature.key] = {**config, "description": f"{feature.name}: {feature.summary}"}
    _type_mixins(_map(definitions["ModelMixinDeclaration"]), by_name)
    subcontracts = _map(_map(schema["properties"])["subcontracts"])
    subcontracts["properties"] = by_key
    return _map(_in_words_of_json_schema(schema))


def schema_text() -> str:
    """Return the schema as the text of a file: the one that belongs to the library."""
    return _SHIPPED.read_text(encoding="utf-8")


def schema_files(root: Path) -> Mapping[str, str]:
    """Return the file that belongs to the library, by path below ``root``: a checkout of ONEX. Empty elsewhere."""
    if not _SHIPPED.resolve().is_relative_to((root / "shared" / "onex").resolve()):
        return {}
    return {_IN_LIBRARY: json.dumps(editor_schema(), indent=1, ensure_ascii=False) + "\n"}


def _add_subcontract(model: type[BaseModel], key: str, definitions: Schema) -> Schema:
    """Add the schema of a configuration and its parts; return the reference to it."""
    schema = model.model_json_schema(ref_template=f"#/$defs/{key}.{{model}}")
    inner = _map(schema.pop("$defs", {}))
    _describe(schema, model)
    for part in models_of(model)[1:]:
        _describe(_map(inner.get(part.__name__, {})), part)
    definitions[key] = _with_variables(schema)
    for name, part_schema in inner.items():
        definitions[f"{key}.{name}"] = _with_variables(part_schema)
    return {"$ref": f"#/$defs/{key}"}


def _type_mixins(declaration: Schema, by_name: Mapping[str, Schema]) -> None:
    """Complete the names of mixins, and check the configuration of the one that is named."""
    name = _map(_map(declaration["properties"])["name"])
    pattern = name.pop("pattern", None)
    known: list[JsonValue] = [{"const": mixin, "description": said["summary"]} for mixin, said in by_name.items()]
    # Other packages register capabilities of their own.
    name["anyOf"] = [*known, {"type": "string", "pattern": pattern}]
    choices: list[JsonValue] = [
        {
            "if": {"properties": {"name": {"const": mixin}}, "required": ["name"]},
            "then": {"properties": {"config": said["config"]}},
        }
        for mixin, said in by_name.items()
    ]
    declaration["allOf"] = choices


def _describe(schema: Schema, model: type[BaseModel]) -> None:
    if doc := inspect.getdoc(model):
        schema["description"] = _plain(doc)
    properties = schema.get("properties")
    for name, text in field_docs(model).items():
        field = properties.get(name) if isinstance(properties, dict) else None
        if isinstance(field, dict):
            field["description"] = _plain(text)


def _plain(text: str) -> str:
    return " ".join(text.replace("``", "`").split())


def _with_variables(schema: JsonValue) -> JsonValue:
    """Return the schema with ``${VAR}`` in place of every value that is more than free text."""
    match schema:
        case {"$ref": _}:
            return schema
        case dict() if _is_limited(schema):
            about: Schema = {key: schema[key] for key in _ABOUT if key in schema}
            limits: Schema = {key: value for key, value in schema.items() if key not in _ABOUT}
            return {**about, "anyOf": [limits, dict(_VARIABLE)]}
        case dict():
            return {key: _inside(key, value) for key, value in schema.items()}
        case list():
            return [_with_variables(item) for item in schema]
    return schema


def _inside(key: str, value: JsonValue) -> JsonValue:
    match key, value:
        case ("properties", dict()):
            return {name: _with_variables(field) for name, field in value.items()}
        case ("items" | "additionalProperties" | "anyOf" | "oneOf" | "allOf", dict() | list()):
            return _with_variables(value)
    return value


def _is_limited(schema: Schema) -> bool:
    kind = schema.get("type")
    if isinstance(kind, list):
        return "string" not in kind
    is_text = kind == "string" and any(key in schema for key in ("pattern", "enum", "format", "maxLength"))
    return kind in _SCALARS or is_text or "const" in schema or ("enum" in schema and kind is None)


def _in_words_of_json_schema(schema: JsonValue) -> JsonValue:
    """Return the schema with limits that pydantic writes in its own words, next to the schema of a type."""
    match schema:
        case dict():
            return {
                _LIMITS.get(key, key) if isinstance(value, int | float) else key: _in_words_of_json_schema(value)
                for key, value in schema.items()
            }
        case list():
            return [_in_words_of_json_schema(item) for item in schema]
    return schema


def _map(value: JsonValue) -> Schema:
    assert isinstance(value, dict)
    return value
