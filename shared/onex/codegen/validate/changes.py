"""Changes of objects that outlive the call of a pure handler: the node, its module, its messages."""

import ast
from collections.abc import Iterator

from onex.codegen.validate.names import Place
from onex.codegen.validate.purity_names import MUTATORS
from onex.codegen.validate.rule import Findings, Rule, shown
from onex.codegen.validate.sources import Module

_GLOBAL = Rule("purity.global", "return the value, or store it in the state")
_SELF = Rule("purity.instance_state", "store it in the state of a REDUCER; an instance handles messages of many keys")
_INPUT = Rule("purity.mutation", "make a new value: model_copy(update=...), or a new list")
_MESSAGES = frozenset({"state", "event", "request", "command", "run", "context", "message", "old"})
_SETUP = frozenset({"__init__", "__post_init__", "__new__", "__set_name__", "__init_subclass__", "model_post_init"})


def check_changes(module: Module, place: Place) -> Findings:
    """Yield a finding for an assignment or a method that changes such an object."""
    if not place.scopes:
        return  # the module builds its constants when it is imported
    match place.node:
        case ast.Global(names=names):
            yield _GLOBAL.at(module.path, place.node, f"writes to {', '.join(map(shown, names))} of the module")
        case ast.Nonlocal(names=names):
            yield _GLOBAL.at(
                module.path, place.node, f"writes to {', '.join(map(shown, names))} of an outer function"
            )
        case ast.Call(func=ast.Attribute(value=value, attr=name)) if name in MUTATORS:
            yield from _changed(module, place, value, f"{name}()", is_direct=False)
        case ast.Call(func=ast.Name(id="next"), args=[ast.Name() | ast.Attribute() as value, *_]):
            yield from _changed(module, place, value, "next()", is_direct=False)
        case ast.Assign(targets=targets) | ast.Delete(targets=targets):
            for target in targets:
                yield from _target(module, place, target)
        case ast.AugAssign(target=target) | ast.AnnAssign(target=target, value=ast.expr()):
            yield from _target(module, place, target)


def _target(module: Module, place: Place, target: ast.expr) -> Findings:
    match target:
        case ast.Attribute(value=value):
            yield from _changed(module, place, value, "an assignment", is_direct=True)
        case ast.Subscript(value=value):
            yield from _changed(module, place, value, "an assignment", is_direct=False)
        case ast.Tuple(elts=parts) | ast.List(elts=parts):
            for part in parts:
                yield from _target(module, place, part)
        case ast.Starred(value=part):
            yield from _target(module, place, part)


def _changed(module: Module, place: Place, value: ast.expr, how: str, *, is_direct: bool) -> Findings:
    """Yield a finding when the changed object is not local. ``is_direct``: an attribute of it is assigned."""
    root, depth = _root(value)
    match root:
        case ast.Name(id=name) if name in _outliving(module, place) and depth + is_direct == 0:
            yield _GLOBAL.at(module.path, place.node, f"{how} changes {shown(name)}, which outlives the call")
        case ast.Name(id="cls") if _is_node(module, place) and (depth or is_direct):
            yield _GLOBAL.at(module.path, place.node, f"{how} changes a class")
        case ast.Name(id="self") if depth or is_direct:
            if _is_node(module, place) and _method(place) not in _SETUP:
                yield _SELF.at(module.path, place.node, f"{how} changes the node itself")
        case ast.Call(func=ast.Name(id="type")):
            yield _GLOBAL.at(module.path, place.node, f"{how} changes a class")
        case ast.Name(id=name) if name in place.bound:
            parts = _parts_of_messages(place)
            if name in parts and (depth or is_direct or parts[name]):
                yield _INPUT.at(module.path, place.node, f"{how} changes {shown(name)}, which belongs to the engine")
        case ast.Name(id=name) if name in module.names.module_level or module.names.origin(root):
            yield _GLOBAL.at(module.path, place.node, f"{how} changes {shown(name)} of the module")


def _outliving(module: Module, place: Place) -> set[str]:
    """Return local names of objects that later calls have, too.

    They are ``cache`` after ``cache = CACHE`` or ``cache = self.cache``, and a parameter with the default ``{}``.
    """
    found: set[str] = set()
    assigned: dict[str, list[ast.expr]] = {}
    for scope in place.scopes:
        parts = scope.function.args
        plain = [*parts.posonlyargs, *parts.args]
        pairs = [*zip(reversed(plain), reversed(parts.defaults), strict=False)]
        pairs += [(p, default) for p, default in zip(parts.kwonlyargs, parts.kw_defaults, strict=True) if default]
        found |= {part.arg for part, default in pairs if _is_container(default)}
    for node in ast.walk(place.scopes[0].function):
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                assigned.setdefault(name, []).append(value)
    for name, values in assigned.items():
        found.discard(name)
        if all(_is_shared(module, place, value) for value in values):
            found.add(name)
    return found


def _is_container(default: ast.expr) -> bool:
    match default:
        case ast.Dict() | ast.List() | ast.Set():
            return True
        case ast.Call(func=ast.Name(id="dict" | "list" | "set" | "defaultdict" | "deque" | "Counter")):
            return True
        case _:
            return False


def _is_shared(module: Module, place: Place, value: ast.expr) -> bool:
    """Whether an expression is an object of the module, or an attribute of the node."""
    match value:
        case ast.Name(id=name):
            return name in module.names.module_level and name not in place.bound
        case ast.Attribute(value=ast.Name(id="self")):
            return _is_node(module, place) and _method(place) not in _SETUP
        case _:
            return False


def _parts_of_messages(place: Place) -> dict[str, bool]:
    """Return the names that are messages, and whether each is a part of one: ``lines = state.lines`` is."""
    found: dict[str, bool] = {}
    for scope in place.scopes:
        parts = scope.function.args
        parameters = {part.arg for part in (*parts.posonlyargs, *parts.args, *parts.kwonlyargs)}
        found |= dict.fromkeys(parameters & _MESSAGES, False)
    for node in ast.walk(place.scopes[0].function):
        match node:
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                for option in _options(value):
                    root, depth = _root(option)
                    if isinstance(root, ast.Name) and root.id in found:
                        found[name] = found.get(name, False) or depth > 0 or found[root.id]
    return found


def _options(value: ast.expr) -> Iterator[ast.expr]:
    """Yield what an expression may be: both sides of ``or``, for example."""
    match value:
        case ast.BoolOp(values=values):
            for each in values:
                yield from _options(each)
        case ast.IfExp(body=body, orelse=other):
            yield from _options(body)
            yield from _options(other)
        case ast.NamedExpr(value=inner):
            yield from _options(inner)
        case _:
            yield value


def _root(value: ast.expr) -> tuple[ast.expr, int]:
    """Return the first name of ``a.b[c].d``, and how many steps follow it."""
    depth = 0
    while isinstance(value, ast.Attribute | ast.Subscript):
        value, depth = value.value, depth + 1
    return value, depth


def _is_node(module: Module, place: Place) -> bool:
    """Whether the place is in a method of a node. Other classes may be builders that live as long as a call."""
    bases = place.owner.bases if place.owner else []
    plain = (base.value if isinstance(base, ast.Subscript) else base for base in bases)
    names = (module.names.origin(base).rpartition(".")[2] for base in plain)
    return any(name.startswith(("Node", "Mixin")) for name in names)


def _method(place: Place) -> str:
    function = place.scopes[0].function
    return "" if isinstance(function, ast.Lambda) else function.name
