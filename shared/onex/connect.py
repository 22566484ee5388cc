"""Bus and schema catalogue as the settings ask for them."""

from onex.bus.kafka import KafkaConfig, KafkaEventBusAdapter
from onex.bus.protocols import ProtocolEventBus
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
    """The Kafka bus; clients connect when first used. Raises ConfigurationError without an address."""
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
    """The bus of an agent, as its contract asks for it."""
    kafka = open_bus(settings)
    if host is EnumHost.NATIVE:
        return kafka
    from onex.bus.faust import FaustEventBus  # costs a second to import, and few need it

    return FaustEventBus(kafka)


def open_catalogue(
    settings: Settings, bus: ProtocolEventBus, patience: float = _TOOLS, between: float = 0.0
) -> ProtocolSchemaCatalogue:
    """A Confluent-compatible registry when one is configured, else the topic ``_schemas``.

    For ``patience`` and ``between`` see :class:`SchemaLookups`; the defaults are for tools and applications.
    """
    catalogue: ProtocolSchemaCatalogue
    if settings.schema_registry_url:
        from onex.schema.registry import RegistryCatalogue  # an HTTP client, where most have no registry

        catalogue = RegistryCatalogue(settings.schema_registry_url.get_secret_value())
    else:
        catalogue = TopicCatalogue(bus, settings.topic_prefix)
    return SchemaLookups(catalogue, SystemClock(), patience, between)
