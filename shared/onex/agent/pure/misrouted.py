"""Records on another partition than that of their key: what to do about producers with another partitioner.

librdkafka's default partitioner hashes keys by CRC32, every client of the mesh by murmur2. State, timers and the
answers to commands are where murmur2 puts the key: a record elsewhere would begin a second state of its key.
"""

from collections.abc import Sequence

import structlog

from onex.agent.message.envelope import Envelope
from onex.bus.protocols import Emitted, ProtocolEventBus, ProtocolRecord
from onex.util.clock import ProtocolClock
from onex.wire import headers as h
from onex.wire.retry import UNTRIED, moved_record

log = structlog.get_logger(__name__)
REMEDY = (
    "set the producer's partitioner to murmur2: partitioner=murmur2_random for confluent-kafka and other librdkafka "
    "clients, kcat -X topic.partitioner=murmur2_random"
)
_WARN_EVERY = 60.0


class MisroutedKeys:
    """Knows where the keys of one keyed node belong, and how a record gets there: over the node's retry topic."""

    def __init__(self, bus: ProtocolEventBus, retry_topic: str, clock: ProtocolClock) -> None:
        """Raises BusError. Inputs, changelog and retry topic have equally many partitions: checked at start."""
        self._bus = bus
        self._clock = clock
        self._retry_topic = retry_topic
        self._partitions = bus.admin.topics([retry_topic])[retry_topic].partitions
        self._warned: float | None = None
        self._unsaid = 0

    def misplaced(self, number: int, keys: Sequence[bytes]) -> set[bytes]:
        """Which of these keys do not belong to a partition number."""
        places = self._bus.partitions_of(keys, self._partitions)
        if places.count(number) == len(places):
            return set()
        return {key for key, place in zip(keys, places, strict=True) if place != number}

    def forwarded(self, record: ProtocolRecord, envelope: Envelope) -> Emitted:
        """The record as it goes to the retry topic, where its key decides about the partition."""
        self._warn(record, envelope)
        topic, value, key, headers = moved_record(self._retry_topic, record, envelope.id, UNTRIED)
        return topic, value, key, [*headers, (h.ORIGINAL_PARTITION, b"%d" % record.partition())]

    def _warn(self, record: ProtocolRecord, envelope: Envelope) -> None:
        self._unsaid += 1
        now = self._clock.monotonic()
        if self._warned is not None and now - self._warned < _WARN_EVERY:
            return
        log.warning(
            "records on the wrong partition for their key are forwarded",
            topic=record.topic(),
            partition=record.partition(),
            source=envelope.header(h.SOURCE).decode(errors="backslashreplace") or "an unknown producer",
            records=self._unsaid,
            remedy=REMEDY,
        )
        self._warned, self._unsaid = now, 0
