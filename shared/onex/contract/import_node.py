"""Imports the ``models`` package and the node class next to a contract."""

import sys
from importlib import import_module
from pathlib import Path
from traceback import extract_tb
from types import ModuleType

from onex.contract.checker import Checker
from onex.contract.installed import installed_roots
from onex.errors import ContractProblem
from onex.model.contract import ModelContract
from onex.model.message import Message
from onex.node import Node, NodeCompute, NodeEffect, NodeOrchestrator, NodeReducer

_BASES = (Node, NodeCompute, NodeEffect, NodeReducer, NodeOrchestrator)


def import_models(folder: Path, contract: ModelContract, checker: Checker) -> dict[str, type[Message]]:
    """Return the message classes of ``models/`` by name. Report problems to the checker."""
    module = _import(folder, contract, "models", checker)
    if module is None:
        return {}
    return {
        name: item
        for name, item in vars(module).items()
        if isinstance(item, type) and issubclass(item, Message) and item is not Message
    }


def import_node_class(folder: Path, contract: ModelContract, checker: Checker) -> type[Node]:
    """Return the node class in ``node.py``. Return Node, and report to the checker, when there is a problem."""
    module = _import(folder, contract, "node", checker)
    if module is None:
        return Node
    classes = [
        item
        for item in vars(module).values()
        if isinstance(item, type)
        and issubclass(item, Node)
        and item not in _BASES
        and item.__module__ == module.__name__
    ]
    if len(classes) != 1:
        names = ", ".join(sorted(item.__name__ for item in classes)) or "none"
        checker.add(("name",), f"node.py must define one node class, found {names}", "keep one")
        return Node
    if classes[0].kind is not contract.node_type:
        checker.add(
            ("node_type",),
            f"{classes[0].__name__} is a {classes[0].kind}, the contract says {contract.node_type}",
            "change the base class or node_type",
        )
    return classes[0]


def check_dependencies(contract: ModelContract, checker: Checker) -> None:
    """Check that the modules and classes that the contract lists as dependencies can be imported."""
    for index, dependency in enumerate(contract.dependencies):
        module, class_name = dependency.module, dependency.class_name
        at = ("dependencies", index)
        try:
            imported = import_module(module)
        except Exception as error:  # noqa: BLE001 - whatever the code of a module raises when it is imported
            checker.add(at, f"cannot import {module}: {type(error).__name__}: {error}", "install it or fix the name")
            continue
        if class_name and not hasattr(imported, class_name):
            checker.add(at, f"{module} has no {class_name}", "fix class_name")


def _import(folder: Path, contract: ModelContract, part: str, checker: Checker) -> ModuleType | None:
    version, node, root = folder.name, folder.parent.name, folder.parent.parent
    if node != contract.name or version != contract.contract_version.folder:
        checker.add(
            ("name",),
            f"the folder is {node}/{version}",
            f"move it to {contract.name}/{contract.contract_version.folder}",
        )
        return None
    if str(root) not in sys.path:
        sys.path.append(str(root))
    name = f"{node}.{version}.{part}"
    try:
        module = _import_with_installed(name)
    except Exception as error:  # noqa: BLE001 - code of a node may raise anything, and its author must see it
        words = f"cannot import {name}: {type(error).__name__}: {error}"
        if place := _place(error, folder):
            checker.problems.append(ContractProblem(*place, part, words, f"fix {place[0].name}"))
        else:
            checker.add(("name",), words, f"fix {part}")
        return None
    where = Path(module.__file__).resolve() if module.__file__ else None
    if where is not None and not where.is_relative_to(folder):
        checker.add(("name",), f"{name} is already imported from {where}", "give the node another name")
        return None
    return module


def _place(error: Exception, folder: Path) -> tuple[Path, int] | None:
    """Return the last file and line of the node at which its code failed; None for a failure elsewhere."""
    places = [(frame.filename, frame.lineno or 1) for frame in extract_tb(error.__traceback__)]
    match error:
        case SyntaxError(filename=str(file), lineno=int(line)):
            places.append((file, max(1, line)))  # 0 for a file that cannot be read as text
    for file, line in reversed(places):
        if Path(file).is_relative_to(folder):
            return Path(file), line
    return None


def _import_with_installed(name: str) -> ModuleType:
    """Import a module. It may import messages of installed nodes, whose folders join the path when that fails."""
    try:
        return import_module(name)
    except ModuleNotFoundError as error:
        if not (error.name or "").startswith("node_"):
            raise
        missing = [str(root) for root in installed_roots() if str(root) not in sys.path]
        if not missing:
            raise
    sys.path += missing
    return import_module(name)
