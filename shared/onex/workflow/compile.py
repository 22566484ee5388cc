"""A declared workflow as a decide function: (state, event, context) -> Decision."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import cast

from onex.contract import ResolvedNode
from onex.contract.create_node import create_node
from onex.contract.resolve import earlier_versions
from onex.errors import RejectedError
from onex.mixins.workflow_persistence import ModelWorkflowPersistenceSubcontract
from onex.model.cancel import CancelWorkflow
from onex.model.message import Message
from onex.node import Addressed, Context, Decision, Node, TimerFired
from onex.workflow.facts import Fact
from onex.workflow.machine import WorkflowMachine
from onex.workflow.run_draft import RunDecision
from onex.workflow.state import WorkflowState


@dataclass(frozen=True, slots=True)
class CompiledWorkflow:
    """A declared workflow as the engine calls it."""

    decide: Callable[[Message | None, Message, Context], Decision[WorkflowState]]
    state_model: type[WorkflowState]


def compile_workflow(resolved: ResolvedNode, node: Node) -> CompiledWorkflow:
    """Bind steps to the node's methods. The contract was checked against the class before.

    A run ends on the version that it began with: versions of the same major in the same folder are bound, too.
    """
    current = str(resolved.contract.contract_version)
    machines = {current: _machine(resolved, node)}
    for earlier in earlier_versions(resolved):
        if earlier.contract.workflow_coordination:
            machines[str(earlier.contract.contract_version)] = _machine(earlier, create_node(earlier))
    start = start_of(resolved)

    def machine_of(run: WorkflowState | None, event: Message) -> WorkflowMachine:
        if run is None or not run.version or type(event) is start:
            return machines[current]
        if run.version not in machines:
            if run.is_over:
                return machines[current]
            raise RejectedError(
                f"the run began with version {run.version} of {resolved.contract.name}, which is not here; "
                f"put it back next to {resolved.folder.name}, then replay this dead letter"
            )
        return machines[run.version]

    def decide(state: Message | None, event: Message, context: Context) -> Decision[WorkflowState]:
        run = cast(WorkflowState | None, state)
        machine = machine_of(run, event)
        match event:
            case TimerFired(name=name):
                decision = machine.timer(run, name, context)
            case CancelWorkflow(reason=reason):
                decision = machine.cancel(run, reason, context)
            case _ if type(event) is start:
                decision = machine.start(run, event, context)
            case _:
                decision = machine.receive(run, event, context)
        return decision if machine is machines[current] else _translated(decision, resolved.models)

    return CompiledWorkflow(decide, WorkflowState)


def facts_of(decision: Decision[WorkflowState]) -> Sequence[Fact]:
    """Return what a decision changes in a run. Decisions without a run, or without a change, have no facts."""
    return decision.facts if isinstance(decision, RunDecision) else ()


def start_of(resolved: ResolvedNode) -> type[Message]:
    """Return the type of message that starts a declared workflow."""
    workflow = resolved.contract.workflow_coordination
    assert workflow is not None
    return next(
        route.model
        for route in resolved.all_routes
        if route.model.__name__ not in workflow.answers and route.model is not CancelWorkflow
    )


def _machine(resolved: ResolvedNode, node: Node) -> WorkflowMachine:
    workflow = resolved.contract.workflow_coordination
    assert workflow is not None
    version = str(resolved.contract.contract_version)
    persistence = resolved.features.of(ModelWorkflowPersistenceSubcontract)
    return WorkflowMachine(workflow, node, resolved.models, start_of(resolved), version, persistence)


def _translated(decision: Decision[WorkflowState], models: Mapping[str, type[Message]]) -> Decision[WorkflowState]:
    """Return a decision of an earlier version with messages of this version, which are those on the topics."""

    def current(emission: Message | Addressed) -> Message | Addressed:
        if isinstance(emission, Addressed):
            return replace(emission, message=cast(Message, current(emission.message)))
        model = models.get(type(emission).__name__, type(emission))
        return emission if type(emission) is model else model.model_validate(emission.model_dump())

    return RunDecision(
        decision.state,
        [current(command) for command in decision.commands],
        decision.timers,
        None if decision.completion is None else current(decision.completion),
        [current(event) for event in decision.events],
        facts_of(decision),
    )
