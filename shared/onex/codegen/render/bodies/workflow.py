"""Bodies of the methods of a declared workflow: its data flow as the contract states it."""

from collections.abc import Iterator, Mapping, Sequence
from graphlib import TopologicalSorter
from typing import Final

from onex.codegen.render.blueprint import start_command
from onex.codegen.render.bodies.body import Block, joined, raising, under, unfinished
from onex.codegen.render.bodies.code import statement
from onex.codegen.render.bodies.scope import Facts, block_of
from onex.codegen.render.bodies.sources import Root, Scope, construct
from onex.model.contract import FieldValues, ModelPath, ModelWorkflow, ModelWorkflowStep
from onex.model.enums import EnumErrorAction

_FAILURE: Final = "failure"
_WRITE: Final = "Write the method, or complete the contract."


def workflow_blocks(facts: Facts, workflow: ModelWorkflow) -> Iterator[tuple[str, Block]]:
    """Yield the name and the body of each method of the workflow."""
    flow = _Flow(facts, workflow)
    for step in workflow.steps:
        before = flow.scope(flow.before[step.id])
        if step.conditional:
            yield f"when_{step.id}", _unstated(f"when_{step.id}", f"whether step {step.id} runs")
        if step.command and step.fan_out:
            yield step.id, _unstated(step.id, f"the commands {step.command} of step {step.id}")
        elif step.command:
            yield step.id, flow.message(step.id, step.command, step.input, "input", before)
        if step.compensate:
            name = f"compensate_{step.id}"
            yield name, flow.message(name, step.compensate, step.compensation_input, "compensation_input", before)
    everything = flow.scope(_with_result(workflow.steps))
    start = flow.scope([])
    yield "completed", flow.message("completed", workflow.completed, workflow.completed_input, "", everything)
    yield "failed", flow.failed(workflow, {**start, _FAILURE: Root("run.failure")})
    if workflow.deadline:
        yield "deadline", _unstated("deadline", "the time at which a run fails")
    if workflow.continues:
        yield "continue_as_new", _unstated("continue_as_new", "whether a run starts again")
    if workflow.progress:
        texts = {name: Root(name) for name in ("step", "status")}
        yield "progress", flow.message("progress", workflow.progress, workflow.progress_input, "", {**start, **texts})


class _Flow:
    """The results that each step may use."""

    def __init__(self, facts: Facts, workflow: ModelWorkflow) -> None:
        self._facts = facts
        self._workflow = workflow
        self._start = start_command(facts.contract, workflow)
        self._steps = {step.id: step for step in workflow.steps}
        self.before = _steps_before(workflow)

    def scope(self, earlier: Sequence[str]) -> Scope:
        """Return the start command and the results of these steps, by step and by type of message."""
        roots: dict[str, Root] = {self._start: Root("run.command")}
        for step in (self._steps[name] for name in earlier):
            result = step.result or step.signal or ""
            root = self._root(step, result)
            roots |= {step.id: root, result: root}
        return roots

    def _root(self, step: ModelWorkflowStep, result: str) -> Root:
        shared = sum(result in (other.result, other.signal) for other in self._workflow.steps) > 1
        arguments = f'{result}, "{step.id}"' if shared else result
        return Root(f"run.result({arguments})", frozenset({result}))

    def message(self, method: str, message: str, values: FieldValues | None, key: str, scope: Scope) -> Block:
        """Return the body of a method that returns one message."""
        if values is None:
            return _unstated(method, f"the fields of {message} ({key or f'{method}_input'})")
        built = construct(message, values, scope, self._facts.models)
        if built.problems:
            return unfinished(method, f"{'; '.join(built.problems)}. {_WRITE}", depth=2)
        return block_of(self._facts, statement("return ", built.expression, depth=2), built)

    def failed(self, workflow: ModelWorkflow, scope: Scope) -> Block:
        """Return the body of ``failed``. Where it uses the failure, it checks that there is one."""
        values = workflow.failed_input
        block = self.message("failed", workflow.failed, values, "", scope)
        paths = [value for value in (values or {}).values() if isinstance(value, ModelPath)]
        if block.is_unfinished or not any(path.root == _FAILURE for path in paths):
            return block
        refusal = raising("RejectedError", "failed: the run has not failed", depth=3)
        return joined([under("if run.failure is None:", refusal), block])


def _unstated(method: str, subject: str) -> Block:
    return unfinished(method, f"the contract does not state {subject}. {_WRITE}", depth=2)


def _steps_before(workflow: ModelWorkflow) -> Mapping[str, Sequence[str]]:
    """Return the steps that certainly have a result when a step begins, by step, the nearest one last."""
    before: dict[str, list[str]] = {}
    steps = {step.id: step for step in workflow.steps}
    for step_id in TopologicalSorter({step.id: step.depends_on for step in workflow.steps}).static_order():
        earlier: dict[str, None] = {}
        for name in steps[step_id].depends_on:
            earlier |= dict.fromkeys([*before[name], *_with_result([steps[name]])])
        before[step_id] = list(earlier)
    return before


def _with_result(steps: Sequence[ModelWorkflowStep]) -> list[str]:
    """Return the steps that are never skipped, and that have one result."""
    return [
        step.id
        for step in steps
        if not (step.conditional or step.fan_out or step.error_action is EnumErrorAction.CONTINUE)
    ]
