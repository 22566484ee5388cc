"""Committed positions of any group, asked through consumers that are not members of it.

The obvious call, ``AdminClient.list_consumer_group_offsets``, ends the process by SIGSEGV or SIGABRT when the group's
coordinator has moved (librdkafka issues 5040, 5315 and 4605). ``tests/unit/test_client_faults.py`` shows whether the
client still has this fault, and ``tests/unit/test_banned_calls.py`` fails when the call is used.
"""

from collections import OrderedDict
from collections.abc import Callable, Collection, Iterable
from threading import Lock
from time import monotonic, sleep

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from onex.bus.kafka.clients import made
from onex.bus.kafka.config import KafkaConfig
from onex.bus.kafka.errors import error_of, to_bus_error, translate
from onex.bus.protocols import Partition, Position

_TIMEOUT = 15.0
"""Seconds for one question, with every repetition and the connections of a client that is new."""
_ASK_AGAIN = 0.1
_MOST_CLIENTS = 8
"""Each client has a thread and a connection for each broker; only a survey asks about many groups."""
MOVING = {
    KafkaError.NOT_COORDINATOR,
    KafkaError.COORDINATOR_NOT_AVAILABLE,
    KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
    KafkaError._WAIT_COORD,
}
"""Answers while the group's coordinator moves to another broker."""


class GroupPositions:
    """One consumer for each group, kept, and never subscribed: no broker counts it as a member. Any thread."""

    def __init__(self, config: KafkaConfig, on_error: Callable[[KafkaError], None]) -> None:
        self._config = config
        self._on_error = on_error
        self._clients: OrderedDict[str, Consumer] = OrderedDict()
        self._lock = Lock()

    def read(self, group: str, partitions: Collection[Partition]) -> dict[Partition, Position]:
        """Return the committed position of each partition that has one, within 15 seconds.

        Offsets of transactions that are still open do not count. Raises BusError.
        """
        if not partitions:
            return {}
        client = self._client_of(group)
        asked = [TopicPartition(partition.topic, partition.partition) for partition in partitions]
        deadline = monotonic() + _TIMEOUT
        while True:
            try:
                found = client.committed(asked, timeout=max(0.1, deadline - monotonic()))
                client.poll(0)  # serves error callbacks, which would pile up in a client that is never polled
            except KafkaException as error:
                known = error_of(error)
                if known is None or known.code() not in MOVING or monotonic() + _ASK_AGAIN >= deadline:
                    raise translate(error, f"asking for offsets of group {group}") from None
                sleep(_ASK_AGAIN)
            else:
                return _positions(found, group)

    def _client_of(self, group: str) -> Consumer:
        """The group's client. One that is dropped closes when the last thread that uses it lets it go."""
        with self._lock:
            client = self._clients.get(group)
            if client is None:
                client = made(Consumer, self._config.positions(group), self._on_error)
                self._clients[group] = client
                if len(self._clients) > _MOST_CLIENTS:
                    self._clients.popitem(last=False)
            self._clients.move_to_end(group)
            return client


def _positions(found: Iterable[TopicPartition], group: str) -> dict[Partition, Position]:
    """Raise BusError for a partition that the broker refuses to report: it may have a position all the same."""
    positions: dict[Partition, Position] = {}
    for at in found:
        if at.error is not None and at.error.code() != KafkaError.UNKNOWN_TOPIC_OR_PART:
            raise to_bus_error(at.error, f"asking for offsets of group {group}")
        if at.offset >= 0:
            positions[Partition(at.topic, at.partition)] = Position(at.offset, at.metadata or "")
    return positions
