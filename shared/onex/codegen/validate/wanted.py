"""The methods that a node class has by its contract."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from onex.model.contract import ModelContract, ModelWorkflow
from onex.model.enums import EnumNodeKind


@dataclass(frozen=True, slots=True)
class Wanted:
    """A method, with its parameters and the messages that it takes and returns."""

    name: str
    parameters: Sequence[str]
    """With ``self``. Their names are examples; their number counts."""
    is_async: bool = False
    accepts: frozenset[str] = frozenset()
    """Message types that the argument with the message has to accept."""
    returns: frozenset[str] | None = None
    """Message types of the annotation of the result; None when it is not checked."""


_PARAMETERS = {
    EnumNodeKind.COMPUTE: ("self", "request"),
    EnumNodeKind.EFFECT: ("self", "command", "context"),
    EnumNodeKind.REDUCER: ("self", "state", "event", "context"),
    EnumNodeKind.ORCHESTRATOR: ("self", "state", "event", "context"),
}


def message_position(kind: EnumNodeKind) -> int:
    """Return the position of the message among the parameters of a handler."""
    return 2 if kind.is_stateful else 1


def wanted_methods(contract: ModelContract) -> Iterator[Wanted]:
    """Yield the methods that the engine calls."""
    kind = contract.node_type
    if contract.workflow_coordination is not None:
        yield from _of_workflow(contract.workflow_coordination)
        return
    inputs: dict[str, set[str]] = {}
    outputs: dict[str, set[str]] = {}
    if contract.handler_routing is not None:
        for entry in contract.handler_routing.handlers:
            inputs.setdefault(entry.handler, set()).add(entry.event_model)
            outputs.setdefault(entry.handler, set()).update(entry.output_events)
    elif not kind.is_stateful:
        name = "compute" if kind is EnumNodeKind.COMPUTE else "execute"
        inputs[name] = {contract.input_model} if contract.input_model else set()
        outputs[name] = {contract.output_model} if contract.output_model else set()
    for name, models in inputs.items():
        yield Wanted(
            name,
            _PARAMETERS[kind],
            kind is EnumNodeKind.EFFECT,
            frozenset(models),
            None if kind.is_stateful else frozenset(outputs[name]),
        )


def _of_workflow(workflow: ModelWorkflow) -> Iterator[Wanted]:
    run = ("self", "run")
    for step in workflow.steps:
        if step.conditional:
            yield Wanted(f"when_{step.id}", run)
        if step.command:
            yield Wanted(step.id, run, returns=frozenset({step.command}))
        if step.compensate:
            yield Wanted(f"compensate_{step.id}", run, returns=frozenset({step.compensate}))
    yield Wanted("completed", run, returns=frozenset({workflow.completed}))
    yield Wanted("failed", run, returns=frozenset({workflow.failed}))
    if workflow.progress:
        yield Wanted("progress", (*run, "step", "status"), returns=frozenset({workflow.progress}))
    if workflow.deadline:
        yield Wanted("deadline", run)
    if workflow.continues:
        yield Wanted("continue_as_new", run)
