"""Parses Python of unknown origin into concrete syntax trees, and compares their parts."""

import ast
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import libcst as cst
from libcst.metadata import MetadataWrapper, PositionProvider

from onex.codegen.regenerate.notes import refuse

DEEPEST: Final = 100
"""Deepest nesting of a syntax tree: the tools that walk it call themselves once or more for each level."""
DEEPEST_PATTERN: Final = 4
"""Deepest nesting of mappings in a pattern of ``match``: the time that libcst takes grows by a factor with each."""
LARGEST: Final = 1 << 19
"""Longest file of Python, in characters."""
Statement = cst.SimpleStatementLine | cst.BaseCompoundStatement
_EMPTY = cst.Module([])


@dataclass(frozen=True, slots=True)
class Source:
    """A parsed file."""

    module: cst.Module
    lines: dict[int, int]
    """First line by ``id`` of each statement."""

    def line(self, node: cst.CSTNode | None) -> int:
        """Return the line of a statement of the file, or 0 for a part of another file."""
        return self.lines.get(id(node), 0)


def parsed(text: str, file: Path) -> Source:
    """Return the syntax tree of a file. Raise ContractError for text that is no Python, or too deep."""
    check(text, file)
    try:
        wrapper = MetadataWrapper(cst.parse_module(text), unsafe_skip_copy=True)
        positions = wrapper.resolve(PositionProvider)
    except cst.ParserSyntaxError as error:
        refuse(file, error.raw_line, "python", "is no Python that can be regenerated", "fix the syntax")
    except (RecursionError, MemoryError):
        refuse(file, 1, "python", "is nested too deeply", "split its expressions and blocks")
    lines = {
        id(node): place.start.line
        for node, place in positions.items()
        if isinstance(node, cst.SimpleStatementLine | cst.BaseCompoundStatement)
    }
    return Source(wrapper.module, lines)


def check(text: str, file: Path) -> ast.Module:
    """Return Python's own tree. Raise ContractError for text that is no Python, too long or too deep."""
    if len(text) > LARGEST:
        refuse(file, 1, "python", f"is longer than {LARGEST} characters", "split the file")
    try:
        tree = ast.parse(text)
    except SyntaxError as error:
        refuse(file, error.lineno or 1, "python", f"is no Python: {error.msg}", "fix the syntax")
    except ValueError as error:
        refuse(file, 1, "python", f"is no Python: {str(error)[:80]}", "fix the file")
    except (RecursionError, MemoryError):
        refuse(file, 1, "python", "is nested too deeply", "split its expressions and blocks")
    _check_depth(tree, ast.AST, DEEPEST, file)
    for node in ast.walk(tree):
        if isinstance(node, ast.match_case):
            _check_depth(node.pattern, ast.MatchMapping, DEEPEST_PATTERN, file)
    return tree


def _check_depth(root: ast.AST, counted: type[ast.AST], deepest: int, file: Path) -> None:
    """Raise ContractError when more nodes of a type than that are in one another."""
    level = [(root, 0)]
    while level:
        below: list[tuple[ast.AST, int]] = []
        for node, depth in level:
            if isinstance(node, counted):
                depth += 1
            if depth > deepest:
                line = getattr(node, "lineno", 1)
                refuse(
                    file, line, "python", f"is nested more than {deepest} levels deep", "split it into smaller parts"
                )
            below += [(child, depth) for child in ast.iter_child_nodes(node)]
        level = below


def code(node: cst.CSTNode) -> str:
    """Return a node as text."""
    return _EMPTY.code_for_node(node)


def same(one: cst.CSTNode | None, other: cst.CSTNode | None) -> bool:
    """Return whether two nodes have the same syntax and the same comments, however they are laid out."""
    if one is None or other is None:
        return one is other
    return normal(one) == normal(other)


def normal(node: cst.CSTNode) -> str:
    """Return a text that is equal for nodes with the same syntax and the same comments."""
    match node:
        case cst.SimpleStatementLine() | cst.FunctionDef() | cst.ClassDef():
            text = code(node.with_changes(leading_lines=()))
        case cst.BaseSuite():
            text = code(cst.FunctionDef(cst.Name("_"), cst.Parameters(), node))
        case cst.BaseExpression():
            text = f"({code(node)}\n)"
        case _:
            text = code(node)
    try:
        return "\n".join([ast.dump(ast.parse(text)), *_comments(node)])
    except (SyntaxError, ValueError):  # a part that is no statement, such as an argument
        return " ".join(text.split())


def _comments(node: cst.CSTNode) -> Iterator[str]:
    match node:
        case cst.SimpleStatementLine() | cst.FunctionDef() | cst.ClassDef():
            node = node.with_changes(leading_lines=())
        case _:
            pass
    yield from (part.value for part in walk(node) if isinstance(part, cst.Comment))


def walk(node: cst.CSTNode) -> Iterator[cst.CSTNode]:
    """Yield a node and the nodes in it, in the order of the text."""
    waiting = [node]
    while waiting:
        current = waiting.pop()
        yield current
        waiting += reversed(current.children)


def statements(body: cst.BaseSuite | cst.Module) -> Sequence[Statement]:
    """Return the statements of a block. ``class A: pass`` has one, as if it stood on a line of its own."""
    match body:
        case cst.Module(body=found) | cst.IndentedBlock(body=found):
            return [item for item in found if isinstance(item, cst.SimpleStatementLine | cst.BaseCompoundStatement)]
        case cst.SimpleStatementSuite(body=small):
            return [cst.SimpleStatementLine(small)]
        case _:
            return []


def with_statements(body: cst.BaseSuite, found: Sequence[Statement]) -> cst.BaseSuite:
    """Return the block with other statements, and with its comments."""
    match body:
        case cst.IndentedBlock():
            return body.with_changes(body=found)
        case _:
            return cst.IndentedBlock(found)


def docstring(statement: cst.CSTNode) -> bool:
    """Return whether a statement is nothing but a text."""
    match statement:
        case cst.SimpleStatementLine(body=[cst.Expr(value=cst.SimpleString() | cst.ConcatenatedString())]):
            return True
        case _:
            return False


def names_used(module: cst.Module) -> frozenset[str]:
    """Return the names that a module uses outside of its imports, also in quoted annotations and ``__all__``."""
    tree = ast.parse(module.code)
    body = [node for node in tree.body if not isinstance(node, ast.Import | ast.ImportFrom)]
    used: set[str] = set()
    for node in (part for root in body for part in ast.walk(root)):
        match node:
            case ast.Name(id=name):
                used.add(name)
            case ast.Assign(targets=[ast.Name(id="__all__")], value=ast.List() | ast.Tuple() as listed):
                used |= {str(item.value) for item in listed.elts if isinstance(item, ast.Constant)}
            case ast.arg(annotation=ast.expr() as annotation) | ast.AnnAssign(annotation=annotation):
                used |= _quoted(annotation)
            case ast.FunctionDef(returns=ast.expr() as annotation):
                used |= _quoted(annotation)
            case ast.AsyncFunctionDef(returns=ast.expr() as annotation):
                used |= _quoted(annotation)
            case ast.Call(func=ast.Name(id="cast"), args=[first, *_]):
                used |= _quoted(first)
            case _:
                pass
    return frozenset(used)


def _quoted(annotation: ast.expr) -> set[str]:
    """Return the names in the texts of an annotation."""
    texts = [node.value for node in ast.walk(annotation) if isinstance(node, ast.Constant)]
    names: set[str] = set()
    for text in texts:
        if isinstance(text, str) and len(text) < 1_000:
            try:
                names |= {node.id for node in ast.walk(ast.parse(text, mode="eval")) if isinstance(node, ast.Name)}
            except (SyntaxError, ValueError, RecursionError, MemoryError):
                continue
    return names
