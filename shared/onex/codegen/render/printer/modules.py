"""Modules, classes and statements in the style of `ruff format`."""

import ast
import sys
from collections.abc import Iterator, Sequence

from onex.codegen.render.printer.expressions import STEP, WIDTH, flat, laid_out

_Function = ast.FunctionDef | ast.AsyncFunctionDef


def formatted(source: str) -> str:
    """Return the module with the same syntax tree, formatted. Comments are lost. Raise SyntaxError."""
    tree = ast.parse(source)
    lines: list[str] = []
    before: ast.stmt | None = None
    for statement in tree.body:
        lines += [""] * _blank_lines(before, statement)
        lines += _statement(statement, 0, is_docstring=before is None)
        before = statement
    written = "".join(f"{line}\n" for line in "\n".join(lines).split("\n"))
    assert ast.dump(ast.parse(written)) == ast.dump(tree), "formatting changed the meaning"
    return written


def _blank_lines(before: ast.stmt | None, statement: ast.stmt) -> int:
    """Return the number of blank lines between two statements of a module."""
    match before, statement:
        case None, _:
            return 0
        case ast.Import() | ast.ImportFrom(), ast.Import() | ast.ImportFrom():
            return int(_group(before) != _group(statement))
        case (ast.ClassDef() | ast.FunctionDef() | ast.AsyncFunctionDef(), _) | (
            _,
            ast.ClassDef() | ast.FunctionDef() | ast.AsyncFunctionDef(),
        ):
            return 2
        case (ast.Expr() | ast.Import() | ast.ImportFrom(), _) | (_, ast.Import() | ast.ImportFrom()):
            return 1
    return 0


def _group(statement: ast.stmt) -> int:
    """Return 0 for Python's library, 2 for the library and for nodes, 1 for all other packages."""
    match statement:
        case ast.ImportFrom(module=str(module)):
            top = module.partition(".")[0]
            return 0 if top in sys.stdlib_module_names else 2 if top == "onex" or top.startswith("node_") else 1
        case ast.Import(names=[alias, *_]):
            return 0 if alias.name.partition(".")[0] in sys.stdlib_module_names else 1
    return 1


def _statement(node: ast.stmt, indent: int, *, is_docstring: bool = False) -> list[str]:
    pad = " " * indent
    match node:
        case ast.Expr(value=ast.Constant(value=str(text))) if is_docstring and '"' not in text and "\\" not in text:
            return [f'{pad}"""{text}"""']
        case ast.Expr(value=value):
            return [f"{pad}{laid_out(value, indent, indent)}"]
        case ast.Return(value=ast.expr() as value):
            return [f"{pad}return {laid_out(value, indent, indent + 7)}"]
        case ast.Assign(targets=[target], value=value):
            start = f"{pad}{flat(target)} = "
            return [f"{start}{laid_out(value, indent, len(start))}"]
        case ast.AnnAssign(target=target, annotation=annotation, value=value):
            start = f"{pad}{flat(target)}: "
            start += laid_out(annotation, indent, len(start), 3 if value else 0)
            end = len(start) - start.rfind("\n") - 1
            return [start if value is None else f"{start} = {laid_out(value, indent, end + 3)}"]
        case ast.Raise(exc=ast.expr() as error, cause=cause):
            last = "" if cause is None else f" from {flat(cause)}"
            return [f"{pad}raise {laid_out(error, indent, indent + 6, len(last))}{last}"]
        case ast.ImportFrom():
            return _import(node, pad)
        case ast.FunctionDef() | ast.AsyncFunctionDef():
            return _function(node, indent)
        case ast.ClassDef():
            return _class(node, indent)
        case _:
            return _compound(node, indent)


def _compound(node: ast.stmt, indent: int) -> list[str]:
    pad = " " * indent
    match node:
        case ast.If(test=test, body=body, orelse=other):
            lines = [f"{pad}if {laid_out(test, indent, indent + 3, 1)}:", *block(body, indent + STEP)]
            match other:
                case []:
                    return lines
                case [ast.If() as further]:
                    first, *following = _compound(further, indent)
                    return [*lines, f"{pad}el{first[indent:]}", *following]
                case _:
                    return [*lines, f"{pad}else:", *block(other, indent + STEP)]
        case ast.With(items=[item], body=body) | ast.AsyncWith(items=[item], body=body):
            start = f"{pad}{_async(node)}with "
            last = f"{'' if item.optional_vars is None else f' as {flat(item.optional_vars)}'}:"
            header = f"{start}{laid_out(item.context_expr, indent, len(start), len(last))}{last}"
            return [header, *block(body, indent + STEP)]
        case ast.For(target=target, iter=items, body=body, orelse=[]):
            start = f"{pad}for {flat(target)} in "
            return [f"{start}{laid_out(items, indent, len(start), 1)}:", *block(body, indent + STEP)]
        case ast.Match(subject=subject, cases=cases):
            lines = [f"{pad}match {laid_out(subject, indent, indent + 6, 1)}:"]
            for case in cases:
                guard = "" if case.guard is None else f" if {flat(case.guard)}"
                lines += [f"{pad}    case {flat(case.pattern)}{guard}:", *block(case.body, indent + 2 * STEP)]
            return lines
        case ast.Try(body=body, handlers=handlers, orelse=[], finalbody=[]):
            lines = [f"{pad}try:", *block(body, indent + STEP)]
            for handler in handlers:
                kind = "" if handler.type is None else f" {flat(handler.type)}"
                name = "" if handler.name is None else f" as {handler.name}"
                lines += [f"{pad}except{kind}{name}:", *block(handler.body, indent + STEP)]
            return lines
        case _:
            return [f"{pad}{line}" for line in ast.unparse(node).split("\n")]


def _async(node: ast.stmt) -> str:
    match node:
        case ast.AsyncFunctionDef() | ast.AsyncWith():
            return "async "
    return ""


def block(body: Sequence[ast.stmt], indent: int) -> Iterator[str]:
    """Yield the lines of the body of a function, class or other statement."""
    before: ast.stmt | None = None
    for statement in body:
        match before, statement:
            case (ast.FunctionDef() | ast.AsyncFunctionDef(), _) | (
                ast.stmt(),
                ast.FunctionDef() | ast.AsyncFunctionDef(),
            ):
                yield ""
        yield from _statement(statement, indent, is_docstring=before is None)
        before = statement


def _class(node: ast.ClassDef, indent: int) -> list[str]:
    pad = " " * indent
    lines = [f"{pad}@{flat(decorator)}" for decorator in node.decorator_list]
    if node.bases or node.keywords:
        call = ast.Call(ast.Name(node.name), node.bases, node.keywords)
        lines.append(f"{pad}class {laid_out(call, indent, indent + 6, 1)}:")
    else:
        lines.append(f"{pad}class {node.name}:")
    first, *others = node.body
    lines += _statement(first, indent + STEP, is_docstring=True)
    match first, others:
        case ast.Expr(), [_, *_]:
            lines.append("")
    return [*lines, *block(others, indent + STEP)]


def _function(node: _Function, indent: int) -> list[str]:
    pad = " " * indent
    lines = [f"{pad}@{flat(decorator)}" for decorator in node.decorator_list]
    start = f"{pad}{_async(node)}def {node.name}("
    returns = "" if node.returns is None else f" -> {flat(node.returns)}"
    one_line = f"{start}{flat(node.args)}){returns}:"
    arguments = node.args
    if len(one_line) <= WIDTH or arguments.vararg or arguments.kwarg or arguments.kwonlyargs or arguments.defaults:
        lines.append(one_line)
    else:
        inner = indent + STEP
        together = f"{' ' * inner}{flat(arguments)}"
        parameters = [together] if len(together) <= WIDTH else [_parameter(item, inner) for item in arguments.args]
        lines += [start, *parameters]
        if node.returns is not None and len(f"{pad}){returns}:") > WIDTH:
            returns = f" -> {laid_out(node.returns, indent, WIDTH)}"
        lines.append(f"{pad}){returns}:")
    return [*lines, *block(node.body, indent + STEP)]


def _parameter(argument: ast.arg, indent: int) -> str:
    start = f"{' ' * indent}{argument.arg}"
    if argument.annotation is None:
        return f"{start},"
    return f"{start}: {laid_out(argument.annotation, indent, len(start) + 2, 1, bare=False)},"


def _import(node: ast.ImportFrom, pad: str) -> list[str]:
    names = [alias.name + (f" as {alias.asname}" if alias.asname else "") for alias in node.names]
    start = f"{pad}from {'.' * node.level}{node.module or ''} import "
    one_line = f"{start}{', '.join(names)}"
    if len(one_line) <= WIDTH:
        return [one_line]
    return [f"{start}(", *(f"{pad}{' ' * STEP}{name}," for name in names), f"{pad})"]
