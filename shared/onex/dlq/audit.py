"""The audit of dead letters: reads and writes the audit topic."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from onex.bus.protocols import ProtocolEventBus, ProtocolTransaction
from onex.dlq.reading import DeadLetter
from onex.model.mesh import AUDIT_TOPICS, DeadLetterAudited, EnumDeadLetterAction
from onex.schema import Codec, ProtocolSchemaCatalogue
from onex.schema.whole_topic import whole_topic
from onex.wire.cloudevents import first_headers
from onex.wire.skipped import SkippedRecords


class EnumLetterState(StrEnum):
    """State of a dead letter."""

    OPEN = "open"
    REPLAYED = "replayed"
    PARKED = "parked"
    DROPPED = "dropped"
    EDITED = "edited"
    REDIRECTED = "redirected"


_STATE_AFTER = {
    EnumDeadLetterAction.REPLAYED: EnumLetterState.REPLAYED,
    EnumDeadLetterAction.PARKED: EnumLetterState.PARKED,
    EnumDeadLetterAction.REOPENED: EnumLetterState.OPEN,
    EnumDeadLetterAction.DROPPED: EnumLetterState.DROPPED,
    EnumDeadLetterAction.EDITED: EnumLetterState.EDITED,
    EnumDeadLetterAction.REDIRECTED: EnumLetterState.REDIRECTED,
}


@dataclass(frozen=True, slots=True)
class Author:
    """The operator who makes a change, and the reason."""

    who: str
    why: str = ""


class Audit:
    """Reads and writes audit entries. Schemas must be registered: ``onex apply``."""

    def __init__(self, bus: ProtocolEventBus, catalogue: ProtocolSchemaCatalogue, prefix: str = "") -> None:
        """``prefix``: the setting ``topic_prefix``."""
        self._bus = bus
        self._catalogue = catalogue
        self._topic = prefix + AUDIT_TOPICS[DeadLetterAudited]
        self._codec = Codec.of_topic(DeadLetterAudited, self._topic, catalogue)
        self._skipped = SkippedRecords()

    def entries(self) -> Iterator[DeadLetterAudited]:
        """Yield all entries, oldest first per letter; skip other records. Raise MissingTopicError, BusError."""
        return whole_topic(self._bus, self._topic, DeadLetterAudited, self._catalogue, self._skipped)

    def states(self) -> dict[str, EnumLetterState]:
        """Return the state by letter. Letters without an entry are open."""
        return {e.letter: _STATE_AFTER[e.action] for e in self.entries() if e.action in _STATE_AFTER}

    def write(
        self,
        transaction: ProtocolTransaction,
        letter: DeadLetter,
        action: EnumDeadLetterAction,
        author: Author,
        detail: str = "",
    ) -> None:
        """Add an entry to an open transaction, so that it exists if and only if the change does."""
        facts = letter.facts
        self.add(transaction, letter.identity, facts["node"], facts["message-id"], action, author, detail)

    def add(
        self,
        transaction: ProtocolTransaction,
        identity: str,
        node: str,
        message_id: str,
        action: EnumDeadLetterAction,
        author: Author,
        detail: str = "",
    ) -> None:
        """Add an entry about a record that is not a dead letter."""
        entry = DeadLetterAudited(
            letter=identity,
            node=node,
            action=action,
            who=author.who,
            why=author.why,
            at=datetime.now(UTC),
            message_id=message_id,
            detail=detail,
        )
        headers = first_headers(self._topic, b"/onex/dlq", f"{identity}/{action}/{entry.at.timestamp()}")
        transaction.produce(self._topic, self._codec.encode(entry), entry.partition_key(), headers)
