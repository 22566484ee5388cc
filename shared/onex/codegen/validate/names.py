"""What the names of a module stand for, through imports under other names, assignments and tricks with strings."""

import ast
import builtins
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

_BUILTINS = frozenset(dir(builtins))
_ROUNDS = 4
"""Length of chains of assignments that are followed: ``a = os; b = a; c = b``."""
_IMPORTERS = frozenset({"builtins.__import__", "importlib.import_module", "importlib.__import__"})
_NAMESPACES = frozenset({"builtins.vars"})

Function = ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda


@dataclass(frozen=True, slots=True)
class Scope:
    """A function, with what it binds itself: such a name is not that of the module."""

    function: Function
    bound: frozenset[str]


class Names:
    """Dotted origins: ``d.now`` is ``datetime.datetime.now`` after ``from datetime import datetime as d``."""

    def __init__(self, tree: ast.Module) -> None:
        self._origins: dict[str, str] = {}
        self.module_level = frozenset(_stored(tree.body))
        """Names that the module assigns or defines itself."""
        nodes = list(ast.walk(tree))
        for node in nodes:
            self._origins.update(_imported(node))
        self._imports = frozenset(self._origins)
        assigned = [pair for node in nodes for pair in _assigned(node)]
        for _ in range(_ROUNDS):
            for name, value in assigned:
                if name not in self._imports and (origin := self.origin(value)):
                    self._origins[name] = origin

    def origin(self, node: ast.expr, bound: frozenset[str] = frozenset()) -> str:
        """Return the dotted name of an expression, ``builtins.open`` for example. Empty when it is not known.

        ``bound`` are the names that the functions around the expression bind themselves.
        """
        match node:
            case ast.Name(id=name):
                if name in bound:
                    return ""
                if name == "__builtins__":
                    return "builtins"
                known = self._origins.get(name, "")
                return known or (f"builtins.{name}" if name in _BUILTINS and name not in self.module_level else "")
            case ast.Attribute(value=value, attr=attribute):
                return _joined(self.origin(value, bound), attribute)
            case ast.NamedExpr(value=value):
                return self.origin(value, bound)
            case ast.Call(func=function, args=[value, ast.Constant(value=str(attribute)), *_]):
                if self.origin(function, bound) == "builtins.getattr":
                    return _joined(self.origin(value, bound), attribute)
            case ast.Call(func=function, args=[ast.Constant(value=str(module)), *_]):
                if self.origin(function, bound) in _IMPORTERS:
                    return module
            case ast.Subscript(value=namespace, slice=ast.Constant(value=str(attribute))):
                return _joined(self._namespace(namespace, bound), attribute)
        return ""

    def _namespace(self, node: ast.expr, bound: frozenset[str]) -> str:
        """Return the dotted name of the object whose ``vars()`` or ``__dict__`` an expression is."""
        match node:
            case ast.Attribute(value=value, attr="__dict__"):
                return self.origin(value, bound)
            case ast.Call(func=function, args=[value]) if self.origin(function, bound) in _NAMESPACES:
                return self.origin(value, bound)
            case ast.Attribute(value=value, attr="modules") if self.origin(value, bound) == "sys":
                return "sys.modules"
        return "builtins" if self.origin(node, bound) == "builtins" else ""

    def bound_by(self, function: Function) -> frozenset[str]:
        """Return the names that a function binds and that hide names of the module: parameters and assignments."""
        parameters = function.args
        names = {a.arg for a in (*parameters.posonlyargs, *parameters.args, *parameters.kwonlyargs)}
        names |= {a.arg for a in (parameters.vararg, parameters.kwarg) if a is not None}
        if not isinstance(function, ast.Lambda):
            names |= {name for name in _stored(function.body) if name not in self._origins}
        return frozenset(names)


@dataclass(frozen=True, slots=True)
class Place:
    """A node of the tree, with the functions around it, innermost last, and its parent."""

    node: ast.AST
    parent: ast.AST | None
    scopes: tuple[Scope, ...] = ()
    bound: frozenset[str] = field(default_factory=frozenset)
    owner: ast.ClassDef | None = None
    """The class whose method the node is in, or whose body."""

    @property
    def is_maximal(self) -> bool:
        """Whether no longer dotted name contains the node: ``os.path`` in ``os.path.join`` is not."""
        return not (isinstance(self.parent, ast.Attribute) and self.parent.value is self.node)


def places(tree: ast.AST, names: Names) -> Iterator[Place]:
    """Yield every node with its scope, in the order of the text."""
    pending = [Place(tree, None)]
    while pending:
        place = pending.pop()
        yield place
        scopes, bound, owner = place.scopes, place.bound, place.owner
        if isinstance(place.node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            scope = Scope(place.node, names.bound_by(place.node))
            scopes, bound = (*scopes, scope), bound | scope.bound
        elif isinstance(place.node, ast.ClassDef):
            owner = place.node
        children = [Place(child, place.node, scopes, bound, owner) for child in ast.iter_child_nodes(place.node)]
        pending += reversed(children)


def _joined(origin: str, attribute: str) -> str:
    return f"{origin}.{attribute}" if origin else ""


def _imported(node: ast.AST) -> Mapping[str, str]:
    match node:
        case ast.Import(names=names):
            return {
                a.asname or a.name.partition(".")[0]: a.name if a.asname else a.name.partition(".")[0] for a in names
            }
        case ast.ImportFrom(module=str(module), level=0, names=names):
            return {a.asname or a.name: f"{module}.{a.name}" for a in names if a.name != "*"}
        case _:
            return {}


def _assigned(node: ast.AST) -> Iterator[tuple[str, ast.expr]]:
    match node:
        case ast.Assign(targets=targets, value=value):
            for target in targets:
                match target, value:
                    case ast.Name(id=name), _:
                        yield name, value
                    case ast.Tuple(elts=parts), ast.Tuple(elts=values) if len(parts) == len(values):
                        for part, each in zip(parts, values, strict=True):
                            if isinstance(part, ast.Name):
                                yield part.id, each
        case ast.AnnAssign(target=ast.Name(id=name), value=ast.expr() as value):
            yield name, value
        case ast.NamedExpr(target=ast.Name(id=name), value=value):
            yield name, value


def _stored(body: list[ast.stmt]) -> set[str]:
    """Return the names that statements assign, without those of inner functions and classes."""
    found: set[str] = set()
    pending: list[ast.AST] = [*body]
    while pending:
        node = pending.pop()
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                found.add(name)
                continue
            case ast.Lambda():
                continue
            case ast.Name(id=name, ctx=ast.Store()) | ast.MatchAs(name=str(name)) | ast.MatchStar(name=str(name)):
                found.add(name)
            case ast.ExceptHandler(name=str(name)):
                found.add(name)
        pending += ast.iter_child_nodes(node)
    return found
