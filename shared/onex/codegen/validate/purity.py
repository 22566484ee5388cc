"""Purity of COMPUTE, REDUCER and ORCHESTRATOR: equal messages have equal results, and nothing else happens.

The syntax tree is checked, with names resolved through imports, assignments and strings. It proves nothing about code
that a node calls in libraries.
"""

import ast

from onex.codegen.validate.changes import check_changes
from onex.codegen.validate.names import Place, places
from onex.codegen.validate.purity_names import ASYNC, CLOCK, DYNAMIC, FILE_METHODS, IO, RANDOM, refused
from onex.codegen.validate.rule import Findings, Rule, shown
from onex.codegen.validate.sources import Module

_TIMEZONE = Rule("purity.timezone", "name the time zone: datetime.fromtimestamp(seconds, UTC)")
_LOCAL = "the time zone of the machine decides the result"
_PATH_LOOKUPS = frozenset(
    [
        "open",
        "exists",
        "is_file",
        "is_dir",
        "is_symlink",
        "stat",
        "lstat",
        "glob",
        "rglob",
        "resolve",
        "owner",
        "samefile",
    ]
)


def check_purity(module: Module) -> Findings:
    """Yield what makes a module of a pure node depend on more than its messages, or change more than its results."""
    for place in places(module.tree, module.names):
        yield from _name(module, place)
        yield from _call(module, place)
        yield from _coroutine(module, place)
        yield from check_changes(module, place)


def _name(module: Module, place: Place) -> Findings:
    match place.node:
        case ast.Name(ctx=ast.Store()):  # the field `id: str` of a message is no use of the function
            return
        case ast.Name() | ast.Attribute() | ast.Call() | ast.Subscript() as node if place.is_maximal:
            origin = module.names.origin(node, place.bound)
            if origin and (found := refused(origin)):
                rule, words = found
                yield rule.at(module.path, node, f"{shown(origin.removeprefix('builtins.'))} {words}")


def _call(module: Module, place: Place) -> Findings:
    node = place.node
    if not isinstance(node, ast.Call):
        return
    origin = module.names.origin(node.func, place.bound)
    match node.func:
        case ast.Attribute(attr=name) if name in FILE_METHODS and not origin:
            yield IO.at(module.path, node, f"{name}() reads or writes a file")
        case ast.Attribute(value=ast.Call(func=maker), attr=name) if name in _PATH_LOOKUPS:
            if module.names.origin(maker, place.bound).startswith("pathlib."):
                yield IO.at(module.path, node, "a path is looked up in the file system")
        case ast.Attribute(attr="astimezone") if not node.args and not node.keywords:
            yield _TIMEZONE.at(module.path, node, _LOCAL)
    match origin, node.args:
        case "builtins.getattr", [_, ast.Constant(value=str()), *_]:
            pass
        case "builtins.getattr", _:
            yield DYNAMIC.at(module.path, node, "getattr with a name that is known at run time only")
        case "random.Random", []:
            yield RANDOM.at(module.path, node, "random.Random without a seed is random", "pass a seed of the message")
        case "datetime.datetime.fromtimestamp", [_] if not node.keywords:
            yield _TIMEZONE.at(module.path, node, _LOCAL)
        case (("datetime.date.fromtimestamp" | "time.mktime"), _):
            yield _TIMEZONE.at(module.path, node, _LOCAL)
        case (("time.asctime" | "email.utils.formatdate" | "email.utils.localtime"), []):
            yield CLOCK.at(module.path, node, f"{origin} without a time reads the clock")
        case "time.strftime", [_]:
            yield CLOCK.at(module.path, node, f"{origin} without a time reads the clock")


def _coroutine(module: Module, place: Place) -> Findings:
    match place.node:
        case ast.AsyncFunctionDef(name=name):
            yield ASYNC.at(module.path, place.node, f"{shown(name)} is a coroutine")
        case ast.Await() | ast.AsyncFor() | ast.AsyncWith():
            yield ASYNC.at(module.path, place.node, "waits")
