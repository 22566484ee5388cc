"""Checks what ``event_bus.topics`` says about the fields of messages."""

from collections.abc import Mapping

from onex.contract.checker import Checker
from onex.contract.yaml_lines import Location
from onex.model.contract import ModelContract
from onex.model.message import Message
from onex.util.partition_key import KEY_TYPES, key_problem


def check_bound_topics(contract: ModelContract, models: Mapping[str, type[Message]], checker: Checker) -> None:
    """Check that keys and correlation ids are fields of the messages. Report problems to the checker."""
    for topic, bound in contract.event_bus.topics.items():
        model = models.get(bound.message)
        if model is None:
            continue  # reported where the topic is listed
        at: Location = ("event_bus", "topics", topic)
        names: dict[Location, str | None] = {("key",): bound.key}
        if bound.correlation is not None:
            names["correlation", "field"] = bound.correlation.field
        for place, name in names.items():
            if name is None:
                continue
            if name not in model.model_fields:
                fields = ", ".join(model.model_fields)
                checker.add((*at, *place), f"{bound.message} has no field {name!r}", f"its fields are {fields}")
            elif problem := key_problem(model.model_fields[name].annotation):
                checker.add((*at, *place), f"{name}: {problem}", f"name a field of type {KEY_TYPES}")
        if bound.format == "bytes" and [field.annotation for field in model.model_fields.values()] != [bytes]:
            checker.add(
                (*at, "format"),
                f"{bound.message} cannot hold a value in bytes",
                "give it one field, of type bytes, and nothing else",
            )
        if bound.key is not None and model.key_field not in (None, bound.key):
            checker.add(
                (*at, "key"),
                f"the key of {bound.message} is {model.key_field}, wherever it travels",
                f"write key: {model.key_field}, or change the key of the class",
            )
