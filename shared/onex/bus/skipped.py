"""Records of a shared topic that do not belong there: skipped, counted, logged once."""

from collections import Counter
from collections.abc import Mapping

import structlog

from onex.bus.protocols import ProtocolRecord

log = structlog.get_logger(__name__)
_LONGEST = 200


class SkippedRecords:
    """Counts them by topic. The first one of each topic is logged with its place and the reason."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()

    def skip(self, record: ProtocolRecord, error: Exception) -> None:
        """Count one record. Only the first of its topic is logged: the others may be very many."""
        topic = record.topic()
        self._counts[topic] += 1
        if self._counts[topic] == 1:
            log.warning(
                "a record does not belong here and is skipped, as all like it",
                topic=topic,
                partition=record.partition(),
                offset=record.offset(),
                reason=f"{type(error).__name__}: {error}"[:_LONGEST],
            )

    @property
    def counts(self) -> Mapping[str, int]:
        """How many were skipped, by topic."""
        return self._counts
