"""A client that cannot be made is an error that says what to do, never an exception of the binding."""

from collections.abc import Mapping

import pytest
from confluent_kafka import KafkaError, KafkaException, Producer

from onex.bus.kafka import KafkaConfig, KafkaEventBusAdapter
from onex.bus.kafka.clients import make_client
from onex.bus.protocols import Outgoing, Partition
from onex.errors import BusUnavailableError, ConfigurationError, OnexError


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"no.such.property": "1"}, "no.such.property"),
        ({"socket.timeout.ms": "soon"}, "socket.timeout.ms"),
        ({"security.protocol": "ssl", "ssl.ca.location": "/no/such/file"}, "ssl.ca.location"),
        ({"security.protocol": "sasl_ssl", "sasl.mechanism": "MAGIC"}, "MAGIC"),
    ],
)
def test_a_setting_that_the_client_refuses_is_named_by_every_client(settings: dict[str, str], said: str) -> None:
    bus = KafkaEventBusAdapter(KafkaConfig("127.0.0.1:1", extra=settings))
    uses = [
        lambda: bus.admin.ends([Partition("t", 0)]),
        lambda: bus.admin.group_positions("g", [Partition("t", 0)]),
        lambda: bus.publish(Outgoing("t", b"v")),
        lambda: bus.subscribe("g", ["t"], None),
        lambda: bus.transaction("id"),
        lambda: bus.read({Partition("t", 0): 0}, {Partition("t", 0): 1}),
    ]
    for use in uses:
        with pytest.raises(ConfigurationError, match=said) as raised:
            use()  # type: ignore[no-untyped-call]
        assert "ONEX_KAFKA_CONFIG" in str(raised.value)


@pytest.mark.parametrize("code", [KafkaError._CRIT_SYS_RESOURCE, KafkaError._FAIL, KafkaError._TIMED_OUT])
def test_a_machine_that_has_nothing_left_for_a_client_is_waited_for(code: int) -> None:
    def refused(_: Mapping[str, object]) -> Producer:
        raise KafkaException(no_thread)

    no_thread = KafkaError(code, "Failed to create thread: Resource temporarily unavailable")

    with pytest.raises(BusUnavailableError, match="making a Kafka client: Failed to create thread"):
        make_client(refused, {})


def test_what_the_binding_raises_without_an_error_inside_is_an_error_of_the_bus() -> None:
    def refused(_: Mapping[str, object]) -> Producer:
        raise KafkaException("odd")

    with pytest.raises(OnexError, match="making a Kafka client"):
        make_client(refused, {})
