"""Topics and groups on Kafka."""

from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import Future
from contextlib import suppress
from time import monotonic, sleep
from typing import TypeVar, cast

from confluent_kafka import (
    ConsumerGroupState,
    IsolationLevel,
    KafkaError,
    KafkaException,
    TopicCollection,
    TopicPartition,
)
from confluent_kafka.admin import (
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    ConfigSource,
    ListOffsetsResultInfo,
    NewPartitions,
    NewTopic,
    OffsetSpec,
    ResourceType,
)

from onex.bus.kafka.clients import made
from onex.bus.kafka.config import KafkaConfig
from onex.bus.kafka.consumer import ErrorSink
from onex.bus.kafka.errors import error_of, to_bus_error, translate
from onex.bus.kafka.group_positions import MOVING, GroupPositions
from onex.bus.protocols import Partition, Position, TopicState
from onex.bus.topics import require_topic
from onex.errors import BusUnavailableError, MissingTopicError, ProvisioningError

_TIMEOUT = 15.0
_LEADER_TIMEOUT = 45.0
"""Seconds for a partition to get its leader: a broker that has just started on a busy machine needs more than a
request."""
_ASK_AGAIN = 0.1
_LOOK_AGAIN = 0.02
_LIMIT = "max.message.bytes"
_IN_SYNC = "min.insync.replicas"
T = TypeVar("T")


_STALE = {
    KafkaError._NOENT,
    KafkaError.FENCED_LEADER_EPOCH,
    KafkaError.UNKNOWN_LEADER_EPOCH,
    KafkaError.NOT_LEADER_FOR_PARTITION,
    KafkaError.LEADER_NOT_AVAILABLE,
    KafkaError.OFFSET_NOT_AVAILABLE,  # of a leader that does not know the high watermark yet (KIP-207)
}


_WITHOUT_MEMBERS = {ConsumerGroupState.EMPTY, ConsumerGroupState.DEAD}
_REFUSED = {KafkaError.POLICY_VIOLATION, KafkaError.INVALID_CONFIG}


class KafkaAdmin:
    """See :class:`ProtocolAdmin`."""

    def __init__(self, config: KafkaConfig, on_error: ErrorSink) -> None:
        self._client = made(AdminClient, config.admin(), on_error)
        self._positions = GroupPositions(config, on_error)

    def topics(self, names: Sequence[str]) -> Mapping[str, TopicState]:
        """See the protocol."""
        if not names:
            return {}
        deadline = monotonic() + _TIMEOUT
        while True:
            try:
                return self._topics(names)
            except MissingTopicError:  # one went away between the two questions; the next answer is without it
                if monotonic() > deadline:
                    raise

    def _topics(self, names: Sequence[str]) -> Mapping[str, TopicState]:
        described = self._client.describe_topics(TopicCollection(sorted(set(names))), request_timeout=_TIMEOUT)
        found = {}
        for name, future in described.items():
            try:
                found[name] = _wait(future, f"describing {name}")
            except MissingTopicError:
                continue
        resources = [ConfigResource(ResourceType.TOPIC, name) for name in found]
        configs = self._client.describe_configs(resources, request_timeout=_TIMEOUT) if resources else {}
        entries = {
            resource.name: _wait(future, "describing settings").values() for resource, future in configs.items()
        }
        settings = {
            name: {e.name: e.value for e in found if e.source == ConfigSource.DYNAMIC_TOPIC_CONFIG.value}
            for name, found in entries.items()
        }
        numbers = {
            name: {e.name: int(e.value) for e in found if e.name in (_LIMIT, _IN_SYNC)}
            for name, found in entries.items()
        }
        return {
            name: TopicState(
                name,
                len(topic.partitions),
                min(len(partition.replicas) for partition in topic.partitions),
                settings[name],
                str(topic.topic_id),
                numbers[name][_LIMIT],
                numbers[name][_IN_SYNC],
            )
            for name, topic in found.items()
        }

    def create(self, topics: Sequence[TopicState]) -> None:
        """See the protocol. A broker tells of a topic a moment after the controller has made it."""
        wanted = [NewTopic(t.name, t.partitions, t.replication_factor, config=dict(t.config)) for t in topics]
        if not wanted:
            return
        for name, future in self._client.create_topics(wanted, request_timeout=_TIMEOUT).items():
            _wait(future, f"creating {name}")
        names, deadline = {topic.name for topic in topics}, monotonic() + _TIMEOUT
        while missing := names - self.topics(list(names)).keys():
            if monotonic() > deadline:
                raise BusUnavailableError(f"created topics do not appear: {', '.join(sorted(missing))}")
            sleep(_LOOK_AGAIN)

    def grow(self, topic: str, partitions: int) -> None:
        """Add partitions."""
        _wait(self._client.create_partitions([NewPartitions(topic, partitions)])[topic], f"growing {topic}")

    def alter(self, topic: str, config: Mapping[str, str]) -> None:
        """Set some settings, leave the others."""
        entries = [
            ConfigEntry(name, value, incremental_operation=AlterConfigOpType.SET) for name, value in config.items()
        ]
        resource = ConfigResource(ResourceType.TOPIC, topic, incremental_configs=entries)
        for future in self._client.incremental_alter_configs([resource]).values():
            _wait(future, f"changing settings of {topic}")

    def delete(self, topic: str) -> None:
        """Delete a topic and its records."""
        _wait(self._client.delete_topics([topic], request_timeout=_TIMEOUT)[topic], f"deleting {topic}")

    def remake(self, topic: str) -> str:
        """See the protocol. A broker reports the old topic for a moment after the controller has deleted it."""
        before = require_topic(self, topic)
        self.delete(topic)
        self.create([before])
        deadline = monotonic() + _TIMEOUT
        while (now := self.topics([topic]).get(topic)) is None or now.identity == before.identity:
            if monotonic() > deadline:
                raise BusUnavailableError(f"{topic} was deleted, but brokers still report it; run the command again")
            sleep(_LOOK_AGAIN)
        return now.identity

    def ends(self, partitions: Sequence[Partition]) -> Mapping[Partition, tuple[int, int]]:
        """See the protocol."""
        return {
            partition: (first, last)
            for partition, first, last in zip(
                partitions,
                self._offsets(partitions, OffsetSpec.earliest()),
                self._offsets(partitions, OffsetSpec.latest()),
                strict=True,
            )
        }

    def offsets_at(self, partitions: Sequence[Partition], ms: int) -> Mapping[Partition, int]:
        """See the protocol."""
        found = self._offsets(partitions, OffsetSpec.for_timestamp(ms))
        ends = self._offsets(partitions, OffsetSpec.latest())
        return {p: end if at < 0 else at for p, at, end in zip(partitions, found, ends, strict=True)}

    def stable_ends(self, partitions: Collection[Partition]) -> Mapping[Partition, int]:
        """See the protocol."""
        found = self._offsets(partitions, OffsetSpec.latest(), IsolationLevel.READ_COMMITTED)
        return dict(zip(partitions, found, strict=True))

    def _offsets(
        self,
        partitions: Collection[Partition],
        spec: OffsetSpec,
        isolation: IsolationLevel = IsolationLevel.READ_UNCOMMITTED,
    ) -> list[int]:
        """Asked again while the client's metadata is older than the cluster: a new topic, a restarted broker."""
        request = {TopicPartition(p.topic, p.partition): spec for p in partitions}
        deadline = monotonic() + _LEADER_TIMEOUT
        while True:
            futures: Mapping[TopicPartition, Future[ListOffsetsResultInfo]] = {}
            if request:
                futures = self._client.list_offsets(request, isolation_level=isolation, request_timeout=_TIMEOUT)
            try:
                found = {(tp.topic, tp.partition): future.result(_TIMEOUT).offset for tp, future in futures.items()}
            except KafkaException as error:
                known = error_of(error)
                if known is None or known.code() not in _STALE or monotonic() > deadline:
                    raise translate(error, "asking for offsets") from None
                sleep(_ASK_AGAIN)
                with suppress(BusUnavailableError):  # then the next request fails, or the deadline ends it
                    self.brokers()
            else:
                return [found[p.topic, p.partition] for p in partitions]

    def groups(self) -> Mapping[str, bool]:
        """See the protocol. A broker that does not answer is an error: its groups would be missing.

        Asked again while a broker reads the groups that it takes over: all of them do so after their start.
        """
        deadline = monotonic() + _LEADER_TIMEOUT
        while True:
            found = _wait(self._client.list_consumer_groups(request_timeout=_TIMEOUT), "listing consumer groups")
            if not found.errors:
                return {group.group_id: group.state not in _WITHOUT_MEMBERS for group in found.valid}
            errors = cast(list[KafkaError], found.errors)  # the client's documents say exceptions
            lasting = [error for error in errors if error.code() not in MOVING]
            if lasting or monotonic() > deadline:
                raise to_bus_error([*lasting, *errors][0], "listing consumer groups")
            sleep(_ASK_AGAIN)

    def group_positions(self, group: str, partitions: Collection[Partition]) -> Mapping[Partition, Position]:
        """See the protocol."""
        return self._positions.read(group, partitions)

    def brokers(self, timeout: float = 5) -> int:
        """How many brokers answer within these seconds; raises BusUnavailableError when none does."""
        try:
            return len(self._client.list_topics(timeout=timeout).brokers)
        except KafkaException as error:
            self._client.poll(0)  # the client's complaints say more than this error
            raise translate(error, "asking the cluster") from None


def _wait(future: "Future[T]", doing: str) -> T:
    try:
        return future.result(_TIMEOUT + 5)
    except KafkaException as error:
        known = error_of(error)
        if known is not None and known.code() in _REFUSED:
            raise ProvisioningError(
                f"{doing}: the cluster refuses it: {known.str()}; ask its operator to allow it, or ask for less "
                "in the contract or by ONEX_MAX_MESSAGE_BYTES"
            ) from None
        raise translate(error, doing) from None
