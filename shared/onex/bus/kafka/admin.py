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
from typing_extensions import override

from onex.bus.config import KafkaConfig
from onex.bus.kafka.clients import make_client
from onex.bus.kafka.consumer import ErrorSink
from onex.bus.kafka.errors import error_of, to_bus_error, translate
from onex.bus.kafka.group_positions import MOVING, GroupPositions
from onex.bus.protocols import Partition, Position, ProtocolAdmin, TopicState
from onex.bus.topics import require_topic
from onex.errors import BusUnavailableError, MissingTopicError, ProvisioningError

_TIMEOUT = 15.0
_LEADER_TIMEOUT = 45.0
"""Seconds for a partition to get its leader: a broker that has just started on a busy machine needs longer than one
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


class KafkaAdmin(ProtocolAdmin):
    """Topics and groups, on one admin client."""

    def __init__(self, config: KafkaConfig, on_error: ErrorSink) -> None:
        self._client = make_client(AdminClient, config.admin(), on_error)
        self._positions = GroupPositions(config, on_error)

    @override
    def topics(self, names: Sequence[str]) -> Mapping[str, TopicState]:
        if not names:
            return {}
        deadline = monotonic() + _TIMEOUT
        while True:
            try:
                return self._topics(names)
            except MissingTopicError:  # it was deleted between the two requests
                if monotonic() > deadline:
                    raise

    def _topics(self, names: Sequence[str]) -> Mapping[str, TopicState]:
        described = self._client.describe_topics(TopicCollection(sorted(set(names))), request_timeout=_TIMEOUT)
        existing = {}
        for name, future in described.items():
            try:
                existing[name] = _wait(future, f"describing {name}")
            except MissingTopicError:
                continue
        resources = [ConfigResource(ResourceType.TOPIC, name) for name in existing]
        configs = self._client.describe_configs(resources, request_timeout=_TIMEOUT) if resources else {}
        entries = {
            resource.name: _wait(future, "describing settings").values() for resource, future in configs.items()
        }
        settings = {
            name: {e.name: e.value for e in values if e.source == ConfigSource.DYNAMIC_TOPIC_CONFIG.value}
            for name, values in entries.items()
        }
        numbers = {
            name: {e.name: int(e.value) for e in values if e.name in (_LIMIT, _IN_SYNC)}
            for name, values in entries.items()
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
            for name, topic in existing.items()
        }

    @override
    def create(self, topics: Sequence[TopicState]) -> None:
        # A broker reports a topic some time after the controller has created it: wait for it.
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

    @override
    def grow(self, topic: str, partitions: int) -> None:
        _wait(self._client.create_partitions([NewPartitions(topic, partitions)])[topic], f"growing {topic}")

    @override
    def alter(self, topic: str, config: Mapping[str, str]) -> None:
        entries = [
            ConfigEntry(name, value, incremental_operation=AlterConfigOpType.SET) for name, value in config.items()
        ]
        resource = ConfigResource(ResourceType.TOPIC, topic, incremental_configs=entries)
        for future in self._client.incremental_alter_configs([resource]).values():
            _wait(future, f"changing settings of {topic}")

    @override
    def delete(self, topic: str) -> None:
        _wait(self._client.delete_topics([topic], request_timeout=_TIMEOUT)[topic], f"deleting {topic}")

    @override
    def remake(self, topic: str) -> str:
        before = require_topic(self, topic)
        self.delete(topic)
        self.create([before])
        # A broker may report the old topic for some time after the controller has deleted it.
        deadline = monotonic() + _TIMEOUT
        while (now := self.topics([topic]).get(topic)) is None or now.identity == before.identity:
            if monotonic() > deadline:
                raise BusUnavailableError(f"{topic} was deleted, but brokers still report it; run the command again")
            sleep(_LOOK_AGAIN)
        return now.identity

    @override
    def ends(self, partitions: Sequence[Partition]) -> Mapping[Partition, tuple[int, int]]:
        return {
            partition: (first, last)
            for partition, first, last in zip(
                partitions,
                self._offsets(partitions, OffsetSpec.earliest()),
                self._offsets(partitions, OffsetSpec.latest()),
                strict=True,
            )
        }

    @override
    def offsets_at(self, partitions: Sequence[Partition], ms: int) -> Mapping[Partition, int]:
        offsets = self._offsets(partitions, OffsetSpec.for_timestamp(ms))
        ends = self._offsets(partitions, OffsetSpec.latest())
        return {p: end if at < 0 else at for p, at, end in zip(partitions, offsets, ends, strict=True)}

    @override
    def stable_ends(self, partitions: Collection[Partition]) -> Mapping[Partition, int]:
        offsets = self._offsets(partitions, OffsetSpec.latest(), IsolationLevel.READ_COMMITTED)
        return dict(zip(partitions, offsets, strict=True))

    def _offsets(
        self,
        partitions: Collection[Partition],
        spec: OffsetSpec,
        isolation: IsolationLevel = IsolationLevel.READ_UNCOMMITTED,
    ) -> list[int]:
        """Repeat the request while the metadata of the client is out of date: a new topic, a restarted broker."""
        request = {TopicPartition(p.topic, p.partition): spec for p in partitions}
        deadline = monotonic() + _LEADER_TIMEOUT
        while True:
            futures: Mapping[TopicPartition, Future[ListOffsetsResultInfo]] = {}
            if request:
                futures = self._client.list_offsets(request, isolation_level=isolation, request_timeout=_TIMEOUT)
            try:
                offsets = {(tp.topic, tp.partition): future.result(_TIMEOUT).offset for tp, future in futures.items()}
            except KafkaException as error:
                cause = error_of(error)
                if cause is None or cause.code() not in _STALE or monotonic() > deadline:
                    raise translate(error, "asking for offsets") from None
                sleep(_ASK_AGAIN)
                with suppress(BusUnavailableError):  # then the next request fails, or the deadline ends it
                    self.brokers()
            else:
                return [offsets[p.topic, p.partition] for p in partitions]

    @override
    def groups(self) -> Mapping[str, bool]:
        """Return every consumer group, and whether it has members now.

        Raises BusError when one broker does not respond, because its groups would be missing. Repeats the request
        while a broker loads the groups that it coordinates, as each broker does after its start.
        """
        deadline = monotonic() + _LEADER_TIMEOUT
        while True:
            listing = _wait(self._client.list_consumer_groups(request_timeout=_TIMEOUT), "listing consumer groups")
            if not listing.errors:
                return {group.group_id: group.state not in _WITHOUT_MEMBERS for group in listing.valid}
            errors = cast(list[KafkaError], listing.errors)  # the documentation of the client says exceptions
            lasting = [error for error in errors if error.code() not in MOVING]
            if lasting or monotonic() > deadline:
                raise to_bus_error([*lasting, *errors][0], "listing consumer groups")
            sleep(_ASK_AGAIN)

    @override
    def group_positions(self, group: str, partitions: Collection[Partition]) -> Mapping[Partition, Position]:
        return self._positions.read(group, partitions)

    def brokers(self, timeout: float = 5) -> int:
        """Return the number of brokers. Raise BusUnavailableError when none responds within ``timeout`` seconds."""
        try:
            return len(self._client.list_topics(timeout=timeout).brokers)
        except KafkaException as error:
            self._client.poll(0)  # serves the error callback, whose error says more than this one
            raise translate(error, "asking the cluster") from None


def _wait(future: "Future[T]", doing: str) -> T:
    try:
        return future.result(_TIMEOUT + 5)
    except KafkaException as error:
        cause = error_of(error)
        if cause is not None and cause.code() in _REFUSED:
            raise ProvisioningError(
                f"{doing}: the cluster refuses it: {cause.str()}; ask its operator to allow it, or ask for less "
                "in the contract or by ONEX_MAX_MESSAGE_BYTES"
            ) from None
        raise translate(error, doing) from None
