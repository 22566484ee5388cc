"""Checks ``examples`` against the messages: their names and fields. The values are checked when the examples run."""

import ast
from collections.abc import Iterator, Mapping

from pydantic import JsonValue

from onex.contract.language.names import outputs_of, subscribed
from onex.contract.language.types import Models, is_optional, names
from onex.contract.language.values import Problem
from onex.contract.yaml_lines import Location
from onex.model.cancel import CancelWorkflow
from onex.model.contract import ModelContract
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
    match node, value:
        case ast.BinOp(left=left), _ if value is not None:
            yield from _value(left, value, models, at, whole)
        case ast.Name(id=name), dict() if name in models:
            yield from _fields(name, value, models, at, whole)
        case ast.Subscript(value=ast.Name(id="list"), slice=item), list():
            for index, part in enumerate(value):
                yield from _value(item, part, models, (*at, index), whole)
        case ast.Subscript(value=ast.Name(id="dict"), slice=ast.Tuple(elts=[_, item])), dict():
            for key, part in value.items():
                yield from _value(item, part, models, (*at, key), whole)
