"""A request by ``self.http_client``."""

from collections.abc import Iterable
from typing import Final
from urllib.parse import SplitResult, urlsplit

from pydantic import JsonValue

from onex.codegen.render.bodies.body import Block, raising, under
from onex.codegen.render.bodies.code import Call, Constant, Expression, Items, Text, statement
from onex.codegen.render.bodies.operation_part import Part
from onex.codegen.render.bodies.scope import Facts, block_of
from onex.codegen.render.bodies.sources import Built, Root, Scope, combined, construct, item, value_of
from onex.codegen.render.bodies.typed_fields import selected, typed_imports, typed_root, used_fields
from onex.codegen.render.values import literal
from onex.model.contract import FieldValues, ModelContract, ModelHttpOperation, ModelPath

_MIXIN, _KEY = "MixinHttpClient", "http_client"
_SENT: Final = "sent"
"""Variable with the message as JSON: a request has no times, ids and bytes as Python has them."""


def http_operation(facts: Facts, operation: ModelHttpOperation, scope: Scope) -> Part:
    """Return a request, and the check of its response."""
    service, problem = _service(facts.contract, operation)
    sources = {name: Root(_SENT, first=item, inner=item) for name in scope}
    places: FieldValues = {f"value{number}": path for number, path in enumerate(operation.url.paths, 1)}
    path = "".join(
        f"{text}{{{place}}}" if place else text
        for text, place in zip(operation.url.texts, [*places, ""], strict=True)
    )
    arguments: list[tuple[str, Expression]] = [("", Text(operation.method)), ("", Text(service)), ("", Text(path))]
    constants: set[Constant] = {operation.method, service, path, operation.timeout, *operation.expected, *places}
    built: list[Built] = []
    for name, values in (("values", places), ("query", operation.query), ("json", operation.body)):
        if values:
            built.append(_items(values, sources))
            arguments.append((name, built[-1].expression))
            constants |= set(values)
    if operation.body == {}:
        arguments.append(("json", Items("{}", [])))
    if operation.headers:
        pairs = operation.headers.items()
        arguments.append(("headers", Items("{}", [(f"{literal(name)}: ", Text(value)) for name, value in pairs])))
        constants |= {text for pair in pairs for text in pair}
    statuses = repr(tuple(dict.fromkeys(operation.expected)))
    arguments += [("timeout", repr(operation.timeout)), ("accept", statuses)]
    circuit = facts.circuits.get(service)
    call = Call("self.http_client.request", arguments)
    request = statement("response = await ", call, depth=3 if circuit else 2)
    if circuit:
        request = list(under(f"async with self.{circuit}.guard():", Block(request)).lines)
    used = combined("", built)
    paths = [*_paths(places), *_paths(operation.query), *_paths(operation.body or {})]
    first = [f'{_SENT} = command.model_dump(mode="json")'] if paths else []
    words = f"{operation.handler}: {service} responded with a status that the contract does not expect"
    refusal = under(f"if response.status not in {statuses}:", raising("RejectedError", words, depth=3))
    block = block_of(facts, [*first, *request, *refusal.lines], used)
    block = Block(block.lines, block.imports | refusal.imports, block.constants | refusal.constants | constants)
    problems = (*([problem] if problem else []), *used.problems)
    return _with_output(facts, operation, scope, Part(block, problems=problems))


def _with_output(facts: Facts, operation: ModelHttpOperation, scope: Scope, part: Part) -> Part:
    if not operation.output:
        return part
    ((message, values),) = operation.output.items()
    types, problems = selected(operation.response, used_fields("response", values))
    block = part.block
    if types:
        lines = [*block.lines, "content = response.json()"]
        block = Block(lines, block.imports | typed_imports(types), block.constants | {*types})
    roots = {"response": typed_root("content", types), "status": Root("status")}
    if any(path.root == "status" for path in _paths(values)):
        block = Block([*block.lines, "status = response.status"], block.imports, block.constants)
    output = construct(message, values, {**scope, **roots}, facts.models)
    return Part(block, output, (*part.problems, *problems, *output.problems))


def _items(values: FieldValues, scope: Scope) -> Built:
    """Return ``{"name": value}``."""
    parts = {name: value_of(value, scope, "") for name, value in values.items()}
    pairs = [(f"{literal(name)}: ", part.expression) for name, part in parts.items()]
    return combined(Items("{}", pairs), parts.values())


def _paths(values: FieldValues) -> list[ModelPath]:
    return [path for value in values.values() for path in value.paths]


def _service(contract: ModelContract, operation: ModelHttpOperation) -> tuple[str, str]:
    """Return the name of the service that takes the request, or a problem."""
    services = dict(_services(contract))
    url = urlsplit(operation.url.texts[0])
    if not url.netloc:
        if len(services) == 1:
            return next(iter(services)), ""
        return "", f"{len(services)} services are configured for http_client, so {operation.url} has no single host"
    for name, base in services.items():
        if (base.scheme, base.netloc) == (url.scheme, url.netloc):
            return name, ""
    return "", f"no service of http_client has the host {url.netloc}"


def _services(contract: ModelContract) -> Iterable[tuple[str, SplitResult]]:
    config: dict[str, JsonValue] = dict(contract.subcontracts.get(_KEY, {}))
    for declared in contract.mixins:
        if declared.name == _MIXIN and declared.enabled:
            config |= declared.config
    services = config.get("services")
    for service in services if isinstance(services, list) else []:
        if isinstance(service, dict) and isinstance(name := service.get("name"), str):
            yield name, urlsplit(str(service.get("base_url", "")))
