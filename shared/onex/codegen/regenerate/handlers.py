"""The handlers that a contract names, and those of a node that are not written yet."""

import libcst as cst

from onex.codegen.regenerate.functions import is_marked
from onex.codegen.regenerate.syntax import statements
from onex.model.contract import ModelContract
from onex.model.enums import EnumNodeKind


def handlers_of(contract: ModelContract) -> list[str]:
    """Return the methods that a contract names, in its order."""
    if workflow := contract.workflow_coordination:
        wanted = [workflow.progress, workflow.deadline, workflow.continues]
        ends = ["completed", "failed"]
        ends += [
            name
            for name, is_declared in zip(("progress", "deadline", "continue_as_new"), wanted, strict=True)
            if is_declared
        ]
        return [name for step in workflow.steps for name in step.methods] + ends
    if routing := contract.handler_routing:
        return list(dict.fromkeys(item.handler for item in routing.handlers))
    return ["compute" if contract.node_type is EnumNodeKind.COMPUTE else "execute"]


def handler_by_message(contract: ModelContract) -> dict[str, str]:
    """Return the handler of each message. A declared workflow has none: its steps are called by several messages."""
    if routing := contract.handler_routing:
        return {item.event_model: item.handler for item in routing.handlers}
    return {contract.input_model: handlers_of(contract)[0]} if contract.input_model else {}


def unfinished_methods(node: cst.Module) -> list[str]:
    """Return the names of the methods of a module that are not written yet."""
    classes = [item for item in statements(node) if isinstance(item, cst.ClassDef)]
    methods = [item for found in classes for item in statements(found.body) if isinstance(item, cst.FunctionDef)]
    return [item.name.value for item in methods if is_marked(item)]
