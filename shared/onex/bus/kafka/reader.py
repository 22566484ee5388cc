"""Reading partitions outside of any group."""

from collections.abc import Iterator, Mapping, Sequence
from time import monotonic, sleep

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition
from typing_extensions import override

from onex.bus.config import KafkaConfig
from onex.bus.kafka.clients import make_client
from onex.bus.kafka.consumer import ErrorSink
from onex.bus.kafka.errors import to_bus_error, translate
from onex.bus.kafka.unreadable import with_readable_headers
from onex.bus.protocols import Partition, ProtocolAdmin, ProtocolReader, ProtocolRecord

_SHORTEST_PAUSE = 0.001
_LONGEST_PAUSE = 0.02
"""Seconds between two polls."""


class KafkaReader(ProtocolReader):
    """Reads with one librdkafka consumer that belongs to no group."""

    def __init__(
        self,
        config: KafkaConfig,
        positions: Mapping[Partition, int],
        ends: Mapping[Partition, int] | None,
        admin: ProtocolAdmin,
        on_error: ErrorSink,
    ) -> None:
        present_ends = admin.ends(list(positions))
        until = {p: present_ends[p][1] if ends is None else ends[p] for p in positions}
        self._left = {p: end for p, end in until.items() if end > max(present_ends[p][0], positions[p])}
        self._client = make_client(Consumer, config.reader(), on_error)
        self._client.assign(
            [
                TopicPartition(partition.topic, partition.partition, max(offset, present_ends[partition][0]))
                for partition, offset in positions.items()
            ]
        )

    @override
    def batch(self, most: int, timeout: float) -> Sequence[ProtocolRecord]:
        try:
            first = self._first(timeout)
            messages: list[Message] = [] if first is None else [first, *self._client.consume(most, 0)]
        except KafkaException as error:
            raise translate(error, "reading") from None
        records: list[Message] = []
        for message in messages:
            failure = message.error()
            partition = Partition(str(message.topic()), int(message.partition() or 0))
            if failure is None:
                records.append(message)
                self._passed(partition, int(message.offset() or 0) + 1)
            elif failure.code() == KafkaError._PARTITION_EOF:
                self._passed(partition, int(message.offset() or 0))
            elif failure.code() not in (KafkaError._TRANSPORT, KafkaError._ALL_BROKERS_DOWN):
                raise to_bus_error(failure, f"reading {message.topic()}")
        return with_readable_headers(records)  # type: ignore[return-value]  # the stub declares topic() optional; it is set on data records

    def _first(self, timeout: float) -> Message | None:
        """Wait by monotonic time: when the clock is set back, a wait of the client lasts longer (decision 39)."""
        deadline, pause = monotonic() + timeout, _SHORTEST_PAUSE
        while (message := self._client.poll(0)) is None and (left := deadline - monotonic()) > 0:
            sleep(min(left, pause))
            pause = min(2 * pause, _LONGEST_PAUSE)
        return message

    def _passed(self, partition: Partition, offset: int) -> None:
        if partition in self._left and offset >= self._left[partition]:
            del self._left[partition]

    @override
    def ended(self, partition: Partition) -> bool:
        return partition not in self._left

    @override
    def drop(self, partition: Partition) -> None:
        # The client fetches nothing more of a paused partition, and releases what it has fetched.
        self._left.pop(partition, None)
        try:
            self._client.pause([TopicPartition(*partition)])
        except KafkaException as error:
            raise translate(error, "reading") from None

    @override
    def reached_end(self) -> bool:
        return not self._left

    @override
    def until_end(self) -> Iterator[ProtocolRecord]:
        while not self.reached_end():
            yield from self.batch(5000, 0.2)

    @override
    def close(self) -> None:
        self._client.close()
