"""The module ``node`` of a package: the class with its handlers and capabilities."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from onex.codegen.inject import Injection, grouped_imports
from onex.codegen.render.blueprint import Method, methods_of, start_command
from onex.codegen.render.bodies import Body
from onex.codegen.render.checked import checked
from onex.codegen.render.generatable import class_name
from onex.codegen.render.members_shape import members_of
from onex.codegen.render.shape import Import, names_in, node_shape, sentence, standard_imports
from onex.codegen.render.templates_of import FRAME, Templates
from onex.model.contract import ModelContract
from onex.model.enums import EnumNodeKind

_SNIPPETS = ("snippets/health_check.py.j2", "snippets/circuit_breaker.py.j2")
_NODE_API = "onex.node"


@dataclass(frozen=True, slots=True)
class _Handler:
    """A handler as the templates see it."""

    name: str
    inputs: Sequence[str]
    returns: str
    statements: str
    is_unfinished: bool


def node_module(
    contract: ModelContract, bodies: Mapping[str, Body], injection: Injection, templates: Templates
) -> str:
    """Return the text of the module."""
    methods = methods_of(contract)
    base, api = _base(contract, methods)
    bases = [*injection.bases, base]
    imports = _imports(contract, methods, base, api) | injection.imports
    for body in bodies.values():
        imports |= body.imports
        if body.is_unfinished:
            imports |= {(_NODE_API, "unfinished")}
    template = f"{contract.node_type.lower()}.py.j2"
    rendered = templates.render(
        template,
        {
            "name": contract.name,
            "version": contract.contract_version.folder,
            "description": sentence(contract.description or contract.name),
            "class_name": class_name(contract),
            "bases": bases,
            "imports": grouped_imports(imports),
            "methods": [_handler(method, bodies[method.name]) for method in methods],
            "checks": injection.checks,
            "circuits": injection.circuits,
            "start": start_command(contract, contract.workflow_coordination)
            if contract.workflow_coordination
            else "",
            "state": (contract.definitions.state if contract.definitions else None) or "",
        },
    )
    if templates.replaces(template, FRAME, *_SNIPPETS):
        return checked(rendered, None, f"{contract.name}: node")
    shape = node_shape(contract, methods, bodies, ", ".join(bases), imports, members_of(injection))
    return checked(rendered, shape, f"{contract.name}: node")


def _handler(method: Method, body: Body) -> _Handler:
    return _Handler(method.name, method.inputs, method.returns, body.statements, body.is_unfinished)


def _imports(contract: ModelContract, methods: Sequence[Method], base: str, api: Sequence[str]) -> frozenset[Import]:
    """Return the imports of the signatures and of the base."""
    assert contract.definitions is not None
    models = contract.definitions.models
    mentioned = names_in(base, *(method.returns for method in methods))
    mentioned |= {name for method in methods for name in method.inputs}
    if contract.workflow_coordination:
        mentioned.add(start_command(contract, contract.workflow_coordination))
    module = f"{contract.name}.{contract.contract_version.folder}.models"
    found = {(module, name) for name in mentioned if name in models} | {(_NODE_API, name) for name in api}
    return frozenset(found | standard_imports(mentioned))


def _base(contract: ModelContract, methods: Sequence[Method]) -> tuple[str, list[str]]:
    """Return the base of the kind, and the names of the node API that it and the signatures need."""
    match contract.node_type:
        case EnumNodeKind.COMPUTE:
            inputs = " | ".join(dict.fromkeys(name for method in methods for name in method.inputs))
            outputs = " | ".join(dict.fromkeys(name for method in methods for name in method.outputs))
            return f"NodeCompute[{inputs}, {outputs or 'Message'}]", [
                "NodeCompute",
                *([] if outputs else ["Message"]),
            ]
        case EnumNodeKind.EFFECT:
            return "NodeEffect", ["Context", "NodeEffect"]
        case EnumNodeKind.REDUCER:
            assert contract.definitions is not None
            return f"NodeReducer[{contract.definitions.state}]", ["Context", "NodeReducer", "Reduction"]
        case EnumNodeKind.ORCHESTRATOR:
            assert contract.workflow_coordination is not None
            start = start_command(contract, contract.workflow_coordination)
            completed = contract.workflow_coordination.completed
            return f"NodeOrchestrator[{start}, {completed}]", ["NodeOrchestrator", "Run"]
