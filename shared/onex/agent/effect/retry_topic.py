"""The retry topic of one instance: which keys wait on it, and how often their messages were tried.

A message that outlasts its time in memory moves to the node's retry topic, into the partition of the same number,
and stays there in its place until it is done: it is never written again behind its successors. While a key has a
message there, later messages of the key move behind it. A further failure is noted in a small record on the same
partition, so that attempts and due times survive a restart.

None of this needs a store. A new owner reads the retry partition on assignment, from the committed position to the
end (:mod:`onex.agent.effect.backlog_reading`).
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b

from onex.agent.message.envelope import Envelope
from onex.bus.protocols import Emitted, Partition, ProtocolRecord
from onex.wire.retry import Attempts, Moved, Note, Placeholder, moved_record, note_record, parse, placeholder_record

MAX_KEYS = 200_000
"""Limit of the keys that wait on the retry partitions of an instance. At the limit, no input is read."""
_LONGEST_KEY = 64


@dataclass(slots=True)
class Backlog:
    """The messages that wait in one retry partition."""

    keys: Counter[bytes] = field(default_factory=Counter)
    """Unfinished messages by key, in the form of ``_stored_key``."""
    notes: dict[int, Attempts] = field(default_factory=dict)
    """History in the latest note, by the offset of the message."""

    def add(self, record: ProtocolRecord, done: Collection[int]) -> None:
        """Add a record whose offset is not among ``done``.

        A record in no form of the engine is ignored here, and becomes a dead letter when the engine takes it.
        """
        match parse(record):
            case Note(offset, attempts):
                self.notes[offset] = attempts
            case Moved() | Placeholder() if record.offset() not in done and (key := record.key()):
                self.keys[_stored_key(key)] += 1


class RetryTopic:
    """Keys that wait on the assigned retry partitions, and the records that the engine writes there."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._backlogs: dict[int, Backlog] = {}

    def unread(self, partitions: Iterable[Partition]) -> list[int]:
        """Return the partition numbers whose backlog must be read before their messages may run."""
        return sorted({partition.partition for partition in partitions} - set(self._backlogs))

    def adopt(self, backlogs: Mapping[int, Backlog]) -> None:
        """Add the backlogs that were read, by partition number."""
        self._backlogs.update(backlogs)

    def forget(self, numbers: Iterable[int]) -> None:
        """Remove the backlogs of partition numbers that are assigned to another instance."""
        for number in numbers:
            self._backlogs.pop(number, None)

    def has_waiting(self, number: int, key: bytes | None) -> bool:
        """Return whether an earlier message of the key waits on the retry topic."""
        backlog = self._backlogs.get(number)
        return bool(backlog and key and backlog.keys and _stored_key(key) in backlog.keys)

    @property
    def is_full(self) -> bool:
        """Whether ``MAX_KEYS`` keys wait."""
        return sum(len(backlog.keys) for backlog in self._backlogs.values()) >= MAX_KEYS

    def add(self, number: int, key: bytes | None) -> None:
        """Count a message of the key that goes to the retry topic with the next commit.

        Messages of partitions that were revoked are not counted: they do not go there.
        """
        backlog = self._backlogs.get(number)
        if backlog is not None and key:
            backlog.keys[_stored_key(key)] += 1

    def remove(self, number: int, key: bytes | None) -> None:
        """Count one message of the key less: it waits no longer, or was not moved after all."""
        backlog = self._backlogs.get(number)
        if backlog and key and (stored := _stored_key(key)) in backlog.keys:
            backlog.keys[stored] -= 1
            if not backlog.keys[stored]:
                del backlog.keys[stored]

    def finish(self, record: ProtocolRecord) -> None:
        """Free the key of a message or placeholder of the retry topic whose outcome is committed.

        Before the commit the key is not free: its outputs may have to wait for another try, and would then come
        behind those of the next message.
        """
        backlog = self._backlogs.get(record.partition())
        if backlog is not None:
            backlog.notes.pop(record.offset(), None)
            self.remove(record.partition(), record.key())

    def attempts(self, record: ProtocolRecord, moved: Moved) -> Attempts:
        """Return the history of a moved message: that of its latest note, or that of its own headers."""
        backlog = self._backlogs.get(record.partition())
        noted = backlog.notes.get(record.offset()) if backlog else None
        return noted or moved.attempts

    def moved(self, record: ProtocolRecord, envelope: Envelope, attempts: Attempts) -> Emitted:
        """Return the record that moves a message to the retry topic."""
        return moved_record(self.name, record, envelope.id, attempts)

    def placeholder(self, record: ProtocolRecord, envelope: Envelope) -> Emitted:
        """Return the placeholder of a message that became a dead letter."""
        return placeholder_record(self.name, record.key(), envelope.id)

    def note(self, record: ProtocolRecord, attempts: Attempts) -> Emitted:
        """Return a note with the newer history of a message on the retry topic."""
        return note_record(self.name, record, attempts)


def _stored_key(key: bytes) -> bytes:
    """Return a key as it is counted: itself, or a digest of a long one, because senders choose keys."""
    return key if len(key) <= _LONGEST_KEY else b"\x00" + blake2b(key, digest_size=32).digest()
