"""Two transactional producers in turn, so that a transaction never waits for the one before it."""

from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from onex.bus.kafka.config import KafkaConfig
from onex.bus.kafka.consumer import ErrorSink
from onex.bus.kafka.transaction import KafkaTransaction
from onex.bus.protocols import NOWHERE, Emitted, Headers, OnDelivery, Partition, Position, ProtocolConsumer


class AlternatingTransactions:
    """See :class:`ProtocolTransaction`. One transaction at a time, each of the other producer than the last one.

    A commit returns when it is decided; the broker then writes markers to every partition. A producer that begins
    again meanwhile is told to wait (CONCURRENT_TRANSACTIONS), and librdkafka waits 20 ms: see decision 16. Both
    producers are taken over at the start, so that whoever used the same id before is fenced whichever it uses next.
    """

    def __init__(self, config: KafkaConfig, transactional_id: str, on_error: ErrorSink) -> None:
        make = partial(KafkaTransaction, config, on_error=on_error)
        with ThreadPoolExecutor(2) as both:
            self._other, self._current = both.map(make, (transactional_id, f"{transactional_id}.2"))

    def begin(
        self, consumer: ProtocolConsumer | None = None, positions: Mapping[Partition, Position] = NOWHERE
    ) -> None:
        """See the protocol."""
        self._current, self._other = self._other, self._current
        self._current.begin(consumer, positions)

    def produce(
        self,
        topic: str,
        value: bytes | None,
        key: bytes | None,
        headers: Headers,
        partition: int = -1,
        on_delivery: OnDelivery | None = None,
    ) -> None:
        """See the protocol."""
        self._current.produce(topic, value, key, headers, partition, on_delivery)

    def produce_all(self, records: Iterable[Emitted], partition: int = -1) -> None:
        """See the protocol."""
        self._current.produce_all(records, partition)

    def acknowledged(self) -> bool:
        """See the protocol."""
        return self._current.acknowledged()

    def commit(self, consumer: ProtocolConsumer | None, positions: Mapping[Partition, Position]) -> None:
        """See the protocol."""
        self._current.commit(consumer, positions)

    def abort(self) -> None:
        """See the protocol."""
        self._current.abort()

    def overdue(self) -> float:
        """See the protocol; only one of them is ever in a call."""
        return max(self._current.overdue(), self._other.overdue())

    def close(self) -> None:
        """See the protocol."""
        self._current.close()
        self._other.close()
