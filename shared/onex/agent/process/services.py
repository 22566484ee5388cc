"""The services that an agent offers to the capabilities of its node."""

from opentelemetry.trace import TracerProvider
from prometheus_client import CollectorRegistry

from onex.agent.message.current import CurrentMessage
from onex.agent.message.current_record import CurrentRecord
from onex.agent.process.checkpoints import AgentCheckpoints
from onex.agent.process.event_sink import EventSink
from onex.agent.process.topic_follower import TopicFollower
from onex.agent.runtime import AgentRuntime
from onex.capability import AgentEnvironment, NodeIdentity, ProtocolCurrentMessage, ProtocolEventSink, Reports
from onex.capability.checkpoints import ProtocolCheckpoints
from onex.capability.container import ServiceRegistry
from onex.capability.current_record import ProtocolCurrentRecord
from onex.capability.following import ProtocolTopicFollower
from onex.capability.health import ProtocolReadiness
from onex.capability.host import standard_services
from onex.capability.kafka import ProtocolKafkaAdapters
from onex.contract import ResolvedNode
from onex.settings import Settings
from onex.util.clock import ProtocolClock


def agent_services(resolved: ResolvedNode, runtime: AgentRuntime) -> ServiceRegistry:
    """Return the services of one agent. They are the same on every host."""
    contract = resolved.contract
    services = standard_services(
        NodeIdentity(contract.name, str(contract.contract_version), runtime.instance, contract.topic_prefix)
    )
    services.value(ProtocolClock, runtime.clock)
    sink = EventSink(resolved, runtime.bus, runtime.catalogue, runtime.group, runtime.clock, runtime.run_call)
    services.value(ProtocolReadiness, runtime.health)
    services.value(ProtocolCurrentMessage, CurrentMessage())
    services.value(ProtocolCurrentRecord, CurrentRecord(contract.retry_topic))
    services.value(CollectorRegistry, runtime.metrics.registry)
    services.value(ProtocolEventSink, sink)
    follower = TopicFollower(resolved, runtime.bus, runtime.catalogue, runtime.run_call)
    services.value(ProtocolTopicFollower, follower)
    checkpoints = AgentCheckpoints(
        contract,
        runtime.bus,
        runtime.catalogue,
        runtime.group,
        runtime.instance,
        runtime.clock,
        runtime.run_call,
    )
    services.value(ProtocolCheckpoints, checkpoints)
    services.value(ProtocolKafkaAdapters, runtime.kafka_adapters)
    services.value(Reports, runtime.reports)
    services.value(AgentEnvironment, runtime.environment)
    if runtime.tracing is not None:
        services.value(TracerProvider, runtime.tracing.provider)
    return services


def agent_environment_of(settings: Settings) -> AgentEnvironment:
    """Return the part of the settings that capabilities may see."""
    servers, config = settings.kafka_bootstrap_servers, settings.client_config
    return AgentEnvironment(settings.database_url.get_secret_value(), servers, config, settings.home)
