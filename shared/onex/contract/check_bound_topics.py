"""Checks what ``event_bus.topics`` says about the fields of messages."""

from collections.abc import Mapping
from typing import get_args

from onex.contract.checker import Checker
from onex.contract.yaml_lines import Location
from onex.model.contract import ModelBoundTopic, ModelContract
from onex.model.message import Message
from onex.util.partition_key import KEY_TYPES, key_problem


def check_bound_topics(contract: ModelContract, models: Mapping[str, type[Message]], checker: Checker) -> None:
    """Check that keys and correlation ids are fields of the messages. Report problems to the checker."""
    for topic, bound in contract.event_bus.topics.items():
        for name in bound.names:
            if (model := models.get(name)) is not None:  # else reported where the topic is listed
                _check(bound, model, ("event_bus", "topics", topic), checker)
        written = topic in contract.event_bus.publish_topics
        if written and bound.type is not None and bound.type.field is not None:
            _check_type_field(bound, bound.type.field, models, ("event_bus", "topics", topic), checker)


def _check(bound: ModelBoundTopic, model: type[Message], at: Location, checker: Checker) -> None:
    names: dict[Location, str | None] = {("key",): bound.key}
    if bound.correlation is not None:
        names["correlation", "field"] = bound.correlation.field
    for place, name in names.items():
        if name is None:
            continue
        if name not in model.model_fields:
            fields = ", ".join(model.model_fields)
            checker.add((*at, *place), f"{model.__name__} has no field {name!r}", f"its fields are {fields}")
        elif problem := key_problem(model.model_fields[name].annotation):
            checker.add((*at, *place), f"{name}: {problem}", f"name a field of type {KEY_TYPES}")
    if bound.format == "bytes" and [field.annotation for field in model.model_fields.values()] != [bytes]:
        checker.add(
            (*at, "format"),
            f"{model.__name__} cannot hold a value in bytes",
            "give it one field, of type bytes, and nothing else",
        )
    if bound.key is not None and model.key_field not in (None, bound.key):
        checker.add(
            (*at, "key"),
            f"the key of {model.__name__} is {model.key_field}, wherever it travels",
            f"write key: {model.key_field}, or change the key of the class",
        )


def _check_type_field(
    bound: ModelBoundTopic, field: str, models: Mapping[str, type[Message]], at: Location, checker: Checker
) -> None:
    """Check that each message has the field with its type, and no other text in it, so that readers find it."""
    for text, name in bound.messages.items():
        found = models[name].model_fields.get(field) if name in models else None
        if name in models and (found is None or get_args(found.annotation) != (text,)):
            checker.add(
                (*at, "type", "field"),
                f"{name} does not say {text!r} in {field}",
                f'declare {field}: Literal["{text}"] = "{text}", or name a header',
            )
