"""Records of a shared topic that do not belong there: skipped, counted, logged once."""

from collections.abc import Mapping
from dataclasses import dataclass

import structlog

from onex.wire.record import Partition, ProtocolRecord

log = structlog.get_logger(__name__)
_LONGEST = 200


@dataclass(frozen=True, slots=True)
class Skipped:
    """Records of one topic that were skipped: how many, and the first one."""

    count: int
    partition: Partition
    offset: int
    reason: str


class SkippedRecords:
    """Counts them by topic. The first one of each topic is logged with its place and the reason."""

    def __init__(self) -> None:
        self.topics: dict[str, Skipped] = {}
        """By topic, those of which any record was skipped."""

    def skip(self, record: ProtocolRecord, error: Exception) -> None:
        """Count one record. Only the first of its topic is logged: the others may be very many."""
        topic = record.topic()
        before = self.topics.get(topic)
        if before is not None:
            self.topics[topic] = Skipped(before.count + 1, before.partition, before.offset, before.reason)
            return
        partition = Partition(topic, record.partition())
        reason = f"{type(error).__name__}: {error}"[:_LONGEST]
        self.topics[topic] = Skipped(1, partition, record.offset(), reason)
        log.warning(
            "a record does not belong here and is skipped, as all like it",
            topic=topic,
            partition=record.partition(),
            offset=record.offset(),
            reason=reason,
        )

    @property
    def counts(self) -> Mapping[str, int]:
        """How many were skipped, by topic."""
        return {topic: found.count for topic, found in self.topics.items()}
