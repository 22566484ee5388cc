"""A file, by ``self.files``."""

from onex.codegen.render.bodies.body import NODE_API, Block, joined, raising, under
from onex.codegen.render.bodies.code import Call, Expression, Text, statement
from onex.codegen.render.bodies.operation_part import Part
from onex.codegen.render.bodies.scope import Facts, block_of
from onex.codegen.render.bodies.sources import Root, Scope, combined, construct, value_of
from onex.codegen.render.bodies.typed_fields import used_fields
from onex.model.contract import ModelFileOperation
from onex.model.enums import EnumFileOperation


def file_operation(facts: Facts, operation: ModelFileOperation, scope: Scope) -> Part:
    """Return the operation on a file. Values in its path are quoted."""
    values = [value_of(path, scope, "") for path in operation.path.paths]
    template = "{}".join(operation.path.texts)
    path: Expression = Text(template)
    imports: set[tuple[str, str]] = set()
    if values:
        path = Call("path_of", [("", Text(template)), *(("", built.expression) for built in values)])
        imports.add((NODE_API, "path_of"))
    arguments = [("", path)]
    if operation.content is not None:
        content = value_of(operation.content, scope, "")
        values.append(content)
        arguments.append(("", Call("bytes_of", [("", content.expression)])))
        imports.add((NODE_API, "bytes_of"))
    is_read = operation.operation is EnumFileOperation.READ
    call = Call(f"self.files.{operation.operation}", arguments)
    built = combined("", values)
    variable = "file" if operation.output else "found"  # another operation of the handler may have the output
    lines = statement(f"{variable} = await " if is_read else "await ", call, depth=2)
    block = block_of(facts, lines, built, *imports)
    block = Block(block.lines, block.imports, block.constants | {template})
    if is_read:
        refusal = raising("RejectedError", f"{operation.handler}: there is no file at the path", depth=3)
        block = joined([block, under(f"if {variable} is None:", refusal)])
    if not operation.output:
        return Part(block, problems=built.problems)
    ((message, fields),) = operation.output.items()
    if is_read:
        scope = {**scope, "file": _content(binary=operation.binary)}
        if not operation.binary and used_fields("file", fields):
            block = Block(block.lines, block.imports | {(NODE_API, "utf8_text")}, block.constants)
    output = construct(message, fields, scope, facts.models)
    return Part(block, output, (*built.problems, *output.problems))


def _content(*, binary: bool) -> Root:
    """Return the root ``file``, whose only field is ``content``."""

    def read(file: str, _field: str) -> str:
        return file if binary else f"utf8_text({file})"

    return Root("file", first=read)
