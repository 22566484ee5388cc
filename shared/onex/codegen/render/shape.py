"""The expected content of a rendered module, from the contract, for the check of its syntax tree."""

import ast
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from textwrap import shorten
from typing import Final

from onex.codegen.inject.imports import in_import_order
from onex.codegen.render.blueprint import Method
from onex.codegen.render.bodies import Body
from onex.codegen.render.bodies.code import Constant
from onex.codegen.render.generatable import class_name
from onex.model.contract import ModelContract
from onex.model.contract.field_type import PLAIN_TYPES
from onex.model.enums import EnumNodeKind

Import = tuple[str, str]
"""Module and name."""

_STANDARD: Mapping[str, str] = {
    "UUID": "uuid",
    "date": "datetime",
    "datetime": "datetime",
}
_LONGEST_SENTENCE: Final = 100
"""Characters, so that the docstring of a class fits on one line."""
_TYPES = frozenset({*PLAIN_TYPES, "dict", "list", "tuple"})


@dataclass(frozen=True, slots=True)
class ClassShape:
    """A class of a rendered module."""

    bases: str
    """Base classes and keywords, as ``ast.unparse`` writes them."""
    description: str
    fields: Mapping[str, str] = field(default_factory=dict)
    """Annotation by name, in order."""
    methods: Mapping[str, Sequence[str]] = field(default_factory=dict)
    """Parameters by name of the method, in order."""
    coroutines: bool = False
    unfinished: frozenset[str] = frozenset()
    """Methods with the mark of an unfinished handler."""
    exact: Mapping[str, str] = field(default_factory=dict)
    """Further methods behind these, each with its whole text as ``ast.unparse`` writes it."""


@dataclass(frozen=True, slots=True)
class Shape:
    """A rendered module."""

    description: str
    imports: frozenset[Import]
    classes: Mapping[str, ClassShape]
    exported: Sequence[str] | None
    """What ``__all__`` lists; None when there is none."""
    names: frozenset[str]
    """Names that expressions and annotations may use."""
    attributes: frozenset[str]
    """Attributes and arguments that expressions may use."""
    texts: frozenset[str]
    """Texts of expressions: names of fields and of steps."""
    messages: frozenset[str] = frozenset()
    """Message classes."""
    constants: frozenset[Constant] = frozenset()
    """Values of the literals of expressions."""


def models_shape(contract: ModelContract, order: Sequence[str], imports: Iterable[Import]) -> Shape:
    """Return the shape of ``models/__init__.py``: a class for each message."""
    assert contract.definitions is not None
    models = contract.definitions.models
    classes = {
        name: ClassShape(
            "Message" if models[name].key is None else f"Message, key={models[name].key!r}",
            sentence(models[name].description or name),
            models[name].fields,
        )
        for name in order
    }
    found = frozenset({*imports, ("onex.node", "Message")})
    names = _TYPES | set(models)
    return Shape(
        f"Messages of {contract.name}.", found, classes, in_import_order(models), names, frozenset(), frozenset()
    )


def node_shape(
    contract: ModelContract,
    methods: Sequence[Method],
    bodies: Mapping[str, Body],
    bases: str,
    imports: Iterable[Import],
    exact: Mapping[str, str],
) -> Shape:
    """Return the shape of ``node.py``: the node class with its methods. ``exact`` are those of capabilities."""
    assert contract.definitions is not None
    models = contract.definitions.models
    description = sentence(contract.description or contract.name)
    kind = contract.node_type
    arguments = {
        EnumNodeKind.COMPUTE: ["self", "request"],
        EnumNodeKind.EFFECT: ["self", "command", "context"],
        EnumNodeKind.REDUCER: ["self", "state", "event", "context"],
        EnumNodeKind.ORCHESTRATOR: ["self", "run"],
    }[kind]
    extra = {m.name: m.inputs for m in methods if kind is EnumNodeKind.ORCHESTRATOR}
    shape = ClassShape(
        bases,
        description,
        methods={m.name: [*arguments, *extra.get(m.name, ())] for m in methods},
        coroutines=kind is EnumNodeKind.EFFECT,
        unfinished=frozenset(name for name, body in bodies.items() if body.is_unfinished),
        exact=exact,
    )
    fields = {field for definition in models.values() for field in definition.fields}
    steps = {step.id for step in contract.workflow_coordination.steps} if contract.workflow_coordination else set()
    own = {"step", "status", "state", "run", "Context", "Message", "Reduction", "Run"}
    return Shape(
        description,
        frozenset(imports),
        {class_name(contract): shape},
        None,
        frozenset({*_TYPES, *_STANDARD, *models, *arguments[1:], *own}),
        frozenset(fields),
        frozenset({*fields, *steps}),
        frozenset(models),
        frozenset().union(*(body.constants for body in bodies.values())),
    )


def sentence(text: str) -> str:
    """Return the first line of a description for a docstring: printable, short, without quotes and backslashes."""
    line = text.strip().partition("\n")[0].replace('"', "'").replace("\\", "/")
    shown = " ".join("".join(c if c.isprintable() else " " for c in line).split()) or "A node."
    if len(shown) > _LONGEST_SENTENCE:
        shown = shorten(shown, _LONGEST_SENTENCE, placeholder="") or shown[:_LONGEST_SENTENCE]
        return f"{shown.rstrip('.,;: ')} ..."
    return shown if shown.endswith(".") else f"{shown}."


def names_in(*expressions: str) -> set[str]:
    """Return the names in Python expressions, without attributes and arguments."""
    trees = (ast.parse(text, mode="eval") for text in expressions)
    return {node.id for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Name)}


def standard_imports(names: set[str]) -> set[Import]:
    """Return the imports from Python's library for these names."""
    return {(module, name) for name, module in _STANDARD.items() if name in names}
