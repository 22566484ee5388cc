"""Records on another partition than that of their key, which producers with another partitioner write.

librdkafka's default partitioner hashes keys by CRC32, every client of the mesh by murmur2. State, timers and replies
are on the partition that murmur2 selects: a record on another one would begin a second state of its key.
"""

from collections.abc import Sequence

import structlog

from onex.agent.message.adoption import has_another_key
from onex.agent.message.envelope import Envelope
from onex.bus.protocols import Emitted, ProtocolEventBus, ProtocolRecord
from onex.util.clock import ProtocolClock
from onex.wire import headers as h
from onex.wire.partitioner import PARTITIONER_REMEDY
from onex.wire.retry import UNTRIED, moved_record

log = structlog.get_logger(__name__)
_WARN_EVERY = 60.0
"""Seconds between two warnings."""


class MisroutedKeys:
    """Finds the partitions of the keys of one keyed node. Its retry topic brings records there."""

    def __init__(self, bus: ProtocolEventBus, retry_topic: str, clock: ProtocolClock) -> None:
        """Raise BusError. Inputs, changelog and retry topic have the same number of partitions: checked at start."""
        self._bus = bus
        self._clock = clock
        self._retry_topic = retry_topic
        self._partitions = bus.admin.topics([retry_topic])[retry_topic].partitions
        self._warned_at: float | None = None
        self._unreported = 0

    def misplaced(self, number: int, keys: Sequence[bytes]) -> set[bytes]:
        """Return those of these keys that do not belong to a partition number."""
        numbers = self._bus.partitions_of(keys, self._partitions)
        if numbers.count(number) == len(numbers):
            return set()
        return {key for key, right_number in zip(keys, numbers, strict=True) if right_number != number}

    def forwarded(self, record: ProtocolRecord, envelope: Envelope) -> Emitted:
        """Return the record as it goes to the retry topic, whose partition follows from its key."""
        if not has_another_key(record):  # else the contract says that records have other keys
            self._warn(record, envelope)
        topic, value, key, headers = moved_record(self._retry_topic, record, envelope.id, UNTRIED)
        return topic, value, key, [*headers, (h.ORIGINAL_PARTITION, b"%d" % record.partition())]

    def _warn(self, record: ProtocolRecord, envelope: Envelope) -> None:
        self._unreported += 1
        now = self._clock.monotonic()
        if self._warned_at is not None and now - self._warned_at < _WARN_EVERY:
            return
        log.warning(
            "records on the wrong partition for their key are forwarded",
            topic=record.topic(),
            partition=record.partition(),
            source=envelope.header(h.SOURCE).decode(errors="backslashreplace") or "an unknown producer",
            records=self._unreported,
            remedy=PARTITIONER_REMEDY,
        )
        self._warned_at, self._unreported = now, 0
