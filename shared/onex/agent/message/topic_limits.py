"""How large a record each topic of a node takes, and whether what the node writes fits."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import compress, repeat
from operator import is_, itemgetter

import structlog

from onex.bus.protocols import Emitted, Partition, ProtocolAdmin, TopicState
from onex.contract import ResolvedNode
from onex.errors import BusError, RejectedError
from onex.util.clock import ProtocolClock, SystemClock
from onex.wire.sizes import DEFAULT_MAX_MESSAGE_BYTES, record_bytes, too_large

log = structlog.get_logger(__name__)
_LOOK_EVERY = 30.0
_VALUE = itemgetter(1)
_ENVELOPE = 16_384
"""Bytes that key and headers of an ordinary record never reach. Larger ones are found when a broker refuses them."""


class TopicLimits:
    """``max.message.bytes`` of the topics that a node writes to, as of at most half a minute ago."""

    def __init__(
        self,
        admin: ProtocolAdmin | None,
        topics: Mapping[str, TopicState],
        clock: ProtocolClock,
        on_change: Callable[[], None] | None = None,
    ) -> None:
        """``topics`` as the cluster has them; without an ``admin`` they stay as they are.

        ``on_change`` hears when limits have changed so that the producers in use do not fit them any more.
        """
        self._admin = admin
        self._on_change = on_change
        self._clock = clock
        self._looked = clock.monotonic()
        self._limits: Mapping[str, int] = {}
        self._plain = 0
        """Values of a group of records that sum up to no more fit, each with its envelope, into every topic."""
        self._suspected: set[Partition] = set()
        """Partitions whose last commit failed because a broker refused a record."""
        self._take(topics)

    @classmethod
    def usual(cls) -> "TopicLimits":
        """Kafka's defaults, for work without a cluster."""
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
        """Of the topics that this node writes to, out of those that were looked up."""
        contract = resolved.contract
        written = {*resolved.outputs.values(), contract.retry_topic, contract.dead_letter_topic}
        if contract.has_changelog:
            written.add(contract.changelog_topic)
        return cls(admin, {name: topics[name] for name in written if name in topics}, clock, on_change)

    def _take(self, topics: Mapping[str, TopicState]) -> None:
        self._limits = {name: topic.max_message_bytes for name, topic in topics.items()}
        self._plain = self.smallest - _ENVELOPE

    @property
    def smallest(self) -> int:
        """The least limit of all topics written to, in bytes."""
        return min(self._limits.values(), default=DEFAULT_MAX_MESSAGE_BYTES)

    @property
    def largest(self) -> int:
        """The greatest limit, in bytes."""
        return max(self._limits.values(), default=DEFAULT_MAX_MESSAGE_BYTES)

    def limit_of(self, topic: str) -> int:
        """Bytes that a record of a topic may have, with key and headers."""
        return self._limits.get(topic, DEFAULT_MAX_MESSAGE_BYTES)

    @property
    def careful(self) -> bool:
        """Whether every record is measured as a whole, because a broker has just refused one."""
        return bool(self._suspected)

    def suspect(self, partitions: Iterable[Partition]) -> None:
        """A broker refused a record of these inputs that seemed to fit: look at the topics again, and measure every
        record until all of them are committed."""
        self._suspected.update(partitions)
        self._look()

    def trust(self, partitions: Iterable[Partition]) -> None:
        """These inputs are committed, or assigned to another instance."""
        if self._suspected:
            self._suspected.difference_update(partitions)

    def refresh(self) -> None:
        """Look at the topics again, every half minute; a cluster that does not answer leaves what is known."""
        if self._clock.monotonic() - self._looked >= _LOOK_EVERY:
            self._look()

    def _look(self) -> None:
        self._looked = self._clock.monotonic()
        if self._admin is None:
            return
        try:
            found = self._admin.topics(list(self._limits))
        except BusError as error:
            log.info("limits of topics are not known anew", reason=str(error))
            return
        if found.keys() != self._limits.keys():
            return
        before = self.smallest, self.largest
        self._take(found)
        if self._on_change is not None and (self.smallest < before[0] or self.largest > before[1]):
            log.info("limits of topics have changed", smallest=self.smallest, largest=self.largest)
            self._on_change()

    def surely_fit(self, values: Sequence[object]) -> bool:
        """Whether values are so small that their records need not be measured. Whatever is not bytes counts 0."""
        of_bytes = compress(values, map(is_, map(type, values), repeat(bytes)))
        return not self._suspected and sum(map(len, of_bytes)) <= self._plain  # type: ignore[arg-type]  # bytes only

    def all_fit(self, records: Sequence[Emitted]) -> bool:
        """Whether topics take all of these."""
        if self.surely_fit([*map(_VALUE, records)]):
            return True
        return self.fill(records) <= 1.0

    def fill(self, records: Iterable[Emitted]) -> float:
        """Which part of its topic's limit the largest of these records takes."""
        fills = (record_bytes(value, key, headers) / self.limit_of(topic) for topic, value, key, headers in records)
        return max(fills, default=0.0)

    def require_fit(self, records: Iterable[Emitted], what: str = "record") -> None:
        """Raise RejectedError, which names the remedy, for the first record that its topic does not take."""
        for topic, value, key, headers in records:
            size, limit = record_bytes(value, key, headers), self.limit_of(topic)
            if size > limit:
                raise RejectedError(too_large(topic, size, limit, what))
