"""The methods of a node that follow from its contract: names, arguments, results."""

from collections.abc import Sequence
from dataclasses import dataclass
from graphlib import TopologicalSorter

from onex.codegen.render.generatable import messages_of_topics
from onex.codegen.render.values import Source, construct
from onex.model.contract import ModelContract, ModelWorkflow, ModelWorkflowStep
from onex.model.enums import EnumNodeKind
from onex.model.topic import TopicName


@dataclass(frozen=True, slots=True)
class Method:
    """A handler: its input and output types, and the expression of its first output."""

    name: str
    inputs: Sequence[str]
    outputs: Sequence[str]
    result: str
    updates: Sequence[str] = ()
    """REDUCER: fields of the state that are copied from the event."""
    returns: str = ""
    """Return annotation, where it is not the union of the outputs."""


def handlers(contract: ModelContract) -> list[Method]:
    """Return the methods of a COMPUTE, EFFECT or REDUCER. Several messages may share one."""
    assert contract.definitions is not None
    models = contract.definitions.models
    grouped: dict[str, tuple[list[str], list[str]]] = {}
    if contract.handler_routing:
        for item in contract.handler_routing.handlers:
            inputs, outputs = grouped.setdefault(item.handler, ([], []))
            inputs.append(item.event_model)
            outputs += [name for name in item.output_events if name not in outputs]
    else:
        name = "compute" if contract.node_type is EnumNodeKind.COMPUTE else "execute"
        grouped[name] = ([contract.input_model or ""], [contract.output_model] if contract.output_model else [])
    argument = {EnumNodeKind.COMPUTE: "request", EnumNodeKind.EFFECT: "command"}.get(contract.node_type, "event")
    methods = []
    for name, (inputs, outputs) in grouped.items():
        sources = [Source(argument, inputs)]
        updates: list[str] = []
        if contract.definitions.state is not None and contract.node_type is EnumNodeKind.REDUCER:
            state = contract.definitions.state
            state_field = contract.state_machine.state_field if contract.state_machine else ""
            updates = [
                field
                for field, text in models[state].fields.items()
                if field != state_field and sources[0].has(field, text, models)
            ]
            sources.append(Source("new", [state]))
            if state_field:
                updates.append(state_field)
        result = construct(outputs[0], models, sources) if outputs else "None"
        methods.append(Method(name, inputs, outputs, result, updates))
    return methods


def start_command(contract: ModelContract, workflow: ModelWorkflow) -> str:
    """Return the message type that starts a workflow: subscribed, and no reply to a step."""
    by_topic = messages_of_topics(contract)
    subscribed = [by_topic[TopicName.parse(topic).name] for topic in contract.event_bus.subscribe_topics]
    return next(name for name in subscribed if name not in workflow.answers)


def _results_before(workflow: ModelWorkflow) -> dict[str, list[str]]:
    """Return the steps that certainly have a result when a step begins, nearest last, by step."""
    by_id = {step.id: step for step in workflow.steps}
    before: dict[str, list[str]] = {}
    for step_id in TopologicalSorter({step.id: step.depends_on for step in workflow.steps}).static_order():
        earlier: dict[str, None] = {}
        for name in by_id[step_id].depends_on:
            earlier |= dict.fromkeys([*before[name], *_result_of(by_id[name])])
        before[step_id] = list(earlier)
    return before


def _result_of(step: ModelWorkflowStep) -> list[str]:
    """Return the step, if later steps may use its result. A skipped step, or one with many commands, has none."""
    return [step.id] if (step.result or step.signal) and not step.conditional and not step.fan_out else []


def step_methods(contract: ModelContract, workflow: ModelWorkflow) -> list[Method]:
    """Return the methods of a declared workflow."""
    assert contract.definitions is not None
    models = contract.definitions.models
    start = start_command(contract, workflow)
    by_id = {step.id: step for step in workflow.steps}
    before = _results_before(workflow)
    command = Source("run.command", [start])

    def results(steps: Sequence[str]) -> list[Source]:
        types = [(name, by_id[name].result or by_id[name].signal or "") for name in reversed(steps)]
        return [Source(f"run.result({kind}{_of_step(workflow, kind, name)})", [kind]) for name, kind in types]

    methods = []
    for step in workflow.steps:
        earlier = before[step.id]
        if step.conditional:
            methods.append(Method(f"when_{step.id}", [], [], "True", returns="bool"))
        if step.command:
            built = construct(step.command, models, [*results(earlier), command])
            if step.fan_out:
                methods.append(Method(step.id, [], [step.command], f"[{built}]", returns=f"list[{step.command}]"))
            else:
                methods.append(Method(step.id, [], [step.command], built))
        if step.compensate:
            built = construct(step.compensate, models, [*results(earlier), command])
            methods.append(Method(f"compensate_{step.id}", [], [step.compensate], built))
    steps_with_result = [name for step in workflow.steps for name in _result_of(step)]
    methods.append(
        Method(
            "completed",
            [],
            [workflow.completed],
            construct(workflow.completed, models, [*results(steps_with_result), command]),
        )
    )
    reason = {
        "reason": 'run.failure.reason if run.failure else ""',
        "step": 'run.failure.step if run.failure else ""',
    }
    methods.append(Method("failed", [], [workflow.failed], construct(workflow.failed, models, [command], reason)))
    if workflow.deadline:
        methods.append(Method("deadline", [], [], "run.started_at + timedelta(minutes=5)", returns="datetime"))
    if workflow.continues:
        methods.append(Method("continue_as_new", [], [start], "None", returns=f"{start} | None"))
    if workflow.progress:
        progress = construct(workflow.progress, models, [command], {"step": "step", "status": "status"})
        methods.append(Method("progress", ["step", "status"], [workflow.progress], progress))
    return methods


def _of_step(workflow: ModelWorkflow, message: str, step_id: str) -> str:
    """Return the step as a further argument, where several steps have results of that type."""
    shared = sum(message in (step.result, step.signal) for step in workflow.steps) > 1
    return f", {step_id!r}" if shared else ""
