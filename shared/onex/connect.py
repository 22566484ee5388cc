"""Opens the bus and the schema catalogue that the settings name. Programs of the product create clients here."""

from typing import TYPE_CHECKING

from onex.bus.config import KafkaConfig
from onex.bus.protocols import ProtocolEventBus
from onex.model.enums import EnumHost
from onex.schema import ProtocolSchemaCatalogue
from onex.schema.lookups import SchemaLookups
from onex.schema.topic_catalogue import TopicCatalogue
from onex.settings import Settings
from onex.util.clock import SystemClock

if TYPE_CHECKING:
    from onex.bus.aio import AioEventBusAdapter
    from onex.bus.kafka import KafkaEventBusAdapter
    from onex.capability.kafka import ProtocolKafkaAdapters

__all__ = ["open_bus", "open_catalogue"]

_TOOLS = 30.0
"""Seconds for which a tool waits for an unknown schema."""


def kafka_config(settings: Settings) -> KafkaConfig:
    """Return how clients reach the cluster. Raise ConfigurationError without an address."""
    return KafkaConfig(
        settings.require_kafka(),
        settings.group_protocol,
        settings.transaction_timeout_ms,
        settings.max_message_bytes,
        extra=settings.client_config,
    )


def open_bus(settings: Settings) -> "KafkaEventBusAdapter":
    """Return the Kafka bus. Its clients connect when first used. Raise ConfigurationError without an address."""
    config = kafka_config(settings)
    from onex.bus.kafka import KafkaEventBusAdapter  # loads librdkafka: an import of onex.mesh alone does not

    return KafkaEventBusAdapter(config)


def open_async_bus(settings: Settings) -> "AioEventBusAdapter":
    """Return the Kafka bus of an application on asyncio. Raise ConfigurationError without an address."""
    config = kafka_config(settings)
    from onex.bus.aio import AioEventBusAdapter  # loads aiokafka: commands import onex.mesh and need none

    return AioEventBusAdapter(config)


def open_agent_bus(settings: Settings, host: EnumHost) -> ProtocolEventBus:
    """Return the bus of an agent for the host that its contract names."""
    kafka = open_bus(settings)
    if host is EnumHost.NATIVE:
        return kafka
    from onex.bus.faust import FaustEventBus  # its import takes a second, and few agents need it

    return FaustEventBus(kafka)


def kafka_adapters() -> "ProtocolKafkaAdapters":
    """Return the factory of Kafka adapters for nodes that write records directly."""
    from onex.bus.kafka.adapter_factory import KafkaAdapters

    return KafkaAdapters()


def open_catalogue(
    settings: Settings, bus: ProtocolEventBus, patience: float = _TOOLS, between: float = 0.0
) -> ProtocolSchemaCatalogue:
    """Return a Confluent-compatible registry when the settings name one, else the topic ``_schemas``.

    :class:`SchemaLookups` describes ``patience`` and ``between``; the defaults are for tools and applications.
    """
    catalogue: ProtocolSchemaCatalogue
    if settings.schema_registry_url:
        from onex.schema.registry import RegistryCatalogue  # an HTTP client, which most clusters do not need

        catalogue = RegistryCatalogue(settings.schema_registry_url.get_secret_value())
    else:
        catalogue = TopicCatalogue(bus, settings.topic_prefix)
    return SchemaLookups(catalogue, SystemClock(), patience, between)
