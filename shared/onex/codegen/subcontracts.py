"""``subcontract.yaml`` of a capability: its configuration as JSON Schema, from the model that enforces it."""

import inspect

import yaml
from pydantic import BaseModel, JsonValue

from onex.capability import Mixin
from onex.codegen.field_docs import field_docs
from onex.codegen.model_parts import models_of


def subcontract_file(mixin: type[Mixin]) -> str:
    """Return the text of the file."""
    metadata, model = mixin.definition.metadata, mixin.definition.subcontract
    schema = model.model_json_schema()
    _describe(schema, model)
    for part in models_of(model)[1:]:
        _describe(schema["$defs"][part.__name__], part)
    content = {
        "name": metadata.key,
        "mixin": metadata.name,
        "interface_version": model.INTERFACE_VERSION.model_dump(),
        "schema": schema,
    }
    head = f"# Rendered from {model.__name__}; `make render` writes it.\n"
    return head + yaml.safe_dump(content, sort_keys=False, width=110, allow_unicode=True)


def _describe(schema: dict[str, JsonValue], model: type[BaseModel]) -> None:
    schema["description"] = " ".join((inspect.getdoc(model) or "").replace("``", "`").split())
    properties = schema["properties"]
    assert isinstance(properties, dict)
    for name, text in field_docs(model).items():
        if isinstance(field := properties.get(name), dict):
            field["description"] = text.replace("``", "`")
