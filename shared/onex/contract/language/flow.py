"""The data flow of a declared workflow: which results a step certainly finds, and whether its values fit."""

from collections import Counter
from collections.abc import Iterator, Sequence
from graphlib import TopologicalSorter
from typing import Final

from onex.contract.language.names import start_command, start_commands
from onex.contract.language.types import Models, Sources
from onex.contract.language.values import Problem, check_message
from onex.contract.yaml_lines import Location
from onex.model.contract import ModelContract, ModelWorkflow, ModelWorkflowStep
from onex.model.enums import EnumErrorAction

MOST_STEPS: Final = 256
"""Most steps of a workflow with data flow. Each is compared with all before it."""
_AT: Location = ("workflow_coordination",)
_FAILURE = {"failure": {"step": "str", "reason": "str"}}
_PROGRESS = {"step": "str", "status": "str"}
_DEPEND = "its result may not be there yet; depend on a step that is always done before"
_AT_ANY_TIME = "no step is certainly done by then; use the start command"


def results_before(workflow: ModelWorkflow) -> dict[str, list[str]]:
    """Return the steps that certainly have a result when a step begins, nearest last, by step."""
    by_id = {step.id: step for step in workflow.steps}
    before: dict[str, list[str]] = {}
    for step_id in TopologicalSorter({step.id: step.depends_on for step in workflow.steps}).static_order():
        earlier: dict[str, None] = {}
        for name in by_id[step_id].depends_on:
            earlier |= dict.fromkeys([*before[name], *_result_of(by_id[name])])
        before[step_id] = list(earlier)
    return before


def results_at_end(workflow: ModelWorkflow) -> list[str]:
    """Return the steps that certainly have a result when a run completes, in the order of the contract."""
    return [name for step in workflow.steps for name in _result_of(step)]


def _result_of(step: ModelWorkflowStep) -> list[str]:
    """Return the step, if later steps may use its result.

    A step that may be skipped, or has many commands, has none.
    """
    is_certain = not step.conditional and step.error_action is not EnumErrorAction.CONTINUE
    return [step.id] if (step.result or step.signal) and is_certain and not step.fan_out else []


def flow_roots(workflow: ModelWorkflow, steps: Sequence[str]) -> dict[str, str]:
    """Return the step by root of a path: its id, or the message of its result when no other of these steps has it."""
    wanted = set(steps)
    results = {step.id: step.result or step.signal or "" for step in workflow.steps if step.id in wanted}
    count = Counter(results.values())
    by_message = {message: step_id for step_id, message in results.items() if count[message] == 1}
    return {**by_message, **{step_id: step_id for step_id in results}}


def flow_sources(contract: ModelContract, steps: Sequence[str], otherwise: str = _DEPEND) -> Sources:
    """Return the start command and the results of these steps, as :func:`flow_roots` names them.

    ``otherwise`` says why results of other steps are no sources.
    """
    workflow, definitions = contract.workflow_coordination, contract.definitions
    if workflow is None or definitions is None:
        return Sources({})
    models = definitions.models
    start = start_command(contract)
    roots = {start: models[start].fields} if start else {}
    results = {step.id: step.result or step.signal or "" for step in workflow.steps}
    for root, step_id in flow_roots(workflow, steps).items():
        if results[step_id] in models:
            roots[root] = models[results[step_id]].fields
    hints: dict[str, str] = {}
    for step_id in steps:
        if (message := results[step_id]) not in roots:
            hints[message] = f"several steps have this result; write {step_id}.field, or the id of the other step"
    for step_id, message in results.items():
        for root in (step_id, message):
            if root not in roots:
                hints.setdefault(root, otherwise)
    return Sources(roots, hints=hints)


def check_flow(contract: ModelContract, models: Models) -> Iterator[Problem]:
    """Check every ``input`` of a workflow against the messages and the order of the steps."""
    workflow = contract.workflow_coordination
    if workflow is None or not has_flow(workflow):
        return
    if len(workflow.steps) > MOST_STEPS:
        yield (*_AT, "steps"), f"a workflow with data flow has at most {MOST_STEPS} steps", "split the workflow"
        return
    if len(starts := start_commands(contract)) != 1:
        words = f"one subscribed topic must carry the start command, found {', '.join(starts) or 'none'}"
        yield (
            ("event_bus", "subscribe_topics"),
            words,
            "define the start command, subscribe to it, and route all others",
        )
        return
    before = results_before(workflow)
    for index, step in enumerate(workflow.steps):
        at = (*_AT, "steps", index)
        if step.input is None and step.compensation_input is None:
            continue
        sources = flow_sources(contract, before[step.id])
        if step.input is not None and step.command:
            yield from check_message(step.command, step.input, sources, models, (*at, "input"))
        if step.compensation_input is not None and step.compensate:
            yield from check_message(
                step.compensate, step.compensation_input, sources, models, (*at, "compensation_input")
            )
    start = flow_sources(contract, (), _AT_ANY_TIME)
    if workflow.completed_input is not None:
        at_end = flow_sources(contract, results_at_end(workflow))
        yield from check_message(
            workflow.completed, workflow.completed_input, at_end, models, (*_AT, "completed_input")
        )
    if workflow.failed_input is not None:
        failed = Sources({**start.roots, **_FAILURE}, hints=_other(start, "failure"))
        yield from check_message(workflow.failed, workflow.failed_input, failed, models, (*_AT, "failed_input"))
    if workflow.progress_input is not None and workflow.progress:
        progress = Sources(start.roots, _PROGRESS, start.hints)
        yield from check_message(
            workflow.progress, workflow.progress_input, progress, models, (*_AT, "progress_input")
        )


def _other(sources: Sources, root: str) -> dict[str, str]:
    return {name: why for name, why in sources.hints.items() if name != root}


def has_flow(workflow: ModelWorkflow) -> bool:
    """Return whether a workflow declares any data flow."""
    ends = (workflow.completed_input, workflow.failed_input, workflow.progress_input)
    inputs = [value for step in workflow.steps for value in (step.input, step.compensation_input)]
    return any(value is not None for value in (*ends, *inputs))
