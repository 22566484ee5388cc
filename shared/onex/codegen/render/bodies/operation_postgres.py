"""A statement on PostgreSQL, in a transaction of ``self.database``."""

from typing import Final

from onex.codegen.render.bodies.body import Block, joined, raising
from onex.codegen.render.bodies.code import Call, Text, statement
from onex.codegen.render.bodies.operation_part import Part
from onex.codegen.render.bodies.scope import Facts, block_of
from onex.codegen.render.bodies.sources import Scope, combined, construct, value_of
from onex.codegen.render.bodies.typed_fields import selected, typed_imports, typed_root, used_fields
from onex.model.contract import ModelPostgresOperation
from onex.model.enums import EnumRows

TRANSACTION: Final = "async with self.database.transaction() as connection:"
"""Rolls back when a statement below it fails, or returns another number of rows than the contract states."""


def postgres_operation(facts: Facts, operation: ModelPostgresOperation, scope: Scope) -> Part:
    """Return a statement and its parameters. The statement is a constant: the server binds the parameters."""
    parameters = [value_of(value, scope, "") for value in operation.parameters]
    arguments = [Text(operation.statement), *(built.expression for built in parameters)]
    built = combined("", parameters)
    is_read = operation.rows is not EnumRows.NONE
    rows = "rows" if operation.output else "returned"
    call = Call(f"connection.{'fetch' if is_read else 'execute'}", [("", argument) for argument in arguments])
    lines = statement(f"{rows} = await " if is_read else "await ", call, depth=3)
    block = block_of(facts, lines, built)
    block = Block(block.lines, block.imports, block.constants | {operation.statement})
    if operation.rows is EnumRows.ONE:
        words = f"{operation.handler}: the statement returned more or fewer rows than one"
        refusal = raising("RejectedError", words, depth=4)
        check = Block([f"if len({rows}) != 1:", *(f"    {line}" for line in refusal.lines)])
        block = joined([block, Block(check.lines, refusal.imports, refusal.constants)])
    if not operation.output:
        return Part(block, problems=built.problems)
    ((message, values),) = operation.output.items()
    root = "row" if operation.rows is EnumRows.ONE else "rows"
    types, problems = selected(operation.columns, used_fields(root, values))
    match operation.rows:
        case EnumRows.ONE:
            block = joined([block, "row = dict(rows[0])"])
            scope = {**scope, root: typed_root("row", types)}
        case EnumRows.MANY:
            scope = {**scope, root: typed_root("dict(row)", types, each="rows")}
        case EnumRows.NONE:
            pass
    block = Block(block.lines, block.imports | typed_imports(types), block.constants | {*types})
    output = construct(message, values, scope, facts.models)
    return Part(block, output, (*built.problems, *problems, *output.problems))


__all__ = ["TRANSACTION", "postgres_operation"]
