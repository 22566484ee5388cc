"""Sizes and time as a real broker judges them."""

import random
from dataclasses import replace

import pytest

from onex.bus.kafka import KafkaEventBusAdapter
from onex.bus.protocols import Outgoing, TopicState
from onex.errors import (
    BusError,
    ConfigurationError,
    FencedError,
    MessageTooLargeError,
    ProvisioningError,
    TransactionAbortedError,
    TransactionTimedOutError,
)
from onex.wire.sizes import record_bytes
from tests.conftest import eventually

_SMALL, _LIMIT = "onex.evt.test.small-records.v1", 100_000


@pytest.fixture(scope="session", autouse=True)
def _topic(kafka_bus: KafkaEventBusAdapter) -> None:
    kafka_bus.admin.create([TopicState(_SMALL, 1, 1, {"max.message.bytes": str(_LIMIT)})])


def test_what_is_measured_as_fitting_fits(kafka_bus: KafkaEventBusAdapter) -> None:
    assert kafka_bus.admin.topics([_SMALL])[_SMALL].max_message_bytes == _LIMIT
    noise = random.Random(1)
    for key, headers in (
        (None, []),
        (b"k" * 100, []),
        (b"k", [(f"h{n}", noise.randbytes(n * 9)) for n in range(40)]),
    ):
        room = _LIMIT - record_bytes(b"", key, headers)
        kafka_bus.publish(Outgoing(_SMALL, noise.randbytes(room), key, headers))
        with pytest.raises(MessageTooLargeError):
            kafka_bus.publish(Outgoing(_SMALL, noise.randbytes(room + 18 + 6 * len(headers)), key, headers))


def test_a_record_that_the_broker_refuses_is_named_at_once_and_at_the_commit(kafka_bus: KafkaEventBusAdapter) -> None:
    # The client waits several seconds for records in flight, on a busy machine longer than a transaction may take.
    patient = KafkaEventBusAdapter(replace(kafka_bus.config, transaction_timeout_ms=60_000))
    transaction = patient.transaction("tx.too-large")
    large = random.Random(2).randbytes(2 * _LIMIT)
    transaction.begin()
    transaction.produce(_SMALL, large, b"k", [])
    with pytest.raises(MessageTooLargeError):
        transaction.commit(None, {})
    transaction.abort()
    transaction.begin()
    transaction.produce(_SMALL, large, b"k", [])

    def refused() -> bool:
        try:
            transaction.produce(_SMALL, b"next", b"k", [])
        except MessageTooLargeError:
            return True
        return False

    eventually(refused, 10, "the next record says why")
    transaction.abort()
    transaction.close()
    patient.close()


def test_batches_of_small_records_fit_into_the_smallest_topic(kafka_bus: KafkaEventBusAdapter) -> None:
    bus = KafkaEventBusAdapter(replace(kafka_bus.config))
    bus.fit(_LIMIT, 1_048_588)
    transaction = bus.transaction("tx.small-batches")
    transaction.begin()
    noise = random.Random(3)
    transaction.produce_all((_SMALL, noise.randbytes(1000), b"k", []) for _ in range(500))
    transaction.commit(None, {})
    transaction.close()
    bus.close()


def test_a_transaction_that_timed_out_is_not_a_name_in_use(kafka_bus: KafkaEventBusAdapter) -> None:
    impatient = KafkaEventBusAdapter(replace(kafka_bus.config, transaction_timeout_ms=1000))
    transaction = impatient.transaction("tx.slow")
    transaction.begin()
    transaction.produce(_SMALL, b"v", b"k", [])

    def ended() -> BusError | None:
        try:
            transaction.produce(_SMALL, b"v", b"k", [])
            transaction.acknowledged()
        except TransactionAbortedError:
            transaction.abort()
        except BusError as error:
            return error
        return None

    found: list[BusError] = []

    def look() -> bool:
        if error := ended():
            found.append(error)
        return bool(found)

    eventually(look, 20, "the coordinator ends it")
    assert isinstance(found[0], TransactionTimedOutError), found
    assert "ONEX_TRANSACTION_TIMEOUT_MS" in str(found[0])
    transaction.close()
    first = impatient.transaction("tx.taken")
    first.begin()
    second = impatient.transaction("tx.taken")
    first.produce(_SMALL, b"v", b"k", [])
    with pytest.raises(FencedError):
        first.commit(None, {})
    for one in (first, second):
        one.close()


def test_a_timeout_above_the_brokers_is_a_setting_to_be_fixed(kafka_bus: KafkaEventBusAdapter) -> None:
    patient = KafkaEventBusAdapter(replace(kafka_bus.config, transaction_timeout_ms=2_000_000))
    with pytest.raises(ConfigurationError, match=r"ONEX_TRANSACTION_TIMEOUT_MS.*transaction.max.timeout.ms"):
        patient.transaction("tx.patient")


def test_a_cluster_that_refuses_a_limit_says_so(kafka_bus: KafkaEventBusAdapter) -> None:
    with pytest.raises(ProvisioningError, match=r"the cluster refuses it.*ONEX_MAX_MESSAGE_BYTES"):
        kafka_bus.admin.alter(_SMALL, {"max.message.bytes": "-5"})
