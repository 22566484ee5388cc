"""Bodies of the methods of a declared workflow: its data flow as the contract states it."""

from collections.abc import Iterator, Sequence
from typing import Final

from onex.codegen.render.blueprint import start_command
from onex.codegen.render.bodies.body import Block, joined, raising, under, unfinished
from onex.codegen.render.bodies.code import statement
from onex.codegen.render.bodies.scope import Facts, block_of
from onex.codegen.render.bodies.sources import Root, Scope, construct
from onex.contract.language import flow_roots, results_at_end, results_before
from onex.model.contract import FieldValues, ModelWorkflow, ModelWorkflowStep

_FAILURE: Final = "failure"
_WRITE: Final = "Write the method, or complete the contract."


def workflow_blocks(facts: Facts, workflow: ModelWorkflow) -> Iterator[tuple[str, Block]]:
    """Yield the name and the body of each method of the workflow."""
    flow, results = _Flow(facts, workflow), results_before(workflow)
    for step in workflow.steps:
        before = flow.scope(results[step.id])
        if step.conditional:
            yield f"when_{step.id}", _unstated(f"when_{step.id}", f"whether step {step.id} runs")
        if step.command and step.fan_out:
            yield step.id, _unstated(step.id, f"the commands {step.command} of step {step.id}")
        elif step.command:
            yield step.id, flow.message(step.id, step.command, step.input, "input", before)
        if step.compensate:
            name = f"compensate_{step.id}"
            yield name, flow.message(name, step.compensate, step.compensation_input, "compensation_input", before)
    everything = flow.scope(results_at_end(workflow))
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

    def scope(self, earlier: Sequence[str]) -> Scope:
        """Return the start command and the results of these steps, as the contract names them."""
        roots = {root: self._root(self._steps[name]) for root, name in flow_roots(self._workflow, earlier).items()}
        return {self._start: Root("run.command"), **roots}

    def _root(self, step: ModelWorkflowStep) -> Root:
        result = step.result or step.signal or ""
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
        paths = [path for value in (values or {}).values() for path in value.paths]
        if block.is_unfinished or not any(path.root == _FAILURE for path in paths):
            return block
        refusal = raising("RejectedError", "failed: the run has not failed", depth=3)
        return joined([under("if run.failure is None:", refusal), block])


def _unstated(method: str, subject: str) -> Block:
    return unfinished(method, f"the contract does not state {subject}. {_WRITE}", depth=2)
