"""Opens the bus and the schema catalogue that the settings name. Programs of the product create clients here."""

from onex.bus.kafka import KafkaConfig, KafkaEventBusAdapter
from onex.bus.kafka.adapter_factory import KafkaAdapters
from onex.bus.protocols import ProtocolEventBus
from onex.capability.kafka import ProtocolKafkaAdapters
from onex.model.enums import EnumHost
from onex.schema import ProtocolSchemaCatalogue
from onex.schema.lookups import SchemaLookups
from onex.schema.topic_catalogue import TopicCatalogue
from onex.settings import Settings
from onex.util.clock import SystemClock

__all__ = ["open_bus", "open_catalogue"]

_TOOLS = 30.0
"""Seconds for which a tool waits for an unknown schema."""


def open_bus(settings: Settings) -> KafkaEventBusAdapter:
    """Return the Kafka bus; clients connect at their first use. Raises ConfigurationError without an address."""
    return KafkaEventBusAdapter(
        KafkaConfig(
            settings.require_kafka(),
            settings.group_protocol,
            settings.transaction_timeout_ms,
            settings.max_message_bytes,
            extra=settings.client_config,
        )
    )


def open_agent_bus(settings: Settings, host: EnumHost) -> ProtocolEventBus:
    """Return the bus of an agent, for the ``host`` of its contract."""
    kafka = open_bus(settings)
    if host is EnumHost.NATIVE:
        return kafka
    from onex.bus.faust import FaustEventBus  # it takes a second to import, and few agents need it

    return FaustEventBus(kafka)


def kafka_adapters() -> ProtocolKafkaAdapters:
    """Return the adapters of capabilities that write to Kafka themselves."""
    return KafkaAdapters()


def open_catalogue(
    settings: Settings, bus: ProtocolEventBus, patience: float = _TOOLS, between: float = 0.0
) -> ProtocolSchemaCatalogue:
    """Return the Confluent-compatible registry where one is configured, else the topic ``_schemas``.

    ``patience`` and ``between`` are those of :class:`SchemaLookups`; the defaults are for tools and applications.
    """
    catalogue: ProtocolSchemaCatalogue
    if settings.schema_registry_url:
        from onex.schema.registry import RegistryCatalogue  # it imports an HTTP client

        catalogue = RegistryCatalogue(settings.schema_registry_url.get_secret_value())
    else:
        catalogue = TopicCatalogue(bus, settings.topic_prefix)
    return SchemaLookups(catalogue, SystemClock(), patience, between)
