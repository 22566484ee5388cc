"""Renders ``node.py`` for a contract without definitions: its messages are hand-written classes.

Messages with validators, enums and types of other packages have no place in ``definitions``. Such a contract states
the kind of the node, its capabilities, and the handlers with their messages: bases, imports and signatures follow
from these. Its bodies do not, so each of them is unfinished until it is written by hand.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import libcst as cst

from onex.capability.resolver import closure
from onex.codegen.regenerate.bases import is_node
from onex.codegen.regenerate.functions import MARK, UNFINISHED
from onex.codegen.regenerate.imports import Binding, with_new
from onex.codegen.regenerate.syntax import Statement, code, statements
from onex.codegen.render.generatable import class_name
from onex.codegen.render.shape import sentence
from onex.mixins.catalogue import CATALOGUE
from onex.model.contract import ModelContract
from onex.model.enums import EnumNodeKind

_BASES = {
    EnumNodeKind.COMPUTE: "NodeCompute",
    EnumNodeKind.EFFECT: "NodeEffect",
    EnumNodeKind.REDUCER: "NodeReducer",
    EnumNodeKind.ORCHESTRATOR: "NodeOrchestrator",
}


@dataclass(frozen=True, slots=True)
class Types:
    """What a contract without definitions does not state, read from the node class that exists."""

    arguments: tuple[cst.BaseExpression, ...] = ()
    """Type arguments of the kind's base class."""
    state: cst.BaseExpression | None = None
    """Type of the state of a REDUCER, or of an ORCHESTRATOR without a declared workflow."""


def types_of(node: cst.Module | None, kind: EnumNodeKind) -> Types:
    """Return the types in the node class of a module, without importing it."""
    found = [item for item in statements(node) if isinstance(item, cst.ClassDef) and is_node(item)] if node else []
    if len(found) != 1:
        return Types()
    arguments = next(
        (
            tuple(item.slice.value for item in base.value.slice if isinstance(item.slice, cst.Index))
            for base in found[0].bases
            if isinstance(base.value, cst.Subscript) and code(base.value.value).rpartition(".")[2] == _BASES[kind]
        ),
        (),
    )
    if kind is EnumNodeKind.REDUCER:
        return Types(arguments, arguments[0] if arguments else None)
    state = next(
        (
            line.body[0].value
            for line in statements(found[0].body)
            if isinstance(line, cst.SimpleStatementLine)
            and isinstance(line.body[0], cst.Assign)
            and code(line.body[0].targets[0].target) == "State"
        ),
        None,
    )
    return Types(arguments, state)


def skeleton(contract: ModelContract, types: Types) -> str:
    """Return ``node.py``: the class with its capabilities, and a method for each handler. Raise CompositionError."""
    kind = contract.node_type
    mixins = _mixins(contract)
    base: cst.BaseExpression = cst.Name(_BASES[kind])
    if types.arguments:
        base = cst.Subscript(base, [cst.SubscriptElement(cst.Index(item)) for item in types.arguments])
    methods = _workflow_methods(contract, types) if contract.workflow_coordination else _methods(contract, types)
    body: list[Statement] = [_text(contract.description or contract.name), *methods]
    node = cst.ClassDef(
        cst.Name(class_name(contract)),
        cst.IndentedBlock(body),
        [cst.Arg(cst.Name(name)) for name in mixins] + [cst.Arg(base)],
        leading_lines=[cst.EmptyLine(indent=False), cst.EmptyLine(indent=False)],
    )
    package = f"{contract.name}.{contract.contract_version.folder}"
    from_node = {_BASES[kind], "Context", "Run", "Reduction", "Decision"}
    imports = [Binding("onex.node", name, "") for name in (UNFINISHED, MARK)]
    imports += [Binding(CATALOGUE.mixin(name).__module__.rpartition(".")[0], name, "") for name in mixins]
    used = {item.value for item in _walk([node]) if isinstance(item, cst.Name)}
    imports += [Binding("onex.node", name, "") for name in sorted(from_node & used)]
    imports += [Binding(f"{package}.models", name, "") for name in sorted(used & _messages(contract))]
    head: list[Statement] = [_text(contract.description or contract.name), node]
    return cst.Module(with_new(head, imports)).code


def _mixins(contract: ModelContract) -> list[str]:
    """Return the class names of the declared capabilities and of those that they require, which come last."""
    return [*reversed(closure(CATALOGUE.mixin_names(contract.asked_capabilities), CATALOGUE.metadata))]


def _messages(contract: ModelContract) -> set[str]:
    """Return the messages that the contract names."""
    names = {contract.input_model or "", contract.output_model or ""}
    for item in contract.handler_routing.handlers if contract.handler_routing else ():
        names |= {item.event_model, *item.output_events}
    if workflow := contract.workflow_coordination:
        names |= {*workflow.sent, workflow.completed, workflow.failed, workflow.progress or ""}
        names |= {name for step in workflow.steps for name in step.answers}
    return names - {""}


def _methods(contract: ModelContract, types: Types) -> list[Statement]:
    grouped: dict[str, tuple[list[str], list[str]]] = {}
    if routing := contract.handler_routing:
        for item in routing.handlers:
            inputs, outputs = grouped.setdefault(item.handler, ([], []))
            inputs.append(item.event_model)
            outputs += [name for name in item.output_events if name not in outputs]
    else:
        name = "compute" if contract.node_type is EnumNodeKind.COMPUTE else "execute"
        grouped[name] = ([contract.input_model or ""], [contract.output_model] if contract.output_model else [])
    methods: list[Statement] = []
    for name, (inputs, outputs) in grouped.items():
        taken, returned = _union(inputs), _union(outputs)
        match contract.node_type:
            case EnumNodeKind.COMPUTE:
                methods.append(_method(name, {"request": taken}, returned))
            case EnumNodeKind.EFFECT:
                parts = {"command": taken, "context": cst.Name("Context")}
                methods.append(_method(name, parts, returned, is_async=True))
            case kind:
                generic = "Reduction" if kind is EnumNodeKind.REDUCER else "Decision"
                state = _optional(types.state) if types.state else None
                given = {"state": state, "event": taken, "context": cst.Name("Context")}
                methods.append(_method(name, given, _generic(generic, types.state) if types.state else None))
    return methods


def _workflow_methods(contract: ModelContract, types: Types) -> list[Statement]:
    workflow = contract.workflow_coordination
    assert workflow is not None
    start = types.arguments[0] if types.arguments else None
    run: dict[str, cst.BaseExpression | None] = {"run": _generic("Run", start) if start else None}
    methods: list[Statement] = []
    for step in workflow.steps:
        if step.conditional:
            methods.append(_method(f"when_{step.id}", run, cst.Name("bool")))
        if step.command:
            command: cst.BaseExpression = cst.Name(step.command)
            methods.append(_method(step.id, run, _generic("list", command) if step.fan_out else command))
        if step.compensate:
            methods.append(_method(f"compensate_{step.id}", run, cst.Name(step.compensate)))
    methods.append(_method("completed", run, cst.Name(workflow.completed)))
    methods.append(_method("failed", run, cst.Name(workflow.failed)))
    if workflow.deadline:
        methods.append(_method("deadline", run, None))
    if workflow.continues:
        methods.append(_method("continue_as_new", run, _optional(start) if start else None))
    if workflow.progress:
        text = cst.Name("str")
        methods.append(_method("progress", {**run, "step": text, "status": text}, cst.Name(workflow.progress)))
    return methods


def _method(
    name: str,
    parameters: Mapping[str, cst.BaseExpression | None],
    returned: cst.BaseExpression | None,
    *,
    is_async: bool = False,
) -> cst.FunctionDef:
    """Return an unfinished method."""
    described = [
        cst.Param(cst.Name(each), cst.Annotation(annotation) if annotation else None)
        for each, annotation in parameters.items()
    ]
    message = cst.Arg(cst.SimpleString(f'"{name} is not written yet"'))
    raised = cst.SimpleStatementLine([cst.Raise(cst.Call(cst.Name(UNFINISHED), [message]))])
    return cst.FunctionDef(
        cst.Name(name),
        cst.Parameters([cst.Param(cst.Name("self")), *described]),
        cst.IndentedBlock([raised]),
        returns=cst.Annotation(returned) if returned else None,
        asynchronous=cst.Asynchronous() if is_async else None,
        decorators=[cst.Decorator(cst.Name(MARK))],
        leading_lines=[cst.EmptyLine(indent=False)],
    )


def _union(names: Sequence[str]) -> cst.BaseExpression:
    if not names:
        return cst.Name("None")
    joined: cst.BaseExpression = cst.Name(names[0])
    for name in names[1:]:
        joined = cst.BinaryOperation(joined, cst.BitOr(), cst.Name(name))
    return joined


def _optional(annotation: cst.BaseExpression) -> cst.BaseExpression:
    return cst.BinaryOperation(annotation, cst.BitOr(), cst.Name("None"))


def _generic(name: str, argument: cst.BaseExpression) -> cst.BaseExpression:
    return cst.Subscript(cst.Name(name), [cst.SubscriptElement(cst.Index(argument))])


def _text(text: str) -> cst.SimpleStatementLine:
    return cst.SimpleStatementLine([cst.Expr(cst.SimpleString(f'"""{sentence(text)}"""'))])


def _walk(nodes: Iterable[cst.CSTNode]) -> Iterable[cst.CSTNode]:
    waiting = list(nodes)
    while waiting:
        current = waiting.pop()
        yield current
        waiting += current.children
