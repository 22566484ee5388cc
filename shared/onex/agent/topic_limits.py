"""The size of records that each topic of a node takes, and whether records of the node fit."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from operator import itemgetter

import structlog

from onex.bus.protocols import Emitted, Partition, ProtocolAdmin, TopicState
from onex.contract import ResolvedNode
from onex.errors import BusError, RejectedError
from onex.util.clock import ProtocolClock, SystemClock
from onex.wire.sizes import DEFAULT_MAX_MESSAGE_BYTES, record_bytes, too_large

log = structlog.get_logger(__name__)
_REFRESH_SECONDS = 30.0
_MISSING_SECONDS = 5.0
"""For which a topic that the cluster does not have is not looked for again. Any number of records may name it."""
_MOST_MISSING = 1000
_VALUE = itemgetter(1)
_ENVELOPE = 16_384
"""Bytes that key and headers of an ordinary record never reach. A broker refuses larger ones."""


class TopicLimits:
    """``max.message.bytes`` of the topics that a node writes to, at most 30 seconds old."""

    def __init__(
        self,
        admin: ProtocolAdmin | None,
        topics: Mapping[str, TopicState],
        clock: ProtocolClock,
        on_change: Callable[[], None] | None = None,
    ) -> None:
        """``topics`` as the cluster has them. Without an ``admin`` they do not change.

        ``on_change`` is called when limits have changed so that the producers in use do not fit them any more.
        """
        self._admin = admin
        self._on_change = on_change
        self._clock = clock
        self._refreshed = clock.monotonic()
        self._limits: Mapping[str, int] = {}
        self._plain = 0
        """Bytes. When the values of a group of records have no more together, each record fits into every topic."""
        self._others: dict[str, float] = {}
        """Topics that no contract lists, with the monotonic time at which the cluster had them."""
        self._missing: dict[str, float] = {}
        """Topics that the cluster did not have at a monotonic time, the earliest first."""
        self._suspected: set[Partition] = set()
        """Partitions whose last commit failed because a broker refused a record."""
        self._set(topics)

    @classmethod
    def usual(cls) -> "TopicLimits":
        """Return Kafka's defaults, for work without a cluster."""
        return cls(None, {}, SystemClock())

    @classmethod
    def of(
        cls,
        resolved: ResolvedNode,
        topics: Mapping[str, TopicState],
        admin: ProtocolAdmin,
        clock: ProtocolClock,
        on_change: Callable[[], None] | None = None,
    ) -> "TopicLimits":
        """Return the limits of those of these topics that a node writes to."""
        contract = resolved.contract
        written = {*resolved.outputs.values(), contract.retry_topic, contract.dead_letter_topic}
        if contract.has_changelog:
            written.add(contract.changelog_topic)
        return cls(admin, {name: topics[name] for name in written if name in topics}, clock, on_change)

    def _set(self, topics: Mapping[str, TopicState]) -> None:
        self._limits = {name: topic.max_message_bytes for name, topic in topics.items()}
        self._plain = self.smallest - _ENVELOPE

    @property
    def smallest(self) -> int:
        """The lowest limit of the topics, in bytes."""
        return min(self._limits.values(), default=DEFAULT_MAX_MESSAGE_BYTES)

    @property
    def largest(self) -> int:
        """The highest limit of the topics, in bytes."""
        return max(self._limits.values(), default=DEFAULT_MAX_MESSAGE_BYTES)

    def limit_of(self, topic: str) -> int:
        """Return the bytes that a record of a topic may have, with key and headers."""
        return self._limits.get(topic, DEFAULT_MAX_MESSAGE_BYTES)

    def require_topic(self, topic: str) -> None:
        """Raise RejectedError for a topic that the cluster does not have.

        A record to such a topic would stop the partition of its input. The cluster is asked at most every 30 seconds
        for a topic that exists, and every 5 seconds for one that does not.
        """
        if self._admin is None or topic in self._limits:
            return
        now, seen = self._clock.monotonic(), self._others.get(topic)
        if seen is not None and now - seen < _REFRESH_SECONDS:
            return
        missing = self._missing.get(topic)
        if missing is None or now - missing >= _MISSING_SECONDS:
            try:
                found = self._admin.topics([topic])
            except BusError:
                return  # no message is at fault: the transaction fails too, and all wait
            self._missing.pop(topic, None)
            if found:
                self._others[topic] = now
                return
            self._others.pop(topic, None)
            if len(self._missing) >= _MOST_MISSING:
                del self._missing[next(iter(self._missing))]
            self._missing[topic] = now
        raise RejectedError(f"there is no topic {topic}; `onex apply` creates the topics of contracts")

    @property
    def careful(self) -> bool:
        """Whether every record is measured with key and headers, because a broker has refused one."""
        return bool(self._suspected)

    def suspect(self, partitions: Iterable[Partition]) -> None:
        """Read the limits again, and measure every record until inputs of all these partitions are committed.

        A broker refused a record of these inputs that seemed to fit.
        """
        self._suspected.update(partitions)
        self._read()

    def trust(self, partitions: Iterable[Partition]) -> None:
        """Stop measuring every record for these partitions: they are committed, or assigned to another instance."""
        if self._suspected:
            self._suspected.difference_update(partitions)

    def refresh(self) -> None:
        """Read the limits again when they are 30 seconds old. They stay when the cluster does not respond."""
        if self._clock.monotonic() - self._refreshed >= _REFRESH_SECONDS:
            self._read()

    def _read(self) -> None:
        self._refreshed = self._clock.monotonic()
        if self._admin is None:
            return
        try:
            topics = self._admin.topics(list(self._limits))
        except BusError as error:
            log.info("limits of topics cannot be read again", reason=str(error))
            return
        if topics.keys() != self._limits.keys():
            return
        before = self.smallest, self.largest
        self._set(topics)
        if self._on_change is not None and (self.smallest < before[0] or self.largest > before[1]):
            log.info("limits of topics have changed", smallest=self.smallest, largest=self.largest)
            self._on_change()

    def surely_fit(self, values: Sequence[object]) -> bool:
        """Whether values are so small that their records need not be measured. A value that is not bytes counts 0."""
        if self._suspected:
            return False
        if {*map(type, values)} != {bytes}:
            values = [value for value in values if type(value) is bytes]
        return sum(map(len, values)) <= self._plain  # type: ignore[arg-type]  # all are bytes

    def all_fit(self, records: Sequence[Emitted]) -> bool:
        """Whether the topics take all of these records."""
        if self.surely_fit([*map(_VALUE, records)]):
            return True
        return self.fill(records) <= 1.0

    def fill(self, records: Iterable[Emitted]) -> float:
        """Return the highest ratio of a record's size to the limit of its topic."""
        fills = (record_bytes(value, key, headers) / self.limit_of(topic) for topic, value, key, headers in records)
        return max(fills, default=0.0)

    def require_fit(self, records: Iterable[Emitted], what: str = "record") -> None:
        """Raise RejectedError, which names the remedy, for the first record that its topic does not take."""
        for topic, value, key, headers in records:
            size, limit = record_bytes(value, key, headers), self.limit_of(topic)
            if size > limit:
                raise RejectedError(too_large(topic, size, limit, what))
