"""A contract as a node package: contract, models and node class, ready to import, check and run."""

from graphlib import TopologicalSorter
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from onex.codegen.blueprint import Method, class_name, handlers, require_definitions, start_command, step_methods
from onex.codegen.values import Models, construct
from onex.contract import parse_contract
from onex.model.contract import ModelContract
from onex.model.contract.field_type import field_type_names
from onex.model.enums import EnumNodeKind

_TEMPLATES = Environment(
    loader=FileSystemLoader(Path(__file__).with_name("templates")),
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    keep_trailing_newline=True,
    autoescape=False,
)
_WIDTH = 118


def _wrap(expression: str, indent: int) -> str:
    """``Name(a=..., b=...)`` over several lines when it is too long for one."""
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


_TEMPLATES.filters["wrap"] = _wrap


def package_files(text: str) -> dict[str, str]:
    """Files of the node by path below the services folder.

    Raises ContractError for a wrong contract, RejectedError for one that lacks what a generator needs.
    """
    contract = parse_contract(text)
    require_definitions(contract)
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
    order = TopologicalSorter({name: sorted(used) for name, used in sorted(uses.items())}).static_order()
    described = [
        {
            "name": name,
            "key": models[name].key,
            "description": _sentence(models[name].description or name),
            "fields": models[name].fields,
        }
        for name in order
    ]
    types = {text for definition in models.values() for text in definition.fields.values()}
    stdlib = []
    dates = sorted(word for word in ("date", "datetime") if any(_mentions(text, word) for text in types))
    if dates:
        stdlib.append(f"from datetime import {', '.join(dates)}")
    if any(_mentions(text, "UUID") for text in types):
        stdlib.append("from uuid import UUID")
    return _TEMPLATES.get_template("models.py.j2").render(name=contract.name, models=described, stdlib=stdlib)


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
    if contract.definitions.state is not None and kind is EnumNodeKind.REDUCER:
        facts |= {
            "state": contract.definitions.state,
            "new_state": _new_state(contract, models),
            "state_field": contract.state_machine.state_field if contract.state_machine else "",
        }
    body = " ".join([*(method.result for method in methods), str(facts.get("new_state", ""))])
    text = " ".join([base, body, *(name for m in methods for name in (*m.inputs, *m.outputs)), str(facts)])
    return _TEMPLATES.get_template("node.py.j2").render(
        name=contract.name,
        version=contract.contract_version.folder,
        description=_sentence(contract.description or contract.name),
        class_name=class_name(contract),
        base=base,
        base_imports=imports,
        kind=kind,
        methods=methods,
        used=[name for name in models if _mentions(text, name)],
        stdlib=_stdlib(body),
        **facts,
    )


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
    fixed = {machine.state_field: f'"{machine.initial_state}"'} if machine else {}
    return construct(contract.definitions.state, models, (), fixed)


def _stdlib(body: str) -> list[str]:
    dates = sorted(
        ({"UTC", "datetime"} if "datetime(" in body else set())
        | ({"datetime", "timedelta"} if "timedelta(" in body else set())
        | ({"date"} if "date(" in body.replace("datetime(", "") else set())
    )
    lines = [f"from datetime import {', '.join(dates)}"] if dates else []
    return [*lines, "from uuid import UUID"] if "UUID(" in body else lines


def _mentions(text: str, word: str) -> bool:
    padded = "".join(c if c.isalnum() or c == "_" else " " for c in text)
    return word in padded.split()


def _sentence(text: str) -> str:
    line = text.strip().partition("\n")[0].replace('"', "'").replace("\\", "/")
    return line if line.endswith(".") else f"{line}."
