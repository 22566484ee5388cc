"""The bus for commands. It reports soon, and with the name of its setting, an address at which no broker answers."""

from onex import connect as opening
from onex.bus.kafka import KafkaEventBusAdapter
from onex.bus.protocols import BusHealth
from onex.errors import BusError
from onex.provisioning.environment import require_environment
from onex.settings import Settings

_ANSWER, _COMPLAINT = 3.0, 1.5
"""Seconds in which a broker must answer; fewer when the client has reported why none does. A command that fails takes
less than five seconds, including its start."""


def open_bus(settings: Settings) -> KafkaEventBusAdapter:
    """Return the Kafka bus for a command that reads.

    Raise ConfigurationError for a missing address or invalid settings, BusUnavailableError when no broker answers.
    """
    bus = opening.open_bus(settings)
    bus.require_broker(_ANSWER, _COMPLAINT)
    return bus


def health_of(bus: KafkaEventBusAdapter) -> BusHealth:
    """Return whether a broker answers, as soon as that is known."""
    try:
        bus.require_broker(_ANSWER, _COMPLAINT)
    except BusError as error:
        return BusHealth(ok=False, detail=str(error))
    return bus.health()


def open_own_bus(settings: Settings) -> KafkaEventBusAdapter:
    """Return the Kafka bus for a command that writes to the environment of the settings.

    Raise as :func:`open_bus`, and ConfigurationError when the topics belong to another environment.
    """
    bus = open_bus(settings)
    require_environment(bus, settings.env, settings.topic_prefix)
    return bus
