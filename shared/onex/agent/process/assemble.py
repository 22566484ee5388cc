"""The composition root: builds the program and the engine of a node, for a process and for the test driver."""

from collections.abc import Callable

from onex.agent.effect.engine import EffectEngine
from onex.agent.effect.outbox_relay import OutboxRelay
from onex.agent.message.program import Program, build_program
from onex.agent.process.event_sink import EventSink
from onex.agent.process.services import agent_services
from onex.agent.pure.engine import PureEngine
from onex.agent.runtime import AgentRuntime
from onex.agent.telemetry.metrics import AgentMetrics
from onex.agent.telemetry.workflow_metrics import WorkflowMetricsSettings
from onex.agent.topic_limits import TopicLimits
from onex.capability import ProtocolEventSink
from onex.contract import ResolvedNode
from onex.mixins.workflow_metrics import ModelWorkflowMetricsSubcontract
from onex.model.contract import ModelContract
from onex.model.enums import EnumGuarantee
from onex.node.outbox import ProtocolOutbox


def transactional_id(contract: ModelContract, group: str, instance: str) -> str | None:
    """Return the transactional id of an instance; None for a contract that asks for no transactions."""
    return None if contract.delivery.guarantee is EnumGuarantee.AT_LEAST_ONCE else f"{group}.{instance}"


def agent_metrics(resolved: ResolvedNode) -> AgentMetrics:
    """Return the metrics of an agent of the node."""
    contract, workflow = resolved.contract, resolved.contract.workflow_coordination
    if workflow is None:
        return AgentMetrics(contract.name)
    settings = resolved.features.of(ModelWorkflowMetricsSubcontract)
    steps = [step.id for step in workflow.steps] if settings.per_step else []
    return AgentMetrics(contract.name, workflow=WorkflowMetricsSettings(steps, settings.buckets))


def assemble_program(resolved: ResolvedNode, runtime: AgentRuntime, limits: TopicLimits) -> Program:
    """Build the node with its capabilities, codecs and handlers. Its metrics are exported from now on.

    Raises SchemaMismatchError when a schema is not registered.
    """
    program = build_program(resolved, runtime.catalogue, agent_services(resolved, runtime), limits)
    sink = program.node.container.get(ProtocolEventSink)
    if isinstance(sink, EventSink):
        sink.seal = program.seal
    runtime.metrics.capabilities.follow(program.composition.reported_metrics)
    return program


def assemble_pure(
    program: Program,
    runtime: AgentRuntime,
    *,
    batch_seconds: float = 5.0,
    first_batch: int = 0,
) -> PureEngine:
    """Build the engine of a COMPUTE, REDUCER or ORCHESTRATOR.

    ``batch_seconds``: time after which a batch is committed. ``first_batch``: number of records in the first batch, 0
    for the number in the contract.
    """
    return PureEngine(program, runtime, batch_seconds=batch_seconds, first_batch=first_batch)


def assemble_effect(program: Program, runtime: AgentRuntime, on_outcome: Callable[[], None]) -> EffectEngine:
    """Build the engine of an EFFECT. ``on_outcome`` is called on the loop's thread when it can commit."""
    return EffectEngine(program, runtime, on_outcome)


def assemble_relay(outbox: ProtocolOutbox, program: Program, runtime: AgentRuntime) -> OutboxRelay:
    """Build the relay that publishes the outbox of an EFFECT."""
    return OutboxRelay(outbox, program, runtime.bus, runtime.group, runtime.clock)
