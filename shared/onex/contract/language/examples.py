"""Checks ``examples`` against the messages: their names, fields, and types of values."""

import ast
import json
from collections.abc import Iterator, Mapping
from functools import cache

from pydantic import JsonValue, TypeAdapter, ValidationError

from onex.contract.language.names import outputs_of, subscribed
from onex.contract.language.types import Models, is_optional, names
from onex.contract.language.values import Problem
from onex.contract.yaml_lines import Location
from onex.model.cancel import CancelWorkflow
from onex.model.contract import ModelContract
from onex.model.contract.field_type import PLAIN_TYPES
from onex.model.repeated import CompletionRepeated

_OF_WORKFLOWS = {CancelWorkflow.__name__, CompletionRepeated.__name__}
"""Messages that every declared workflow takes and publishes, without a definition."""


def check_examples(contract: ModelContract, models: Models) -> Iterator[Problem]:
    """Check that examples use messages that the node takes and publishes, and fields that these have."""
    extra = _OF_WORKFLOWS if contract.workflow_coordination else set[str]()
    taken = {*subscribed(contract)}
    published = {name for _, name in outputs_of(contract)} | {
        name for topic, name in contract.messages_by_topic().items() if topic in contract.event_bus.publish_topics
    }
    for index, case in enumerate(contract.examples):
        at: Location = ("examples", index)
        is_refused = case.then.dead_letter is not None
        for place, named, known in (
            *(((*at, "given", i), given, taken) for i, given in enumerate(case.given)),
            ((*at, "when"), case.when, taken),
            *(((*at, "then", "publishes", i), message, published) for i, message in enumerate(case.then.publishes)),
        ):
            for name, payload in named.items():
                if isinstance(payload, str) or name in extra:
                    continue
                if name not in models or name not in known:
                    words = f"the node {'takes' if known is taken else 'publishes'} no message {name[:80]!r}"
                    yield (*place, name), words, f"name one of {names(sorted(known))}"
                    continue
                whole = known is taken and not is_refused
                yield from _fields(name, payload, models, (*place, name), whole)


def _fields(
    message: str, payload: Mapping[str, JsonValue], models: Models, at: Location, whole: bool
) -> Iterator[Problem]:
    """Check the fields of a message. ``whole``: it is sent, so that each field that needs a value must have one."""
    fields = models[message].fields
    for name, value in payload.items():
        if name not in fields:
            yield (*at, name), f"{message} has no field {name[:80]!r}", f"it has {names(fields)}"
        else:
            yield from _value(ast.parse(fields[name], mode="eval").body, value, models, (*at, name), whole)
    missing = [name for name, text in fields.items() if name not in payload and not is_optional(text)]
    if missing and whole:
        yield at, f"{message} needs a value for {names(missing)}", "add them"


def _value(node: ast.expr, value: JsonValue, models: Models, at: Location, whole: bool) -> Iterator[Problem]:
    """Check a value against a type. A text of an expected message may stand for any value: ``"*"``."""
    match node, value:
        case ast.BinOp(left=left), _:
            if value is not None:
                yield from _value(left, value, models, at, whole)
        case _, str() if not whole:
            pass
        case ast.Name(id=name), dict() if name in models:
            yield from _fields(name, value, models, at, whole)
        case ast.Subscript(value=ast.Name(id="list"), slice=item), list():
            for index, part in enumerate(value):
                yield from _value(item, part, models, (*at, index), whole)
        case ast.Subscript(value=ast.Name(id="dict"), slice=ast.Tuple(elts=[_, item])), dict():
            for key, part in value.items():
                yield from _value(item, part, models, (*at, key), whole)
        case ast.Name(id=name), _ if name in PLAIN_TYPES and _fits(name, value):
            pass
        case _:
            yield at, f"the value is no {ast.unparse(node)}", "write a value of that type"


def _fits(plain: str, value: JsonValue) -> bool:
    """Return whether a message in JSON may have the value in a field of a plain type."""
    if plain == "bytes":  # base64, which the message itself decodes
        return isinstance(value, str)
    try:
        _adapter(plain).validate_json(json.dumps(value))
    except ValidationError:
        return False
    return True


@cache
def _adapter(plain: str) -> TypeAdapter[object]:
    return TypeAdapter(PLAIN_TYPES[plain])
