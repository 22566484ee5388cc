"""Where a cluster is, and the librdkafka settings of every client of the mesh, with the reasons that are not obvious.

Clients on aiokafka use the same :class:`KafkaConfig`: see :mod:`onex.bus.aio.config`.
"""

from dataclasses import dataclass, field, replace
from typing import Literal

from onex.wire.sizes import DEFAULT_MAX_MESSAGE_BYTES, LETTER_ROOM

ClientConfig = dict[str, str | int | float | bool]


@dataclass(frozen=True, slots=True)
class KafkaConfig:
    """Where the cluster is and how to talk to it."""

    bootstrap_servers: str
    group_protocol: Literal["consumer", "classic"] = "consumer"
    """``consumer`` is KIP-848 (brokers 4.0 and later); ``classic`` for older clusters."""
    transaction_timeout_ms: int = 15_000
    """Milliseconds for which a producer that died hides later records of its partitions from readers."""
    max_message_bytes: int = DEFAULT_MAX_MESSAGE_BYTES
    """Bytes of the largest record that a client writes, or fetches together with others."""
    batch_bytes: int = 1_000_000
    """Most bytes in a batch of a producer. A broker refuses a batch above the limit of its topic."""
    extra: dict[str, str] = field(default_factory=dict, repr=False)
    """Further librdkafka settings of all clients, e.g. ``security.protocol`` and ``sasl.*``."""
    producing: dict[str, str] = field(default_factory=dict, repr=False)
    """Settings of producers: how they batch. Settings on which guarantees depend are not taken from here."""

    def fitting(self, smallest: int, largest: int) -> "KafkaConfig":
        """Return the settings for producers that write to topics with these limits in bytes."""
        return replace(
            self,
            max_message_bytes=max(self.max_message_bytes, largest - LETTER_ROOM),
            batch_bytes=min(self.batch_bytes, smallest),
        )

    def _common(self) -> ClientConfig:
        return {
            "bootstrap.servers": self.bootstrap_servers,
            "log_level": 2,
            # The default (rebootstrap) leaves a transactional producer without its group coordinator when all
            # brokers were away at once: send_offsets_to_transaction then never returns.
            "metadata.recovery.strategy": "none",
            "reconnect.backoff.ms": 50,
            "reconnect.backoff.max.ms": 1000,
            # A transaction that begins before the markers of the last one are written is refused, and asked for again
            # after this long; the default is 100 ms.
            "retry.backoff.ms": 2,
            "retry.backoff.max.ms": 200,
            # A broker may not know a topic that was just created. A topic that stays unknown is an error after this.
            "topic.metadata.propagation.max.ms": 3000,
            "topic.metadata.refresh.interval.ms": 30_000,
            **self.extra,
        }

    def producer(self, transactional_id: str | None) -> ClientConfig:
        """Return the settings of a producer.

        It is always idempotent, and hashes keys by murmur2, because all clients must agree on partitions.
        """
        config: ClientConfig = {
            **self._common(),
            "compression.type": "lz4",
            "linger.ms": 0 if transactional_id is None else 5,
            "batch.num.messages": 10_000,
            "queue.buffering.max.messages": 200_000,
            "delivery.timeout.ms": 30_000,
            **self.producing,
            "enable.idempotence": True,
            "acks": "all",
            "partitioner": "murmur2_random",
            "batch.size": min(self.batch_bytes, int(self.producing.get("batch.size", self.batch_bytes))),
            # Dead letters hold the original bytes and more headers, so there is room above the limit of the topics.
            "message.max.bytes": self.max_message_bytes + LETTER_ROOM,
        }
        if transactional_id is None:
            # A broker takes any first sequence number of a partition that it does not know yet: when the first
            # request to a new topic must be sent again and the second one is not, the first one's records count
            # as duplicates, are acknowledged and are lost. See decision 13. Transactions are safe (KIP-890).
            config["max.in.flight"] = 1
        else:
            del config["delivery.timeout.ms"]  # in a transaction, the timeout of the transaction applies
            config["transactional.id"] = transactional_id
            config["transaction.timeout.ms"] = self.transaction_timeout_ms
            # send_offsets_to_transaction waits, without regard to its timeout, for a change of any connection's state
            # after the group's coordinator has gone: https://github.com/confluentinc/librdkafka/issues/5456 and 5511.
            # A quiet client has none, and hangs. Connections that are closed when idle are such a change. Not below
            # 2000: together with a long reconnect.backoff.max.ms a request could time out. See decision 14.
            config["connections.max.idle.ms"] = 2000
        return config

    def consumer(self, group: str) -> ClientConfig:
        """Return the settings of a group member. It reads committed records; only the engine commits positions."""
        config: ClientConfig = {
            **self._reader(),
            "group.id": group,
            "group.protocol": self.group_protocol,
            # KafkaConsumer sets where partitions begin. The engine decides about positions that are out of range.
            "auto.offset.reset": "error",
            "queued.min.messages": 20_000,
            "queued.max.messages.kbytes": 32_768,
        }
        # Range keeps equal partition numbers of all topics on one member: keyed state depends on it.
        if self.group_protocol == "consumer":
            config["group.remote.assignor"] = "range"
        else:
            config["partition.assignment.strategy"] = "range"
            config["session.timeout.ms"] = 10_000
        return config

    def reader(self) -> ClientConfig:
        """Return the settings of a client that reads outside of any group."""
        return {
            **self._reader(),
            "group.id": "onex-reader",
            "auto.offset.reset": "earliest",  # retention may delete records that are about to be read
            "enable.partition.eof": True,
            # Limits of the whole client, whatever the number of partitions that it restores.
            "queued.min.messages": 100_000,
            "queued.max.messages.kbytes": 32_768,
        }

    def positions(self, group: str) -> ClientConfig:
        """Return the settings of a client that requests committed positions of a group without joining it.

        It does not wait for open transactions.
        """
        return {
            **self._common(),
            "group.id": group,
            "group.protocol": self.group_protocol,
            "isolation.level": "read_uncommitted",
            "enable.auto.commit": False,
        }

    def admin(self) -> ClientConfig:
        """Return the settings of the admin client."""
        return self._common()

    def _reader(self) -> ClientConfig:
        return {
            **self._common(),
            "isolation.level": "read_committed",
            "enable.auto.commit": False,
            "enable.auto.offset.store": False,
            "fetch.wait.max.ms": 100,
            # When enough is fetched, librdkafka pauses for this long; the default is a second, in which a fast agent
            # processes all that is fetched.
            "fetch.queue.backoff.ms": 10,
            "fetch.error.backoff.ms": 100,
            # A larger batch is fetched too, but alone.
            "fetch.message.max.bytes": max(1_048_576, self.max_message_bytes + LETTER_ROOM),
            "allow.auto.create.topics": False,
        }
