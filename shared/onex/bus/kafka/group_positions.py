"""Committed positions of any group, requested by consumers that are not members of it.

The obvious call, ``AdminClient.list_consumer_group_offsets``, ends the process by SIGSEGV or SIGABRT when the group's
coordinator has moved (librdkafka issues 5040, 5315 and 4605). ``tests/unit/test_client_faults.py`` checks whether the
client still has this fault, and ``tests/unit/test_banned_calls.py`` fails when the call is used.
"""

from collections import OrderedDict
from collections.abc import Callable, Collection, Iterable
from threading import Lock
from time import monotonic, sleep

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from onex.bus.config import KafkaConfig
from onex.bus.kafka.clients import make_client
from onex.bus.kafka.committed import position_of
from onex.bus.kafka.errors import error_of, to_bus_error, translate
from onex.bus.protocols import Partition, Position

_TIMEOUT = 15.0
"""Seconds for one request, including repetitions and the connections of a new client."""
_ASK_AGAIN = 0.1
_MOST_CLIENTS = 8
"""Each client has a thread, and a connection to each broker. Only a survey needs many groups."""
MOVING = {
    KafkaError.NOT_COORDINATOR,
    KafkaError.COORDINATOR_NOT_AVAILABLE,
    KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
    KafkaError._WAIT_COORD,
}
"""Errors of a request while the coordinator of the group moves to another broker."""


class GroupPositions:
    """Caches one consumer for each group. None of them subscribes, so that no broker counts one as a member.

    Any thread may call it.
    """

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
        requested = [TopicPartition(partition.topic, partition.partition) for partition in partitions]
        deadline = monotonic() + _TIMEOUT
        while True:
            try:
                committed = client.committed(requested, timeout=max(0.1, deadline - monotonic()))
                client.poll(0)  # serves error callbacks, which would pile up in a client that is never polled
            except KafkaException as error:
                cause = error_of(error)
                if cause is None or cause.code() not in MOVING or monotonic() + _ASK_AGAIN >= deadline:
                    raise translate(error, f"asking for offsets of group {group}") from None
                sleep(_ASK_AGAIN)
            else:
                return _positions(committed, group)

    def _client_of(self, group: str) -> Consumer:
        """Return the client of a group. A client that leaves the cache closes when no thread uses it any more."""
        with self._lock:
            client = self._clients.get(group)
            if client is None:
                client = make_client(Consumer, self._config.positions(group), self._on_error)
                self._clients[group] = client
                if len(self._clients) > _MOST_CLIENTS:
                    self._clients.popitem(last=False)
            self._clients.move_to_end(group)
            return client


def _positions(committed: Iterable[TopicPartition], group: str) -> dict[Partition, Position]:
    """Raise BusError for a partition whose position the broker does not report: it may have one nevertheless."""
    positions: dict[Partition, Position] = {}
    for at in committed:
        if at.error is not None and at.error.code() != KafkaError.UNKNOWN_TOPIC_OR_PART:
            raise to_bus_error(at.error, f"asking for offsets of group {group}")
        if at.offset >= 0:
            positions[Partition(at.topic, at.partition)] = position_of(at)
    return positions
