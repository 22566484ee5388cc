"""An abort that finds delivery reports waiting."""

import pytest
from confluent_kafka import KafkaError, KafkaException

from onex.bus.kafka import KafkaConfig
from onex.bus.kafka.consumer import ErrorSink
from onex.bus.kafka.transaction import KafkaTransaction
from onex.errors import BusUnavailableError


class Client:
    """A producer whose abort times out as long as reports wait, as librdkafka's does."""

    def __init__(self, reports: int, *, retriable: bool = True) -> None:
        self.reports, self.aborts = reports, 0
        self._error = KafkaError(KafkaError._TIMED_OUT, "Failed to flush all outstanding messages", False, retriable)

    def abort_transaction(self, _: float) -> None:
        self.aborts += 1
        if self.reports:
            raise KafkaException(self._error)

    def poll(self, _: float) -> int:
        if not self.reports:
            return 0
        self.reports -= 1
        return 1


class StuckClient(Client):
    def poll(self, _: float) -> int:
        return 0


@pytest.fixture
def transaction(monkeypatch: pytest.MonkeyPatch) -> KafkaTransaction:
    config = KafkaConfig("mock", extra={"test.mock.num.brokers": "1"})
    opened = KafkaTransaction(config, "tx.abort", on_error=ErrorSink())
    opened.begin()
    monkeypatch.setattr(opened, "acknowledged", lambda: True)
    return opened


def test_reports_that_wait_are_served_and_the_abort_runs_again(
    transaction: KafkaTransaction, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those that come one after the other, too: an abort makes reports of what it drops."""
    client = Client(reports=3)
    monkeypatch.setattr(transaction, "_client", client)
    transaction.abort()
    assert client.aborts == 4


@pytest.mark.parametrize(
    ("client", "aborts"),
    [(StuckClient(reports=2), 1), (Client(reports=2, retriable=False), 1), (Client(reports=9), 4)],
)
def test_any_other_failure_of_an_abort_is_raised(
    transaction: KafkaTransaction, client: Client, aborts: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(transaction, "_client", client)
    with pytest.raises(BusUnavailableError, match="aborting"):
        transaction.abort()
    assert client.aborts == aborts
