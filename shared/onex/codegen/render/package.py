"""Renders a node package from a contract: contract, models and node class."""

from collections.abc import Mapping
from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path
from typing import TYPE_CHECKING

from onex.codegen.render.blueprint import Method, methods_of, start_command
from onex.codegen.render.bodies import Body, bodies_of
from onex.codegen.render.generatable import class_name, generatable_contract
from onex.codegen.render.shape import import_lines, models_shape, names_in, node_shape, sentence, standard_imports
from onex.codegen.render.values import literal
from onex.codegen.render.verify import verified
from onex.model.contract import ModelContract
from onex.model.contract.field_type import field_type_names
from onex.model.enums import EnumNodeKind

if TYPE_CHECKING:
    from jinja2 import Template


@cache
def _template(name: str) -> "Template":
    # Commands and the contract of the code renderer import this module, and few of them render.
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    templates = Environment(
        loader=FileSystemLoader(Path(__file__).with_name("templates")),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,
    )
    templates.filters |= {"literal": literal}
    return templates.get_template(name)


def package_files(text: str) -> dict[str, str]:
    """Return the files of the node, by path below the services folder.

    Raises ContractError for a contract that is wrong, or that lacks what a generator needs.
    """
    contract = generatable_contract(text)
    root = f"{contract.name}/{contract.contract_version.folder}"
    return {
        f"{root}/contract.yaml": text if text.endswith("\n") else f"{text}\n",
        f"{root}/models/__init__.py": _models(contract),
        f"{root}/node.py": _node(contract),
    }


def _models(contract: ModelContract) -> str:
    assert contract.definitions is not None
    models = contract.definitions.models
    uses = {name: {n for t in d.fields.values() for n in field_type_names(t)} for name, d in models.items()}
    order = list(TopologicalSorter({name: sorted(used) for name, used in sorted(uses.items())}).static_order())
    described = [
        {
            "name": name,
            "key": models[name].key,
            "description": sentence(models[name].description or name),
            "fields": models[name].fields,
        }
        for name in order
    ]
    types = names_in(*(text for definition in models.values() for text in definition.fields.values()))
    imports = standard_imports(types)
    rendered = _template("models.py.j2").render(name=contract.name, models=described, stdlib=import_lines(imports))
    return verified(rendered, models_shape(contract, order, imports), f"{contract.name}: models")


def _node(contract: ModelContract) -> str:
    assert contract.definitions is not None
    methods, bodies = methods_of(contract), bodies_of(contract)
    facts: dict[str, object] = {"state": contract.definitions.state}
    base, own = _base(contract, methods)
    if workflow := contract.workflow_coordination:
        facts["start"] = start_command(contract, workflow)
    imports = _imports(contract, methods, bodies, base)
    imports |= {("onex.node", name) for name in own}
    if any(body.is_unfinished for body in bodies.values()):
        imports.add(("onex.node", "unfinished"))
    rendered = _template("node.py.j2").render(
        description=sentence(contract.description or contract.name),
        class_name=class_name(contract),
        base=base,
        kind=contract.node_type,
        methods=methods,
        bodies=bodies,
        imports=import_lines(imports),
        **facts,
    )
    return verified(rendered, node_shape(contract, methods, bodies, base, imports), f"{contract.name}: node")


def _imports(
    contract: ModelContract, methods: list[Method], bodies: Mapping[str, Body], base: str
) -> set[tuple[str, str]]:
    """Return the imports of bodies and signatures."""
    assert contract.definitions is not None
    names = names_in(base, *(method.returns for method in methods))
    if contract.workflow_coordination is None:
        names |= {name for method in methods for name in method.inputs}
    module = f"{contract.name}.{contract.contract_version.folder}.models"
    found = {(module, name) for name in names if name in contract.definitions.models} | standard_imports(names)
    return found.union(*(body.imports for body in bodies.values()))


def _base(contract: ModelContract, methods: list[Method]) -> tuple[str, list[str]]:
    assert contract.definitions is not None
    match contract.node_type:
        case EnumNodeKind.COMPUTE:
            outputs = " | ".join(dict.fromkeys(name for method in methods for name in method.outputs)) or "Message"
            inputs = " | ".join(dict.fromkeys(name for method in methods for name in method.inputs))
            return f"NodeCompute[{inputs}, {outputs}]", [
                "NodeCompute",
                *(["Message"] if outputs == "Message" else []),
            ]
        case EnumNodeKind.EFFECT:
            return "NodeEffect", ["Context", "NodeEffect"]
        case EnumNodeKind.REDUCER:
            return f"NodeReducer[{contract.definitions.state}]", ["Context", "NodeReducer", "Reduction"]
        case EnumNodeKind.ORCHESTRATOR:
            workflow = contract.workflow_coordination
            assert workflow is not None
            start = start_command(contract, workflow)
            return f"NodeOrchestrator[{start}, {workflow.completed}]", ["NodeOrchestrator", "Run"]
