"""The messages that a node takes, as its introspection lists them."""

from collections.abc import Iterator

from onex.contract.resolved import ResolvedNode
from onex.model.mesh import ModelNodeInput


def inputs_of(resolved: ResolvedNode) -> Iterator[ModelNodeInput]:
    """Yield each message that the node takes, with the messages that end the work that it starts."""
    workflow = resolved.contract.workflow_coordination
    replies = workflow.answers if workflow else frozenset()
    for route in resolved.all_routes:
        name = route.model.__name__
        completed, failed = tuple(sorted(m.__name__ for m in route.outputs)), tuple[str, ...]()
        if workflow:
            starts = name not in replies and route.method == "decide"
            completed, failed = ((workflow.completed,), (workflow.failed,)) if starts else ((), ())
        yield ModelNodeInput(message=name, topic=route.topic, completed=completed, failed=failed)
