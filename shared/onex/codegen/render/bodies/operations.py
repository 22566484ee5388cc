"""The I/O operations of an EFFECT's handler, in the order of the contract."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby

from onex.codegen.render.bodies.body import Block, joined, under
from onex.codegen.render.bodies.operation_file import file_operation
from onex.codegen.render.bodies.operation_http import http_operation
from onex.codegen.render.bodies.operation_part import Part
from onex.codegen.render.bodies.operation_postgres import TRANSACTION, postgres_operation
from onex.codegen.render.bodies.scope import Facts
from onex.codegen.render.bodies.sources import Built, Scope, construct
from onex.model.contract import ModelFileOperation, ModelHttpOperation, ModelKafkaOperation, ModelPostgresOperation
from onex.model.contract.io_operations import IoOperation
from onex.model.contract.sources import FieldValues


@dataclass(frozen=True, slots=True)
class Operations:
    """What the operations of one handler do, and the messages that they make."""

    blocks: Sequence[Block]
    output: Built | None = None
    """The message that the handler returns; None when no operation makes it."""
    messages: Sequence[Built] = field(default_factory=list)
    """Further messages, from operations of type ``kafka``."""
    problems: Sequence[str] = ()


def operations_of(facts: Facts, method: str, scope: Scope) -> Operations:
    """Return the operations of a method. ``scope`` has the message that it takes."""
    own = [operation for operation in facts.contract.io_operations if operation.handler == method]
    parts = [_part(facts, operation, scope) for operation in own]
    output = next((part.output for part in parts if part.output is not None), None)
    messages = [
        construct(message, values, scope, facts.models)
        for operation in own
        for message, values in _further(operation).items()
    ]
    problems = [problem for part in parts for problem in part.problems]
    return Operations(list(_blocks(own, parts)), output, messages, problems)


def _blocks(own: Sequence[IoOperation], parts: Sequence[Part]) -> Iterator[Block]:
    """Yield the statements. Consecutive operations on PostgreSQL are one transaction."""
    pairs = [(operation.type, part.block) for operation, part in zip(own, parts, strict=True)]
    for kind, group in groupby(pairs, key=lambda pair: pair[0]):
        block = joined(block for _, block in group)
        if block.lines:
            yield under(TRANSACTION, block) if kind == "postgres" else block


def _part(facts: Facts, operation: IoOperation, scope: Scope) -> Part:
    match operation:
        case ModelPostgresOperation():
            return postgres_operation(facts, operation, scope)
        case ModelHttpOperation():
            return http_operation(facts, operation, scope)
        case ModelFileOperation():
            return file_operation(facts, operation, scope)
        case ModelKafkaOperation():
            return Part(Block([]))


def _further(operation: IoOperation) -> Mapping[str, FieldValues]:
    """Return the message that an operation adds to the result."""
    match operation:
        case ModelKafkaOperation():
            return operation.message
        case _:
            return {}
