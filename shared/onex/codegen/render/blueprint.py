"""The methods of a node that follow from its contract: names, parameters, results."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from onex.codegen.render.generatable import messages_of_topics
from onex.model.contract import ModelContract, ModelHandler, ModelWorkflow
from onex.model.enums import EnumNodeKind


@dataclass(frozen=True, slots=True)
class Method:
    """A handler: the messages that it takes and returns."""

    name: str
    inputs: Sequence[str]
    """Messages; of ``progress`` the further parameters, which are texts."""
    outputs: Sequence[str]
    returns: str
    """Annotation of the result."""


def entries_of(contract: ModelContract) -> Mapping[str, Sequence[ModelHandler]]:
    """Return the entries of ``handler_routing``, by method. Several messages may share one method."""
    if contract.handler_routing is None:
        name = "compute" if contract.node_type is EnumNodeKind.COMPUTE else "execute"
        outputs = (contract.output_model,) if contract.output_model else ()
        return {name: [ModelHandler(event_model=contract.input_model or "", handler=name, output_events=outputs)]}
    grouped: dict[str, list[ModelHandler]] = {}
    for entry in contract.handler_routing.handlers:
        grouped.setdefault(entry.handler, []).append(entry)
    return grouped


def handlers(contract: ModelContract) -> list[Method]:
    """Return the methods of a COMPUTE, EFFECT or REDUCER."""
    methods: list[Method] = []
    for name, entries in entries_of(contract).items():
        outputs = list(dict.fromkeys(output for entry in entries for output in entry.output_events))
        methods.append(Method(name, [entry.event_model for entry in entries], outputs, _returns(contract, entries)))
    return methods


def _returns(contract: ModelContract, entries: Sequence[ModelHandler]) -> str:
    if contract.node_type is EnumNodeKind.REDUCER:
        assert contract.definitions is not None
        return f"Reduction[{contract.definitions.state}]"
    results = dict.fromkeys(result for entry in entries for result in _results(contract, entry))
    return " | ".join(results) or "None"


def _results(contract: ModelContract, entry: ModelHandler) -> Sequence[str]:
    """Return the annotations of the results of one message: with operations on Kafka one tuple of all of them."""
    own = [operation for operation in contract.io_operations if operation.handler == entry.handler]
    further = [name for operation in own if operation.type == "kafka" for name in operation.message]
    made = [name for operation in own if operation.type != "kafka" for name in operation.output]
    first = made or [*entry.mapping]
    if not further:
        return entry.output_events
    returned = [*first, *further]
    return [f"tuple[{', '.join(returned)}]"] if len(returned) > 1 else returned


def start_command(contract: ModelContract, workflow: ModelWorkflow) -> str:
    """Return the message type that starts a workflow: subscribed, and no reply to a step."""
    by_topic = messages_of_topics(contract)
    subscribed = [by_topic[topic] for topic in contract.event_bus.subscribe_topics]
    return next(name for name in subscribed if name not in workflow.answers)


def step_methods(contract: ModelContract, workflow: ModelWorkflow) -> list[Method]:
    """Return the methods of a declared workflow."""
    methods: list[Method] = []
    for step in workflow.steps:
        if step.conditional:
            methods.append(Method(f"when_{step.id}", [], [], "bool"))
        if step.command:
            returns = f"list[{step.command}]" if step.fan_out else step.command
            methods.append(Method(step.id, [], [step.command], returns))
        if step.compensate:
            methods.append(Method(f"compensate_{step.id}", [], [step.compensate], step.compensate))
    methods.append(Method("completed", [], [workflow.completed], workflow.completed))
    methods.append(Method("failed", [], [workflow.failed], workflow.failed))
    if workflow.deadline:
        methods.append(Method("deadline", [], [], "datetime"))
    if workflow.continues:
        start = start_command(contract, workflow)
        methods.append(Method("continue_as_new", [], [start], f"{start} | None"))
    if workflow.progress:
        methods.append(Method("progress", ["step", "status"], [workflow.progress], workflow.progress))
    return methods


def methods_of(contract: ModelContract) -> list[Method]:
    """Return the handlers of any kind."""
    workflow = contract.workflow_coordination
    return step_methods(contract, workflow) if workflow else handlers(contract)
