"""A declared workflow as a drawing, and what a run of it waits for."""

from collections.abc import Iterator, Mapping
from graphlib import TopologicalSorter

from onex.cli.output import when
from onex.model.contract import ModelContract, ModelWorkflow, ModelWorkflowStep
from onex.workflow import StepState, WorkflowState


def draw(workflow: ModelWorkflow) -> list[str]:
    """Rows of boxes: steps of one row run side by side, and after those of the row above that they name."""
    lines: list[str] = []
    for number, row in enumerate(_rows(workflow)):
        if number:
            lines.append("  |")
        for step in row:
            after = f"  <- {', '.join(step.depends_on)}" if step.depends_on else ""
            lines.append(f"  [{step.id}] {_does(step)}{after}")
            lines += [f"      {line}" for line in _rules(step)]
    again = "; may continue as new" if workflow.continues else ""
    lines.append(f"  ends in {workflow.completed} or {workflow.failed}, within {_span(workflow.timeout)}{again}")
    return lines


def mermaid(workflow: ModelWorkflow) -> str:
    """A Mermaid flow chart: steps, dependencies, ends; dotted lines undo."""
    lines = ["flowchart TD", "  start((start))"]
    last = {step.id for step in workflow.steps} - {name for step in workflow.steps for name in step.depends_on}
    for step in workflow.steps:
        shape = ("{{", "}}") if step.signal else ("[[", "]]") if step.fan_out else ("[", "]")
        lines.append(f'  {step.id}{shape[0]}"{step.id}: {_does(step)}"{shape[1]}')
        lines += [f"  {before} --> {step.id}" for before in step.depends_on or ("start",)]
        if step.compensate:
            lines.append(f'  {step.id} -.-> undo_{step.id}["{step.compensate}"]')
    lines += [f"  {name} --> done(({workflow.completed}))" for name in sorted(last)]
    return "\n".join(lines)


def waits_for(contract: ModelContract, state: WorkflowState, timers: Mapping[str, int]) -> dict[str, str]:
    """By step: what it waits for, and until when; by the empty name: when the whole run is given up."""
    workflow = contract.workflow_coordination
    if workflow is None or state.is_over:
        return {}
    is_limited = state.phase == "running" and "workflow" in timers
    found = {"": f"given up at {_time(timers['workflow'])}"} if is_limited else {}
    for step in workflow.steps:
        if told := _waiting(step, state, timers):
            found[step.id] = told
    return found


def _waiting(step: ModelWorkflowStep, state: WorkflowState, timers: Mapping[str, int]) -> str:
    kept = state.steps.get(step.id, StepState())
    due = timers.get(f"step:{step.id}")
    until = f", until {_time(due)}" if due else ""
    match kept.status:
        case "waiting" if state.phase == "running":
            left = [n for n in step.depends_on if state.steps.get(n, StepState()).status not in ("done", "skipped")]
            return f"for {', '.join(left)}" if left else ""
        case "running" if step.signal:
            return f"for signal {step.signal}{until}"
        case "running":
            answers = " or ".join(name for name in (step.result, step.failure) if name)
            of = f" ({len(kept.results)} of {len(kept.items)} are here)" if kept.items else ""
            return f"for {answers}{of}, attempt {kept.attempts} of {step.retry.max_attempts}{until}"
        case "retrying":
            return f"for its next attempt at {_time(due)}" if due else "for its next attempt"
        case "compensating":
            again = timers.get(f"undo:{step.id}")
            limit = step.compensation_retry.max_attempts
            tried = f"attempt {kept.compensations} of {limit}{f', until {_time(again)}' if again else ''}"
            of = f" ({sum(undo.done for undo in kept.undos)} of {len(kept.undos)} are here)" if kept.undos else ""
            return f"for {step.compensated}{of}, {tried}"
        case _:
            return ""


def _rows(workflow: ModelWorkflow) -> Iterator[list[ModelWorkflowStep]]:
    steps = {step.id: step for step in workflow.steps}
    sorter = TopologicalSorter({step.id: step.depends_on for step in workflow.steps})
    sorter.prepare()
    while sorter.is_active():
        ready = sorter.get_ready()
        yield [steps[name] for name in steps if name in ready]
        sorter.done(*ready)


def _does(step: ModelWorkflowStep) -> str:
    if step.signal:
        return f"waits for {step.signal}"
    several = "many " if step.fan_out else ""
    return f"{several}{step.command} -> {step.result}{f' | {step.failure}' if step.failure else ''}"


def _rules(step: ModelWorkflowStep) -> Iterator[str]:
    if step.conditional:
        yield f"only when_{step.id}"
    attempts = step.retry.max_attempts
    if step.timeout or attempts > 1:
        waits = f"{_span(step.timeout)} to answer" if step.timeout else "no time limit of its own"
        yield f"{waits}, {attempts} attempt{'s' if attempts > 1 else ''}; then {step.error_action}"
    if step.compensate:
        awaited = f", awaited as {step.compensated}" if step.compensated else ""
        yield f"undone by {step.compensate}{awaited}"


def _span(seconds: float) -> str:
    for unit, size in (("d", 86_400), ("h", 3600), ("m", 60)):
        if seconds >= size and seconds % size == 0:
            return f"{seconds / size:g} {unit}"
    return f"{seconds:g} s"


def _time(ms: int) -> str:
    return when(ms).isoformat(timespec="seconds")
