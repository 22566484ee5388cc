"""Two transactional producers in turn, so that no transaction waits for the previous one."""

from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from typing_extensions import override

from onex.bus.config import KafkaConfig
from onex.bus.kafka.consumer import ErrorSink
from onex.bus.kafka.transaction import KafkaTransaction
from onex.bus.protocols import (
    NOWHERE,
    Emitted,
    Headers,
    OnDelivery,
    Partition,
    Position,
    ProtocolConsumer,
    ProtocolTransaction,
)


class AlternatingTransactions(ProtocolTransaction):
    """Runs one transaction at a time. Each runs on the producer that did not run the previous one.

    A commit returns when it is decided; the broker then writes markers to every partition. A transaction that the
    same producer starts before its markers are written is refused (CONCURRENT_TRANSACTIONS), and librdkafka waits
    20 ms: see decision 16. Both producers initialize at the start, so that an older process with the same id is
    fenced, whichever of its producers it uses next.
    """

    def __init__(self, config: KafkaConfig, transactional_id: str, on_error: ErrorSink) -> None:
        make = partial(KafkaTransaction, config, on_error=on_error)
        with ThreadPoolExecutor(2) as both:
            self._other, self._current = both.map(make, (transactional_id, f"{transactional_id}.2"))

    @override
    def begin(
        self, consumer: ProtocolConsumer | None = None, positions: Mapping[Partition, Position] = NOWHERE
    ) -> None:
        self._current, self._other = self._other, self._current
        self._current.begin(consumer, positions)

    @override
    def produce(
        self,
        topic: str,
        value: bytes | None,
        key: bytes | None,
        headers: Headers,
        partition: int = -1,
        on_delivery: OnDelivery | None = None,
    ) -> None:
        self._current.produce(topic, value, key, headers, partition, on_delivery)

    @override
    def produce_all(self, records: Iterable[Emitted], partition: int = -1) -> None:
        self._current.produce_all(records, partition)

    @override
    def acknowledged(self) -> bool:
        return self._current.acknowledged()

    @override
    def commit(self, consumer: ProtocolConsumer | None, positions: Mapping[Partition, Position]) -> None:
        self._current.commit(consumer, positions)

    @override
    def abort(self) -> None:
        self._current.abort()

    @override
    def overdue(self) -> float:
        # Only one of the producers is in a call at any time.
        return max(self._current.overdue(), self._other.overdue())

    @override
    def close(self) -> None:
        self._current.close()
        self._other.close()
