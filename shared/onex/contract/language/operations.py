"""Checks of ``io_operations``: their handlers, sources, types and capabilities."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from onex.contract.language.names import methods_of
from onex.contract.language.types import Models, PathError, Sources, names, type_of
from onex.contract.language.values import Problem, check_message, path_problem
from onex.contract.yaml_lines import Location
from onex.model.contract import (
    FieldValues,
    ModelContract,
    ModelFileOperation,
    ModelHttpOperation,
    ModelKafkaOperation,
    ModelLiteral,
    ModelPath,
    ModelPostgresOperation,
)
from onex.model.contract.field_type import field_type_names
from onex.model.enums import EnumFileOperation, EnumRows

Operation = ModelPostgresOperation | ModelHttpOperation | ModelKafkaOperation | ModelFileOperation
CAPABILITIES: Final[Mapping[str, tuple[str, str]]] = {
    "postgres": ("MixinDatabase", "database"),
    "http": ("MixinHttpClient", "http_client"),
    "file": ("MixinFiles", "files"),
}
"""Class name and key of the capability that a type of operation needs. A Kafka operation needs none."""
_IN_TEXT: Final = frozenset({"str", "int", "UUID", "date", "datetime"})
_IN_QUERY: Final = _IN_TEXT | {"float", "bool"}
_IN_FILE: Final = frozenset({"str", "bytes"})


def missing_capabilities(contract: ModelContract, composed: Iterable[str]) -> Iterator[Problem]:
    """Yield operations whose capability is not among the composed ones (class names or keys).

    An operation composes nothing by itself: its capability has a configuration that the operation does not have, such
    as the address of the server.
    """
    present = set(composed)
    for index, operation in enumerate(contract.io_operations):
        needed = CAPABILITIES.get(operation.type)
        if needed is not None and present.isdisjoint(needed):
            at: Location = ("io_operations", index)
            yield (
                at,
                f"an operation of type {operation.type} needs {needed[0]}",
                f"write `{needed[1]}:` in subcontracts",
            )


def operation_sources(operation: Operation, event: str, models: Models, *, for_output: bool) -> Sources:
    """Return the sources of an operation whose handler takes ``event``; ``for_output`` adds those of its result."""
    roots: dict[str, Mapping[str, str]] = {event: models[event].fields}
    plain: dict[str, str] = {}
    if for_output:
        match operation:
            case ModelPostgresOperation(rows=EnumRows.ONE):
                roots["row"] = operation.columns
            case ModelPostgresOperation(rows=EnumRows.MANY):
                roots["rows"] = {name: f"list[{text}]" for name, text in operation.columns.items()}
            case ModelHttpOperation():
                roots["response"] = operation.response
                plain["status"] = "int"
            case ModelFileOperation(operation=EnumFileOperation.READ):
                roots["file"] = {"content": "bytes" if operation.binary else "str"}
    return Sources(roots, plain)


def check_operations(contract: ModelContract, models: Models) -> Iterator[Problem]:
    """Check every operation against its handler and the messages."""
    methods = methods_of(contract)
    mapped = (
        {item.handler for item in contract.handler_routing.handlers if item.mapping}
        if contract.handler_routing
        else set()
    )
    outputs = Counter(item.handler for item in contract.io_operations if _output(item))
    for index, operation in enumerate(contract.io_operations):
        at: Location = ("io_operations", index)
        name = operation.handler
        if name not in methods:
            yield (*at, "handler"), f"no message is routed to {name!r}", f"the handlers are {names(methods)}"
            continue
        inputs, results = methods[name]
        if len(inputs) > 1:
            yield (*at, "handler"), f"{name} takes {names(inputs)}", "give each message a handler of its own"
            continue
        if inputs[0] not in models:
            yield (*at, "handler"), f"definitions have no message {inputs[0]}", "define it, or fix the name"
            continue
        for message in (*_output(operation), *_further(operation)):
            if message not in results:
                yield (*at, "output"), f"{name} does not declare {message} as an output", "add it to output_events"
        if _output(operation) and (outputs[name] > 1 or name in mapped):
            yield (
                (*at, "output"),
                f"{name} has more than one result",
                "keep one output, or the mapping of the handler",
            )
        yield from _check(contract, operation, inputs[0], models, at)


def _output(operation: Operation) -> Mapping[str, FieldValues]:
    match operation:
        case ModelKafkaOperation():
            return {}
        case _:
            return operation.output


def _further(operation: Operation) -> Mapping[str, FieldValues]:
    match operation:
        case ModelKafkaOperation():
            return operation.message
        case _:
            return {}


def _check(
    contract: ModelContract, operation: Operation, event: str, models: Models, at: Location
) -> Iterator[Problem]:
    sources = operation_sources(operation, event, models, for_output=False)
    match operation:
        case ModelPostgresOperation():
            for index, value in enumerate(operation.parameters):
                yield from _plain_value(value, sources, models, (*at, "parameters", index), "a statement")
            yield from _types(operation.columns, {}, (*at, "columns"))
        case ModelHttpOperation():
            yield from _in_text(operation.url.paths, sources, models, (*at, "url"))
            for name, value in operation.query.items():
                yield from _typed(value, _IN_QUERY, sources, models, (*at, "query", name))
            for name, value in (operation.body or {}).items():
                for path in value.paths:
                    yield from _exists(path, sources, models, (*at, "body", name))
            yield from _types(operation.response, models, (*at, "response"))
            if operation.timeout > contract.handler_timeout:
                words = f"{operation.timeout:g} s is more than the {contract.handler_timeout:g} s of delivery.timeout"
                yield (*at, "timeout"), words, "make it shorter"
        case ModelFileOperation():
            yield from _in_text(operation.path.paths, sources, models, (*at, "path"))
            if operation.content is not None:
                yield from _typed(operation.content, _IN_FILE, sources, models, (*at, "content"))
        case ModelKafkaOperation():
            for message, values in operation.message.items():
                yield from check_message(message, values, sources, models, (*at, "message", message))
    found = operation_sources(operation, event, models, for_output=True)
    for message, values in _output(operation).items():
        yield from check_message(message, values, found, models, (*at, "output", message))


def _types(declared: Mapping[str, str], models: Models, at: Location) -> Iterator[Problem]:
    for name, text in declared.items():
        if unknown := sorted(field_type_names(text) - set(models)):
            words = f"{text} is no type of a column" if not models else f"definitions have no message {unknown[0]}"
            yield (*at, name), words, "fix the type"


def _exists(path: ModelPath, sources: Sources, models: Models, at: Location) -> Iterator[Problem]:
    try:
        type_of(path, sources, models)
    except PathError as error:
        yield path_problem(error, at)


def _in_text(paths: Iterable[ModelPath], sources: Sources, models: Models, at: Location) -> Iterator[Problem]:
    for path in paths:
        yield from _typed(path, _IN_TEXT, sources, models, at)


def _typed(
    value: ModelPath | ModelLiteral, allowed: frozenset[str], sources: Sources, models: Models, at: Location
) -> Iterator[Problem]:
    """Check that a value has one of these types, and is never None."""
    match value:
        case ModelLiteral(literal=None):
            yield at, "null cannot be written as text", "leave it out"
        case ModelLiteral():
            kind = type(value.literal).__name__
            if kind not in allowed:
                yield at, f"a literal of type {kind} cannot be used here", f"write {', '.join(sorted(allowed))}"
        case ModelPath():
            try:
                found = type_of(value, sources, models)
            except PathError as error:
                yield path_problem(error, at)
                return
            if found not in allowed:
                yield at, f"{value} is {found}", f"use a field of type {', '.join(sorted(allowed))}"


def _plain_value(
    value: ModelPath | ModelLiteral, sources: Sources, models: Models, at: Location, user: str
) -> Iterator[Problem]:
    """Check that a value holds no message."""
    for path in value.paths:
        try:
            found = type_of(path, sources, models)
        except PathError as error:
            yield path_problem(error, at)
            continue
        if inner := sorted(field_type_names(found)):
            yield at, f"{path} is {found}, and {user} takes no {inner[0]}", "use one of its fields"
