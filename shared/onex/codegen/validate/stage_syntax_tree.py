"""Stage AST: the node class, its handlers, and what a module does when it is imported."""

import ast
from collections.abc import Iterator, Mapping

from onex.codegen.validate.class_facts import NodeClass, node_classes
from onex.codegen.validate.names import places
from onex.codegen.validate.rule import Findings, Rule, shown
from onex.codegen.validate.sources import Module, Package
from onex.codegen.validate.wanted import Wanted, wanted_methods
from onex.model.contract import ModelContract

_CONTRACT = Rule("ast.contract", "write contract.yaml next to node.py")
_NODE = Rule("ast.node", "write node.py with one node class")
_CLASS = Rule("ast.class", "keep one node class in node.py")
_KIND = Rule("ast.kind", "change the base class or node_type")
_HANDLER = Rule("ast.handler", "write it, or fix the name in the contract")
_ASYNC = Rule("ast.async", "use the sort of function of this kind")
_ARITY = Rule("ast.arity", "take the arguments of this kind")
_ANNOTATION = Rule("ast.annotation", "annotate it: the contract is checked against annotations")
_IMPORT = Rule("ast.import_time", "move it into `start`, a handler or a function")
_STATEMENT = Rule("ast.statement", "move it into a function")

_PURE = frozenset(
    {
        *("re.compile", "enum.auto", "dataclasses.field", "collections.namedtuple", "functools.partial"),
        *("typing.TypeVar", "typing.NewType", "typing.cast", "typing.ParamSpec", "typing.NamedTuple"),
        *("structlog.get_logger", "logging.getLogger", "pathlib.Path", "pathlib.PurePath", "pathlib.PurePosixPath"),
        *("datetime.timedelta", "datetime.datetime", "datetime.date", "datetime.timezone", "decimal.Decimal"),
        *("uuid.UUID", "fractions.Fraction", "types.MappingProxyType", "zoneinfo.ZoneInfo", "textwrap.dedent"),
        *("operator.attrgetter", "operator.itemgetter", "functools.cache", "functools.lru_cache"),
    }
)
"""Calls that a module may make when it is imported."""
_PURE_MODULES = ("pydantic.", "onex.", "pydantic_core.")
_PURE_BUILTINS = frozenset(
    "builtins." + name
    for name in [
        "bool",
        "bytes",
        "complex",
        "dict",
        "enumerate",
        "filter",
        "float",
        "frozenset",
        "int",
        "len",
        "list",
        "map",
        "max",
        "min",
        "object",
        "property",
        "range",
        "repr",
        "reversed",
        "round",
        "set",
        "slice",
        "sorted",
        "staticmethod",
        "classmethod",
        "str",
        "sum",
        "super",
        "tuple",
        "type",
        "zip",
        "ord",
        "chr",
        "vars",
    ]
)
_HARMFUL = ("builtins.", "os.", "subprocess.", "socket.", "shutil.", "urllib.", "requests.", "httpx.", "asyncio.")


def check_syntax_tree(package: Package) -> Findings:
    """Yield findings about classes, handlers and statements. No file is imported."""
    for module in package.own_modules:
        yield from _import_time(module)
    if not package.is_node:
        return
    contract_path = package.path("contract.yaml")
    if contract_path not in package.files:
        yield _CONTRACT.at(contract_path, 0, "is missing")
    if package.node is None:
        yield _NODE.at(package.path("node.py"), 0, "is missing")
        return
    classes = node_classes(package)
    if len(classes) != 1:
        names = ", ".join(shown(found.name) for found in classes) or "none"
        line = classes[1].tree.lineno if classes else 1
        yield _CLASS.at(package.node.path, line, f"has to define one node class, has {names}")
        return
    if package.contract is not None:
        yield from _class(package.node.path, classes[0], package.contract)


def _class(path: str, found: NodeClass, contract: ModelContract) -> Findings:
    if found.kind is not contract.node_type:
        message = f"{shown(found.name)} is a {found.kind}, the contract says {contract.node_type}"
        yield _KIND.at(path, found.tree, message)
        return
    for wanted in wanted_methods(contract):
        method = found.methods.get(wanted.name)
        if method is None:
            if not found.has_foreign_bases:
                yield _HANDLER.at(path, found.tree, f"{shown(found.name)}.{wanted.name} does not exist")
            continue
        yield from _method(path, found, method, wanted)


def _method(path: str, found: NodeClass, method: ast.FunctionDef | ast.AsyncFunctionDef, wanted: Wanted) -> Findings:
    name = f"{shown(found.name)}.{wanted.name}"
    if isinstance(method, ast.AsyncFunctionDef) is not wanted.is_async:
        sort = "an `async def`" if wanted.is_async else "a plain `def`"
        yield _ASYNC.at(path, method, f"{name} has to be {sort}")
    parts = method.args
    parameters = [*parts.posonlyargs, *parts.args]
    if len(parameters) != len(wanted.parameters) or parts.vararg or parts.kwarg or parts.kwonlyargs:
        takes = ", ".join(shown(parameter.arg) for parameter in parameters)
        yield _ARITY.at(path, method, f"{name} takes ({takes})", f"take ({', '.join(wanted.parameters)})")
        return
    for parameter in parameters[1:]:
        if parameter.annotation is None:
            yield _ANNOTATION.at(path, method, f"{name} does not annotate {shown(parameter.arg)!r}")
    if method.returns is None:
        yield _ANNOTATION.at(path, method, f"{name} does not annotate its result")


def _import_time(module: Module) -> Findings:
    """Yield what a module does when it is imported, besides defining things."""
    for statement in _top_level(module.tree.body):
        match statement:
            case (
                ast.For() | ast.AsyncFor() | ast.While() | ast.With() | ast.AsyncWith() | ast.Delete() | ast.Assert()
            ):
                word = type(statement).__name__.lower()
                yield _STATEMENT.at(module.path, statement, f"runs a `{word}` statement when it is imported")
            case ast.Raise():
                yield _STATEMENT.at(module.path, statement, "raises when it is imported")
    for call, origin in _calls_of_import(module):
        if origin in _PURE or origin in _PURE_BUILTINS or origin.startswith(_PURE_MODULES):
            continue
        if origin.startswith(_HARMFUL):
            name = shown(origin.removeprefix("builtins."))
            yield _IMPORT.at(module.path, call, f"calls {name} when it is imported")


def _top_level(body: list[ast.stmt]) -> Iterator[ast.stmt]:
    """Yield statements of a module, and those in its `if` and `try`, but for ``if __name__ == "__main__"``."""
    for statement in body:
        match statement:
            case ast.If(test=ast.Compare(left=ast.Name(id="__name__"))):
                continue
            case ast.If(body=inner, orelse=other):
                yield from _top_level([*inner, *other])
            case ast.Try(body=inner, handlers=handlers, orelse=other, finalbody=last):
                yield from _top_level([*inner, *(s for h in handlers for s in h.body), *other, *last])
            case ast.ClassDef(body=inner):
                yield statement
                yield from _top_level(inner)
            case _:
                yield statement


def _calls_of_import(module: Module) -> Iterator[tuple[ast.Call, str]]:
    """Yield the calls outside of functions, with their origin. Defaults of parameters belong to them."""
    skipped: Mapping[int, ast.stmt] = {
        id(part): statement
        for statement in module.tree.body
        if isinstance(statement, ast.If) and isinstance(statement.test, ast.Compare)
        if isinstance(statement.test.left, ast.Name) and statement.test.left.id == "__name__"
        for part in ast.walk(statement)
    }
    for place in places(module.tree, module.names):
        if not isinstance(place.node, ast.Call) or id(place.node) in skipped:
            continue
        inside = [scope.function for scope in place.scopes]
        is_at_import = not inside or (len(inside) == 1 and _is_default(inside[0], place.node))
        if is_at_import and (origin := module.names.origin(place.node.func)):
            yield place.node, origin


def _is_default(function: ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda, call: ast.Call) -> bool:
    defaults = [*function.args.defaults, *(part for part in function.args.kw_defaults if part is not None)]
    return any(part is call for default in defaults for part in ast.walk(default))
