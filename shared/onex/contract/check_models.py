"""Checks the message classes of a node against its contract, and against the limits of topics."""

from collections.abc import Mapping

from onex.contract.checker import Checker
from onex.contract.yaml_lines import Location
from onex.model.contract import ModelDefinitions
from onex.model.contract.field_type import to_annotation
from onex.model.message import Message
from onex.util.default_value import default_problem
from onex.util.partition_key import KEY_TYPES, key_problem


def check_models(models: Mapping[str, type[Message]], checker: Checker) -> None:
    """Check names, keys and defaults of messages: Avro names are ASCII, keys have one text, defaults are constant."""
    for name, model in sorted(models.items()):
        at: Location = ("definitions", "models", name)
        for part in (name, *model.model_fields):
            if not part.isascii():
                checker.add(at, f"models/: {name}: {part!r} cannot be sent", "write ASCII letters and digits")
    for name, model in sorted(models.items()):
        if model.key_field is None:
            continue
        if reason := key_problem(model.model_fields[model.key_field].annotation):
            at = ("definitions", "models", name, "key")
            checker.add(at, f"models/: {name}.{model.key_field} is no key: {reason}", f"key it by {KEY_TYPES}")
    for name, model in sorted(models.items()):
        for field, info in model.model_fields.items():
            if reason := default_problem(info):
                problem, _, remedy = reason.partition("; ")
                at = ("definitions", "models", name, "fields", field)
                checker.add(at, f"models/: {name}.{field}: {problem}", remedy)


def check_definitions(definitions: ModelDefinitions, models: Mapping[str, type[Message]], checker: Checker) -> None:
    """Check that the classes in ``models/`` have exactly the fields and keys that the contract defines."""
    for name, definition in definitions.models.items():
        at: Location = ("definitions", "models", name)
        model = checker.model(name, at)
        if model is None:
            continue
        if model.key_field != definition.key:
            checker.add(at, f"{name} is keyed by {model.key_field}", f"write key={definition.key!r}")
        declared = {field: to_annotation(text, models) for field, text in definition.fields.items()}
        present = {field: info.annotation for field, info in model.model_fields.items()}
        for field in sorted(declared.keys() | present.keys()):
            if declared.get(field) != present.get(field):
                checker.add(
                    (*at, "fields", field),
                    f"{name}.{field} is {present.get(field, 'missing')} in models/",
                    f"the contract says {definition.fields.get(field, 'nothing')}",
                )
