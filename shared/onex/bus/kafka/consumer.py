"""A group member on Kafka."""

import sys
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from threading import get_ident
from time import monotonic

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, Message, TopicPartition
from typing_extensions import override

from onex.bus.config import KafkaConfig
from onex.bus.kafka.clients import make_client
from onex.bus.kafka.committed import position_of
from onex.bus.kafka.errors import to_bus_error, translate
from onex.bus.protocols import Partition, Position, ProtocolConsumer, ProtocolRebalanceListener, ProtocolRecord
from onex.errors import BusError, BusUnavailableError

_REFRESH_EVERY = 1.0
"""Seconds between two updates of lag and positions."""
_SERVED_WITHIN = 30.0
"""Seconds that a commit of another thread may wait."""
_TEMPORARY = {KafkaError._MAX_POLL_EXCEEDED, KafkaError._TRANSPORT, KafkaError._ALL_BROKERS_DOWN}


class KafkaConsumer(ProtocolConsumer):
    """A member of a group on one librdkafka consumer."""

    def __init__(
        self,
        config: KafkaConfig,
        group: str,
        topics: Sequence[str],
        listener: ProtocolRebalanceListener | None,
        on_error: "ErrorSink",
    ) -> None:
        self._incremental = config.group_protocol == "consumer"
        self._listener = listener
        self._assigned: dict[Partition, None] = {}
        self._paused: set[Partition] = set()
        self._out_of_range: set[Partition] = set()
        """Paused partitions whose position is no longer in the topic; the client fetches nothing of them."""
        self._starts: dict[Partition, int] = {}
        """Start offsets of new partitions, while the listener runs and the client does not have them yet."""
        self._has_revoked = False
        self._listener_failure: BaseException | None = None
        self._closed = False
        self._thread = get_ident()
        self._requests: deque[tuple[Mapping[Partition, Position], Future[None]]] = deque()
        self._metadata: object
        self._lags: Mapping[Partition, int] = {}
        self._positions: Mapping[Partition, int] = {}
        self._refreshed = 0.0
        self._client = make_client(Consumer, config.consumer(group), on_error)
        if topics:
            self._client.subscribe(
                list(topics), on_assign=self._on_assign, on_revoke=self._on_revoke, on_lost=self._on_lost
            )
        self._metadata = self._client.consumer_group_metadata()

    @override
    def batch(self, most: int, timeout: float) -> Sequence[ProtocolRecord]:
        self._has_revoked = False
        self._thread = get_ident()
        self.serve()
        bare: object = None
        try:
            first = self._client.poll(timeout)  # ``consume(most, timeout)`` would wait for all of them
            self._refresh()
            if first is None:
                self._raise_listener_failure()
                return ()
            records: list[Message] = [first]
            if most > 1:
                records += self._client.consume(most - 1, 0)
        except (KafkaException, SystemError) as error:
            raise translate(error, "reading") from None
        except BaseException:
            raise
        except:  # noqa: E722 - confluent-kafka 2.16 raises a KafkaError, which is no exception, for a failed assignment
            bare = sys.exc_info()[1]
        if bare is not None:  # raised here, because an exception must not have it as its context
            raise translate(bare, "reading")
        self._raise_listener_failure()
        if any(map(Message.error, records)):
            records = self._without_errors(records)
        if self._has_revoked:
            assigned = self._assigned
            records = [r for r in records if Partition(str(r.topic()), int(r.partition() or 0)) in assigned]
        return records  # type: ignore[return-value]  # the stub declares topic() optional; it is set on data records

    def _without_errors(self, records: list[Message]) -> list[Message]:
        for record in records:
            error = record.error()
            if error is None or error.code() in _TEMPORARY:
                continue
            partition = Partition(str(record.topic()), int(record.partition() or 0))
            if error.code() == KafkaError._AUTO_OFFSET_RESET and partition in self._paused:
                self._out_of_range.add(partition)
            else:
                raise to_bus_error(error, f"reading {record.topic() or ''}".rstrip())
        return [record for record in records if record.error() is None]

    @override
    def assignment(self) -> Sequence[Partition]:
        return list(self._assigned)

    @override
    def pause(self, partitions: Sequence[Partition]) -> None:
        assigned = [p for p in partitions if p in self._assigned]
        self._paused.update(assigned)
        self._client.pause([_tp(p) for p in assigned if p not in self._starts])

    @override
    def resume(self, partitions: Sequence[Partition]) -> None:
        assigned = [p for p in partitions if p in self._assigned]
        if gone := self._out_of_range.intersection(assigned):
            raise BusUnavailableError(f"reading {min(gone)}: its position is no longer in the topic")
        self._paused.difference_update(assigned)
        self._client.resume([_tp(p) for p in assigned if p not in self._starts])

    @override
    def seek(self, partition: Partition, offset: int) -> None:
        if partition not in self._assigned:
            return
        if partition in self._starts:
            self._starts[partition] = offset
            return
        try:
            self._client.seek(TopicPartition(*partition, offset))
        except KafkaException as error:
            raise translate(error, f"seeking {partition}") from None

    @override
    def committed(self, partitions: Sequence[Partition]) -> Mapping[Partition, Position]:
        if not partitions:
            return {}
        try:
            committed = self._client.committed([_tp(p) for p in partitions], timeout=15)
        except KafkaException as error:
            raise translate(error, "asking for committed offsets") from None
        return {Partition(at.topic, at.partition): position_of(at) for at in committed if at.offset >= 0}

    @override
    def lag(self) -> Mapping[Partition, int]:
        """Return the lag as of at most a second ago."""
        return self._lags

    @override
    def positions(self) -> Mapping[Partition, int]:
        """Return the positions as of at most a second ago."""
        return self._positions

    @override
    def group_metadata(self) -> object:
        return self._metadata

    @override
    def commit(self, positions: Mapping[Partition, Position]) -> None:
        """Commit outside of a transaction and wait for it. From any thread. Raises BusError.

        On another thread than the one that polls, the commit waits for that one, and raises BusUnavailableError after
        30 seconds: the thread may have ended.
        """
        if not positions:
            return
        if get_ident() == self._thread:
            self._commit_now(positions)
            return
        done: Future[None] = Future()
        self._requests.append((positions, done))
        try:
            done.result(_SERVED_WITHIN)
        except TimeoutError:
            raise BusUnavailableError(f"offsets were not committed within {_SERVED_WITHIN:g} s") from None

    @override
    def serve(self) -> None:
        """Run the commits of other threads: the client belongs to the thread that polls it."""
        while self._requests:
            positions, done = self._requests.popleft()
            try:
                self._commit_now(positions)
            except BusError as error:
                done.set_exception(error)
            else:
                done.set_result(None)

    def _commit_now(self, positions: Mapping[Partition, Position]) -> None:
        try:
            self._client.commit(offsets=offsets_of(positions), asynchronous=False)
        except KafkaException as error:
            raise translate(error, "committing offsets") from None

    def _refresh(self) -> None:
        """Copy what other threads may read: a call of theirs to the client would wait until ours returns."""
        self._metadata = self._client.consumer_group_metadata()
        now = monotonic()
        if now - self._refreshed < _REFRESH_EVERY:
            return
        self._refreshed = now
        lags: dict[Partition, int] = {}
        positions: dict[Partition, int] = {}
        for position in self._client.position([_tp(p) for p in self._assigned]) if self._assigned else []:
            partition = Partition(position.topic, position.partition)
            _, high = self._client.get_watermark_offsets(position, cached=True)
            positions[partition] = max(-1, position.offset)
            if position.offset >= 0 and high >= 0:
                lags[partition] = max(0, high - position.offset)
        self._lags, self._positions = lags, positions

    @override
    def close(self) -> None:
        if not self._closed:
            self._closed = True
            self._client.close()
            self._raise_listener_failure()

    def _on_assign(self, _: Consumer, added: list[TopicPartition]) -> None:
        """Set the offset at which each partition begins.

        The client could request committed positions by itself. But when the reply says that a transaction is open,
        and the assignment has changed meanwhile, it begins as if no position were committed:
        ``rd_kafka_assignment_apply_offsets`` drops the mark that the position is still to be requested.

        A member that is closing may be assigned partitions too, and takes none of them: its client sends no more
        requests.
        """
        if self._closed:
            self._assign([TopicPartition(t.topic, t.partition, OFFSET_BEGINNING) for t in added])
            return
        partitions = [Partition(t.topic, t.partition) for t in added]
        self._assigned |= dict.fromkeys(partitions)
        self._starts = starts = dict.fromkeys(partitions, OFFSET_BEGINNING)
        if partitions:
            self._call_listener(self._begin, partitions)
        self._starts = {}
        self._assign([TopicPartition(*partition, offset) for partition, offset in starts.items()])
        if paused := [_tp(p) for p in partitions if p in self._paused]:
            self._client.pause(paused)

    def _assign(self, begin: list[TopicPartition]) -> None:
        if self._incremental:
            self._client.incremental_assign(begin)
        else:
            self._client.assign(begin)

    def _begin(self, partitions: Sequence[Partition]) -> None:
        committed = self.committed(partitions)
        for partition, position in committed.items():
            self.seek(partition, position.offset)
        if self._listener is not None:
            self._listener.on_assigned(partitions, committed)

    def _on_revoke(self, _: Consumer, removed: list[TopicPartition]) -> None:
        self._remove(removed, lost=False)

    def _on_lost(self, _: Consumer, removed: list[TopicPartition]) -> None:
        self._remove(removed, lost=True)

    def _remove(self, removed: list[TopicPartition], *, lost: bool) -> None:
        partitions = [p for t in removed if (p := Partition(t.topic, t.partition)) in self._assigned]
        if self._listener and partitions:
            self._call_listener(self._listener.on_lost if lost else self._listener.on_revoked, partitions)
        self._has_revoked = True
        for partition in partitions:
            self._assigned.pop(partition, None)
        self._paused.difference_update(partitions)
        self._out_of_range.difference_update(partitions)
        if self._incremental:
            self._client.incremental_unassign(removed)
        else:
            self._client.unassign()

    def _call_listener(self, call: Callable[[Sequence[Partition]], None], partitions: Sequence[Partition]) -> None:
        """Store an exception: none may pass through a callback of librdkafka. ``batch`` or ``close`` raises it."""
        try:
            call(partitions)
        except BaseException as error:  # noqa: BLE001 - raised by the call that ran the callback
            self._listener_failure = error

    def _raise_listener_failure(self) -> None:
        if (failure := self._listener_failure) is not None:
            self._listener_failure = None
            raise failure


def offsets_of(positions: Mapping[Partition, Position]) -> list[TopicPartition]:
    """Return positions in the form of the client."""
    return [TopicPartition(p.topic, p.partition, at.offset, metadata=at.metadata) for p, at in positions.items()]


def _tp(partition: Partition) -> TopicPartition:
    return TopicPartition(partition.topic, partition.partition)


class ErrorSink:
    """Stores the last error that a client reported, for health."""

    def __init__(self) -> None:
        self.last = ""

    def __call__(self, error: KafkaError) -> None:
        self.last = f"{error.str()} ({error.name()})"
