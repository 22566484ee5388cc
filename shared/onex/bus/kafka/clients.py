"""Creates clients of librdkafka. A failure is an error of the settings or of the machine."""

from collections.abc import Callable, Mapping
from typing import TypeVar, cast

from confluent_kafka import KafkaError, KafkaException

from onex.bus.kafka.errors import error_of, translate
from onex.errors import ConfigurationError

T = TypeVar("T")
Properties = dict[str, str | int | float | bool]
"""Properties of a client, as the stubs of librdkafka's client declare them: without callbacks."""
_SETTINGS = {KafkaError._INVALID_ARG, KafkaError._CONFLICT}


def make_client(client_class: Callable[[Properties], T], config: Mapping[str, object], on_error: object = None) -> T:
    """Return a new client of class ``client_class``; ``on_error`` is called with its errors.

    Raises ConfigurationError for a property that the client refuses, BusUnavailableError when the machine has no
    thread or file left for it.
    """
    try:
        return client_class(cast(Properties, {**config, **({} if on_error is None else {"error_cb": on_error})}))
    except KafkaException as error:
        cause = error_of(error)
        if cause is not None and cause.code() in _SETTINGS:
            raise ConfigurationError(
                f"the Kafka client refuses its settings: {cause.str()}; see ONEX_KAFKA_CONFIG and the settings of TLS"
            ) from None
        raise translate(error, "making a Kafka client") from None
