"""Renders a node package from a contract: contract, models and node class."""

from functools import cache
from graphlib import TopologicalSorter
from pathlib import Path
from typing import TYPE_CHECKING

from onex.codegen.render.blueprint import Method, handlers, start_command, step_methods
from onex.codegen.render.generatable import class_name, generatable_contract
from onex.codegen.render.shape import import_lines, models_shape, names_in, node_shape, sentence, standard_imports
from onex.codegen.render.values import Models, construct, literal
from onex.codegen.render.verify import verified
from onex.model.contract import ModelContract
from onex.model.contract.field_type import field_type_names
from onex.model.enums import EnumNodeKind

if TYPE_CHECKING:
    from jinja2 import Template

_WIDTH = 118


def _wrap(expression: str, indent: int) -> str:
    """Return ``Name(a=..., b=...)``, on several lines when it is too long for one."""
    if indent + len("return ") + len(expression) <= _WIDTH or not expression.endswith(")"):
        return expression
    name, _, inside = expression[:-1].partition("(")
    arguments, depth, start = [], 0, 0
    for at, character in enumerate(inside):
        depth += (character in "([{") - (character in ")]}")
        if character == "," and not depth:
            arguments.append(inside[start:at].strip())
            start = at + 1
    arguments.append(inside[start:].strip())
    pad = " " * (indent + 4)
    return f"{name}(\n" + "".join(f"{pad}{argument},\n" for argument in arguments) + " " * indent + ")"


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
    templates.filters |= {"wrap": _wrap, "literal": literal}
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
    models = contract.definitions.models
    kind = contract.node_type
    facts: dict[str, object] = {}
    methods: list[Method]
    if workflow := contract.workflow_coordination:
        start = start_command(contract, workflow)
        methods = step_methods(contract, workflow)
        base, imports = f"NodeOrchestrator[{start}, {workflow.completed}]", ["NodeOrchestrator", "Run"]
        facts |= {"start": start}
    else:
        methods = handlers(contract)
        base, imports = _base(contract, methods)
    new_state = ""
    if contract.definitions.state is not None and kind is EnumNodeKind.REDUCER:
        new_state = _new_state(contract, models)
        facts |= {
            "state": contract.definitions.state,
            "new_state": new_state,
            "state_field": contract.state_machine.state_field if contract.state_machine else "",
        }
    messages = [name for method in methods for name in (*method.inputs, *method.outputs)]
    returned = [method.returns for method in methods if method.returns]
    mentioned = names_in(base, *returned, *(m.result for m in methods), *([new_state] if new_state else []))
    used = sorted(name for name in models if name in mentioned or name in messages)
    stdlib = standard_imports(mentioned)
    rendered = _template("node.py.j2").render(
        name=contract.name,
        version=contract.contract_version.folder,
        description=sentence(contract.description or contract.name),
        class_name=class_name(contract),
        base=base,
        base_imports=imports,
        kind=kind,
        methods=methods,
        used=used,
        stdlib=import_lines(stdlib),
        **facts,
    )
    found = {(f"{contract.name}.{contract.contract_version.folder}.models", name) for name in used}
    found |= {("onex.node", name) for name in imports} | stdlib
    return verified(rendered, node_shape(contract, methods, base, found), f"{contract.name}: node")


def _base(contract: ModelContract, methods: list[Method]) -> tuple[str, list[str]]:
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
        case _:
            assert contract.definitions is not None
            return f"NodeReducer[{contract.definitions.state}]", ["Context", "NodeReducer", "Reduction"]


def _new_state(contract: ModelContract, models: Models) -> str:
    assert contract.definitions is not None
    assert contract.definitions.state is not None
    machine = contract.state_machine
    fixed = {machine.state_field: literal(machine.initial_state)} if machine else {}
    return construct(contract.definitions.state, models, (), fixed)
