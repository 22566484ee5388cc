"""Refuses to start a node whose handlers are not all written."""

from collections.abc import Iterable, Iterator

from onex.contract.resolved import ResolvedNode
from onex.errors import ContractError, ContractProblem
from onex.node.unfinished import unfinished_methods

NODE_FILE = "node.py"
_MESSAGE = "is not written: each message that needs it becomes a dead letter of class unfinished"
_REMEDY = "write its body and remove @unfinished, or start the node with --allow-unfinished"


def refuse_unfinished(nodes: Iterable[ResolvedNode]) -> None:
    """Raise ContractError with every unfinished handler of the nodes: its file, line and remedy."""
    if problems := [problem for node in nodes for problem in _problems(node)]:
        raise ContractError(problems)


def _problems(node: ResolvedNode) -> Iterator[ContractProblem]:
    for name, line in unfinished_methods(node.node_class).items():
        yield ContractProblem(node.folder / NODE_FILE, line, name, _MESSAGE, _REMEDY)
