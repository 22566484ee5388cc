"""Records of a node's retry topic: what each of them is, and how the engine writes its own.

The engine of the node writes :class:`Moved`, :class:`Placeholder` and :class:`Note`; the dead-letter commands write
:class:`Release`, :class:`Replay` and :class:`~onex.wire.skip.Skip`.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from onex.model.outgoing import Headers
from onex.wire import headers as h
from onex.wire.record import Emitted, ProtocolRecord
from onex.wire.skip import Skip, skip_in

_MOST_ATTEMPTS = 1_000_000
"""Limit of the count in a header, because formulas of back-off raise to its power."""


@dataclass(frozen=True, slots=True)
class Attempts:
    """The history of one message: the number of its attempts, and when the first one failed."""

    count: int = 0
    first_failed_ms: int = 0
    """Milliseconds since 1970."""
    due_ms: int = 0
    """Milliseconds since 1970, before which the message is not tried again; 0 for no wait."""
    is_dead: bool = False
    """The message became a dead letter, and its record is now the placeholder for which its key waits."""


UNTRIED = Attempts()


class Moved(NamedTuple):
    """A message that the engine moved to the retry topic, where it stays in its place until it is done."""

    attempts: Attempts
    """As of the move; a later :class:`Note` has more."""


class Placeholder(NamedTuple):
    """A place in the order of a key. Later messages of the key wait there until the dead letter is released."""

    message_id: bytes
    """Id of the message that became the dead letter."""


class Note(NamedTuple):
    """The newer history of a moved message."""

    offset: int
    """Offset of the message in the same partition; -1 where the header has no number."""
    attempts: Attempts


class Release(NamedTuple):
    """The dead letter of this message was dropped: its key waits for it no longer."""

    message_id: bytes


class Replay(NamedTuple):
    """A replayed dead letter, or any other record that has none of the forms above."""

    message_id: bytes
    """Id of the message that became the dead letter; empty for other records."""


RetryRecord = Moved | Placeholder | Note | Release | Replay | Skip


def parse(record: ProtocolRecord) -> RetryRecord:
    """Return what a record of the retry topic is. Its headers must be readable."""
    headers = dict(record.headers() or ())
    if h.SKIP in headers and (skip := skip_in(record)) is not None:
        return skip
    if h.RETRY_DUE in headers:
        attempts = _attempts_in(headers)
        if h.RETRY_OF in headers:
            return Note(h.number_in(headers[h.RETRY_OF], -1), attempts)
        message_id = headers.get(h.HOLD)
        return Placeholder(message_id) if message_id else Moved(attempts)
    if h.RELEASE in headers:
        return Release(headers[h.RELEASE] or b"")
    return Replay((h.REPLAY_ID in headers and headers.get(h.ID)) or b"")


def _attempts_in(headers: Mapping[str, bytes]) -> Attempts:
    """Return the history of a message; zeros where a header has no number."""
    history = (h.ATTEMPT, h.FIRST_FAILED, h.RETRY_DUE)
    count, first_failed_ms, due_ms = (max(0, h.number_in(headers.get(name), 0)) for name in history)
    return Attempts(min(count, _MOST_ATTEMPTS), first_failed_ms, due_ms, is_dead=h.HOLD in headers)


def moved_record(topic: str, record: ProtocolRecord, message_id: bytes, attempts: Attempts) -> Emitted:
    """Return a record as it goes to a retry topic: the same bytes and headers, and its history.

    Engine headers of a record that comes from another topic are its sender's, and are left out.
    """
    original = record.headers() or []
    engine = dict(original) if record.topic() == topic else {}
    headers = [pair for pair in h.of_sender(original) if pair[0] != h.ID]
    headers += [(name, value) for name in (h.REPLAYS, h.PARENT, h.FROM_STEP) if (value := engine.get(name))]
    headers += [
        (h.ID, message_id),
        (h.ORIGINAL_TOPIC, engine.get(h.ORIGINAL_TOPIC) or record.topic().encode()),
        (h.ORIGINAL_OFFSET, b"%d" % h.number_in(engine.get(h.ORIGINAL_OFFSET), record.offset())),
        (h.ORIGINAL_TIME, b"%d" % h.number_in(engine.get(h.ORIGINAL_TIME), record.timestamp()[1])),
        *_history(attempts),
    ]
    return topic, record.value(), record.key(), headers


def placeholder_record(topic: str, key: bytes | None, message_id: bytes) -> Emitted:
    """Return a placeholder for a dead letter, written where the message would have waited."""
    return topic, None, key, [(h.HOLD, message_id), *_history(UNTRIED)]


def note_record(topic: str, record: ProtocolRecord, attempts: Attempts) -> Emitted:
    """Return a note about a record of the retry topic."""
    about = (h.RETRY_OF, b"%d" % record.offset())
    dead = [(h.HOLD, b"")] if attempts.is_dead else []
    return topic, None, record.key(), [about, *dead, *_history(attempts)]


def release_record(topic: str, key: bytes | None, message_id: bytes) -> Emitted:
    """Return the record by which a dropped dead letter frees its key."""
    return topic, None, key, [(h.RELEASE, message_id)]


def _history(attempts: Attempts) -> Headers:
    return [
        (h.ATTEMPT, b"%d" % attempts.count),
        (h.FIRST_FAILED, b"%d" % attempts.first_failed_ms),
        (h.RETRY_DUE, b"%d" % attempts.due_ms),
    ]
