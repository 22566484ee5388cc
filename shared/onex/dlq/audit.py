"""Where dead letters stand: the audit topic, read and written."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from onex.agent.program import first_headers
from onex.bus.protocols import ProtocolEventBus, ProtocolTransaction
from onex.bus.schema import Codec, ProtocolSchemaCatalogue
from onex.bus.whole_topic import whole_topic
from onex.dlq.letters import DeadLetter
from onex.model.mesh import AUDIT_TOPICS, DeadLetterAudited, EnumDeadLetterAction

TOPIC = AUDIT_TOPICS[DeadLetterAudited]


class EnumLetterState(StrEnum):
    """Where a dead letter stands."""

    OPEN = "open"
    REPLAYED = "replayed"
    PARKED = "parked"
    DROPPED = "dropped"
    EDITED = "edited"


_STATE_AFTER = {
    EnumDeadLetterAction.REPLAYED: EnumLetterState.REPLAYED,
    EnumDeadLetterAction.PARKED: EnumLetterState.PARKED,
    EnumDeadLetterAction.REOPENED: EnumLetterState.OPEN,
    EnumDeadLetterAction.DROPPED: EnumLetterState.DROPPED,
    EnumDeadLetterAction.EDITED: EnumLetterState.EDITED,
}


@dataclass(frozen=True, slots=True)
class Author:
    """Who acts, and why."""

    who: str
    why: str = ""


class Audit:
    """Reads and writes audit entries. Schemas must be registered: ``onex apply``."""

    def __init__(self, bus: ProtocolEventBus, catalogue: ProtocolSchemaCatalogue) -> None:
        self._bus = bus
        self._catalogue = catalogue
        self._codec = Codec.of_topic(DeadLetterAudited, TOPIC, catalogue)

    def entries(self) -> Iterator[DeadLetterAudited]:
        """All entries, oldest first per letter. Raises MissingTopicError, BusError."""
        return whole_topic(self._bus, TOPIC, DeadLetterAudited, self._catalogue)

    def states(self) -> dict[str, EnumLetterState]:
        """State by letter; those without an entry are open."""
        return {entry.letter: _STATE_AFTER[entry.action] for entry in self.entries()}

    def write(
        self,
        transaction: ProtocolTransaction,
        letter: DeadLetter,
        action: EnumDeadLetterAction,
        author: Author,
        detail: str = "",
    ) -> None:
        """Add an entry to an open transaction: it counts if and only if what it tells of happened."""
        entry = DeadLetterAudited(
            letter=letter.identity,
            node=letter.facts["node"],
            action=action,
            who=author.who,
            why=author.why,
            at=datetime.now(UTC),
            message_id=letter.facts["message-id"],
            detail=detail,
        )
        headers = first_headers(TOPIC, b"/onex/dlq", f"{letter.identity}/{action}/{entry.at.timestamp()}")
        transaction.produce(TOPIC, self._codec.encode(entry), entry.partition_key(), headers)
