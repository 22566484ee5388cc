"""What an agent offers to the capabilities of its node."""

from opentelemetry.trace import TracerProvider
from prometheus_client import CollectorRegistry

from onex.agent.message.current import CurrentMessage
from onex.agent.process.event_sink import EventSink
from onex.agent.telemetry.health import Health
from onex.agent.telemetry.metrics import AgentMetrics
from onex.agent.telemetry.tracing import Tracing
from onex.bus.kafka.adapter_factory import KafkaAdapters
from onex.bus.protocols import ProtocolEventBus
from onex.capability import AgentEnvironment, NodeIdentity, ProtocolCurrentMessage, ProtocolEventSink
from onex.capability.container import ServiceRegistry
from onex.capability.health import ProtocolReadiness
from onex.capability.host import standard_services
from onex.capability.kafka import ProtocolKafkaAdapters
from onex.contract import ResolvedNode
from onex.schema import ProtocolSchemaCatalogue
from onex.settings import Settings
from onex.util.clock import ProtocolClock


def agent_services(
    resolved: ResolvedNode,
    instance: str,
    bus: ProtocolEventBus,
    catalogue: ProtocolSchemaCatalogue,
    group: str,
    clock: ProtocolClock,
    health: Health,
    metrics: AgentMetrics,
    tracing: Tracing | None,
    *,
    waits: bool = True,
) -> ServiceRegistry:
    """The same on every host. ``waits``: calls of the bus take time."""
    contract = resolved.contract
    services = standard_services(NodeIdentity(contract.name, str(contract.contract_version), instance))
    services.value(ProtocolClock, clock)
    services.value(ProtocolReadiness, health)
    services.value(ProtocolCurrentMessage, CurrentMessage())
    services.value(CollectorRegistry, metrics.registry)
    services.value(ProtocolEventSink, EventSink(resolved, bus, catalogue, group, clock, waits=waits))
    services.value(ProtocolKafkaAdapters, KafkaAdapters())
    if tracing is not None:
        services.value(TracerProvider, tracing.provider)
    return services


def agent_environment_of(settings: Settings) -> AgentEnvironment:
    """What an agent with these settings was started with."""
    servers, config = settings.kafka_bootstrap_servers, settings.client_config
    return AgentEnvironment(settings.database_url.get_secret_value(), servers, config, settings.home)
