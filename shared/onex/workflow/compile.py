"""A declared workflow as a decide function: (state, event, context) -> Decision."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

from onex.contract import ResolvedNode
from onex.model.cancel import CancelWorkflow
from onex.model.contract import ModelWorkflow
from onex.model.message import Message
from onex.node import Context, Decision, Node, TimerFired
from onex.workflow.machine import WorkflowMachine
from onex.workflow.state import WorkflowState


@dataclass(frozen=True, slots=True)
class CompiledWorkflow:
    """What the engine needs of a declared workflow."""

    decide: Callable[[Message | None, Message, Context], Decision[WorkflowState]]
    state_model: type[WorkflowState]


def compile_workflow(workflow: ModelWorkflow, resolved: ResolvedNode, node: Node) -> CompiledWorkflow:
    """Bind steps to the node's methods. The contract was checked against the class before."""
    models = resolved.models
    answers = {name for step in workflow.steps for name in (step.result, step.failure) if name}
    start = next(
        route.model
        for route in resolved.routes.values()
        if route.model.__name__ not in answers and route.model is not CancelWorkflow
    )
    machine = WorkflowMachine(workflow, node, models, start)

    def decide(state: Message | None, event: Message, context: Context) -> Decision[WorkflowState]:
        run = cast(WorkflowState | None, state)
        match event:
            case TimerFired(name=name):
                return machine.timer(run, name, context)
            case CancelWorkflow(reason=reason):
                return machine.cancel(run, reason, context)
            case _ if type(event) is start:
                return machine.start(run, event, context)
            case _:
                return machine.answer(run, event, context)

    return CompiledWorkflow(decide, WorkflowState)
