"""A run that begins again at a step: which steps of the earlier run stay done."""

from onex.errors import RejectedError
from onex.model.contract import ModelWorkflow
from onex.workflow.state import StepState, WorkflowState


def repeated_steps(workflow: ModelWorkflow, step_id: str) -> set[str]:
    """Return a step and all that depend on it. Raise RejectedError for a step that the workflow does not have."""
    if step_id not in {step.id for step in workflow.steps}:
        names = ", ".join(step.id for step in workflow.steps)
        raise RejectedError(f"the workflow has no step {step_id!r}; it has {names}")
    repeated = {step_id}
    while more := {s.id for s in workflow.steps if s.id not in repeated and not repeated.isdisjoint(s.depends_on)}:
        repeated |= more
    return repeated


def resumed_steps(workflow: ModelWorkflow, state: WorkflowState | None, step_id: str) -> dict[str, StepState]:
    """Return the steps of a run that begins again at a step: the others keep their results.

    Raise RejectedError when the earlier run has not failed, or when another step was undone or has no end.
    """
    if state is None or state.phase != "failed":
        raise RejectedError("there is no failed run that can begin again at a step")
    repeated = repeated_steps(workflow, step_id)
    steps: dict[str, StepState] = {}
    for step in workflow.steps:
        before = state.steps.get(step.id, StepState())
        if step.id in repeated:
            steps[step.id] = StepState()
        elif before.status in ("done", "skipped", "waiting") and not before.undo_began:
            steps[step.id] = before
        else:
            status = "undone" if before.undo_began else before.status
            raise RejectedError(f"step {step.id} of the earlier run is {status}; begin at it, or at a step before it")
    return steps
