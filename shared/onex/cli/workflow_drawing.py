"""Drawings of a declared workflow, and the events that its runs wait for."""

from collections.abc import Iterator, Mapping
from graphlib import TopologicalSorter

from onex.cli.output import when
from onex.model.contract import ModelContract, ModelWorkflow, ModelWorkflowStep
from onex.workflow import StepState, WorkflowState


def draw(workflow: ModelWorkflow) -> list[str]:
    """Return rows of boxes. Steps of one row run in parallel, after the steps above that they name."""
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
    """Return a Mermaid flow chart of steps, dependencies and ends. Dotted lines lead to compensations."""
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
    """Return what each step waits for and until when, by step. The empty name has the time limit of the run."""
    workflow = contract.workflow_coordination
    if workflow is None or state.is_over:
        return {}
    is_limited = state.phase == "running" and "workflow" in timers
    found = {"": f"given up at {_time(timers['workflow'])}"} if is_limited else {}
    for step in workflow.steps:
        if text := _waiting(step, state, timers):
            found[step.id] = text
    return found


def _waiting(step: ModelWorkflowStep, state: WorkflowState, timers: Mapping[str, int]) -> str:
    progress = state.steps.get(step.id, StepState())
    due = timers.get(f"step:{step.id}")
    until = f", until {_time(due)}" if due else ""
    match progress.status:
        case "waiting" if state.phase == "running":
            left = [n for n in step.depends_on if state.steps.get(n, StepState()).status not in ("done", "skipped")]
            return f"for {', '.join(left)}" if left else ""
        case "running" if step.signal:
            return f"for signal {step.signal}{until}"
        case "running":
            answers = " or ".join(name for name in (step.result, step.failure) if name)
            of = f" ({len(progress.results)} of {len(progress.items)} are here)" if progress.items else ""
            return f"for {answers}{of}, attempt {progress.attempts} of {step.retry.max_attempts}{until}"
        case "retrying":
            return f"for its next attempt at {_time(due)}" if due else "for its next attempt"
        case "compensating":
            again = timers.get(f"undo:{step.id}")
            limit = step.compensation_retry.max_attempts
            tried = f"attempt {progress.compensations} of {limit}{f', until {_time(again)}' if again else ''}"
            of = (
                f" ({sum(undo.done for undo in progress.undos)} of {len(progress.undos)} are here)"
                if progress.undos
                else ""
            )
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
