"""What the syntax tree says about the classes of a node."""

import ast
from collections.abc import Mapping
from dataclasses import dataclass

from onex.codegen.validate.sources import Package
from onex.model.enums import EnumNodeKind

_KINDS: Mapping[str, EnumNodeKind] = {
    "NodeCompute": EnumNodeKind.COMPUTE,
    "NodeEffect": EnumNodeKind.EFFECT,
    "NodeReducer": EnumNodeKind.REDUCER,
    "NodeOrchestrator": EnumNodeKind.ORCHESTRATOR,
}
Method = ast.FunctionDef | ast.AsyncFunctionDef


@dataclass(frozen=True, slots=True)
class NodeClass:
    """The node class of ``node.py``."""

    name: str
    tree: ast.ClassDef
    kind: EnumNodeKind
    arguments: tuple[ast.expr, ...]
    """Message types of the base: ``A, B`` of ``NodeOrchestrator[A, B]``."""
    mixins: frozenset[str]
    """Class names of its capabilities."""
    methods: Mapping[str, Method]
    has_foreign_bases: bool
    """Whether a base is neither a kind nor a capability: methods may come from it."""


def node_classes(package: Package) -> list[NodeClass]:
    """Return the classes in ``node.py`` that derive from one of the four kinds, directly or through another class."""
    if package.node is None:
        return []
    names = package.node.names
    by_name: dict[str, NodeClass] = {}
    derived_from: set[str] = set()
    for statement in package.node.tree.body:
        if not isinstance(statement, ast.ClassDef):
            continue
        kind: EnumNodeKind | None = None
        arguments: tuple[ast.expr, ...] = ()
        mixins: set[str] = set()
        methods: dict[str, Method] = {}
        is_foreign = False
        for base in statement.bases:
            inner, types = (base.value, base.slice) if isinstance(base, ast.Subscript) else (base, None)
            name = names.origin(inner).rpartition(".")[2] or getattr(inner, "id", "")
            if name in _KINDS:
                kind = _KINDS[name]
                match types:
                    case None:
                        pass
                    case ast.Tuple(elts=parts):
                        arguments = tuple(parts)
                    case single:
                        arguments = (single,)
            elif name in by_name:
                parent = by_name[name]
                derived_from.add(name)
                kind, arguments = parent.kind, parent.arguments
                mixins |= parent.mixins
                methods = {**parent.methods, **methods}
            elif name.startswith("Mixin"):
                mixins.add(name)
            else:
                is_foreign = True
        if kind is None:
            continue
        methods |= {s.name: s for s in statement.body if isinstance(s, ast.FunctionDef | ast.AsyncFunctionDef)}
        by_name[statement.name] = NodeClass(
            statement.name, statement, kind, arguments, frozenset(mixins), methods, is_foreign
        )
    return [found for name, found in by_name.items() if name not in derived_from]


def type_names(annotation: ast.expr | None) -> frozenset[str]:
    """Return the last parts of the names in an annotation: ``{"A", "B"}`` of ``x.A | list[B]``."""
    if annotation is None:
        return frozenset()
    found: set[str] = set()
    pending: list[ast.AST] = [annotation]
    while pending:
        match pending.pop():
            case ast.Name(id=name):
                found.add(name)
            case ast.Attribute(attr=name):
                found.add(name)
            case ast.Constant(value=str(text)):
                found |= set(text.replace("|", " ").replace("[", " ").replace("]", " ").split())
            case other:
                pending += ast.iter_child_nodes(other)
    return frozenset(found)
