"""The retry topic as a durable queue: which keys wait on it, and how often their messages were tried.

A message that outlasts its time in memory moves to the node's retry topic, into the partition of the same
number, and stays there in place until it is done: it is never written behind its successors again. While a
key has a message there, later messages of the key are moved behind it. A further failure is noted in a
small record beside it, so that attempts and due times survive a restart.

Nothing of this needs a store: what a new owner must know, it reads from the retry partition on assignment,
from the committed watermark to the end.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b

from onex.agent.effect.retry_policy import Attempts
from onex.agent.message.envelope import Envelope
from onex.bus.protocols import Emitted, Headers, Partition, ProtocolRecord
from onex.wire import headers as h

MAX_KEYS = 200_000
"""Keys that wait on the retry partitions of an instance; beyond it no more input is read until some are free."""
_LONGEST_KEY = 64
_MOST_ATTEMPTS = 1_000_000
"""What a header says beyond that is no count of attempts; back-off formulas take it."""


@dataclass(slots=True)
class Backlog:
    """What waits in one retry partition."""

    keys: Counter[bytes] = field(default_factory=Counter)
    """Unfinished messages by key, as ``name_of`` has it."""
    notes: dict[int, Attempts] = field(default_factory=dict)
    """Latest note by the offset it is about."""

    def add(self, record: ProtocolRecord, done: Collection[int]) -> None:
        """Take a record into account that is not ``done``.

        One that is not as the engine writes it is skipped here, and becomes a dead letter when it is taken.
        """
        if is_note(record):
            about = h.number_in(dict(record.headers() or []).get(h.RETRY_OF), -1)
            self.notes[about] = attempts_in(record)
        elif is_moved(record) and record.offset() not in done and (key := record.key()):
            self.keys[name_of(key)] += 1


class RetryTopic:
    """Keys that wait on the retry partitions held. Counts come from the topic and from what is moved there now."""

    def __init__(self, topic: str) -> None:
        self.topic = topic
        self._backlogs: dict[int, Backlog] = {}

    def unknown(self, partitions: Iterable[Partition]) -> list[int]:
        """Partition numbers whose backlog must be read before their messages may run."""
        return sorted({partition.partition for partition in partitions} - set(self._backlogs))

    def adopt(self, backlogs: Mapping[int, Backlog]) -> None:
        """Take over what was read."""
        self._backlogs.update(backlogs)

    def forget(self, numbers: Iterable[int]) -> None:
        """Partitions of these numbers are held elsewhere."""
        for number in numbers:
            self._backlogs.pop(number, None)

    def waits(self, number: int, key: bytes | None) -> bool:
        """Whether an earlier message of the key waits on the retry topic."""
        backlog = self._backlogs.get(number)
        return bool(backlog and key and backlog.keys and name_of(key) in backlog.keys)

    @property
    def is_full(self) -> bool:
        """Whether too many keys wait to be remembered."""
        return sum(len(backlog.keys) for backlog in self._backlogs.values()) >= MAX_KEYS

    def moved(self, number: int, key: bytes | None) -> None:
        """A message of the key goes to the retry topic with the next commit; of a partition given up, none does."""
        backlog = self._backlogs.get(number)
        if backlog is not None and key:
            backlog.keys[name_of(key)] += 1

    def finished(self, record: ProtocolRecord) -> None:
        """The outcome of a record of the retry topic is committed; before, the key is not free.

        What came of it may be held back, and would come behind what came of the next one.
        """
        backlog = self._backlogs.get(record.partition())
        if backlog is None or not is_moved(record) or is_note(record):
            return
        backlog.notes.pop(record.offset(), None)
        self.forget_moved(record.partition(), record.key())

    def forget_moved(self, number: int, key: bytes | None) -> None:
        """A message of the key does not wait on the retry topic any more, or was not moved after all."""
        backlog = self._backlogs.get(number)
        if backlog and key and (name := name_of(key)) in backlog.keys:
            backlog.keys[name] -= 1
            if not backlog.keys[name]:
                del backlog.keys[name]

    def attempts(self, record: ProtocolRecord) -> Attempts:
        """History of a message that was moved: its headers, or a later note."""
        backlog = self._backlogs.get(record.partition())
        noted = backlog.notes.get(record.offset()) if backlog else None
        return noted or attempts_in(record)

    def letter(self, record: ProtocolRecord, envelope: Envelope, attempts: Attempts) -> Emitted:
        """The record as it goes to the retry topic: the same bytes and headers, and its history.

        Engine headers of a record from elsewhere are its sender's: they are left out.
        """
        original = record.headers() or []
        found = dict(original) if record.topic() == self.topic else {}
        headers = [pair for pair in h.of_sender(original) if pair[0] != h.ID]
        headers += [(name, raw) for name in (h.REPLAYS, h.PARENT) if (raw := found.get(name))]
        headers += [
            (h.ID, envelope.id),
            (h.ORIGINAL_TOPIC, found.get(h.ORIGINAL_TOPIC) or record.topic().encode()),
            (h.ORIGINAL_OFFSET, b"%d" % h.number_in(found.get(h.ORIGINAL_OFFSET), record.offset())),
            (h.ORIGINAL_TIME, b"%d" % h.number_in(found.get(h.ORIGINAL_TIME), record.timestamp()[1])),
            *_history(attempts),
        ]
        return self.topic, record.value(), record.key(), headers

    def place(self, record: ProtocolRecord, envelope: Envelope) -> Emitted:
        """Where the dead letter of a record would have waited: its key waits behind it."""
        return self.topic, None, record.key(), [(h.HOLD, envelope.id), *_history(Attempts())]

    def note(self, record: ProtocolRecord, attempts: Attempts) -> Emitted:
        """What is to be remembered of a message that stays in place."""
        about = (h.RETRY_OF, b"%d" % record.offset())
        dead = [(h.HOLD, b"")] if attempts.is_dead else []
        return self.topic, None, record.key(), [about, *dead, *_history(attempts)]


def name_of(key: bytes) -> bytes:
    """By which a key is remembered: itself, or a digest of a long one, because senders choose them."""
    return key if len(key) <= _LONGEST_KEY else b"\x00" + blake2b(key, digest_size=32).digest()


def is_moved(record: ProtocolRecord) -> bool:
    """Whether the engine put a record on the retry topic; else somebody replays it."""
    return any(name == h.RETRY_DUE for name, _ in record.headers() or [])


def is_note(record: ProtocolRecord) -> bool:
    """Whether a record of the retry topic only says something about another one."""
    return any(name == h.RETRY_OF for name, _ in record.headers() or [])


def place_of(record: ProtocolRecord) -> bytes:
    """Id of the dead message whose place a record keeps; empty for other records."""
    return dict(record.headers() or []).get(h.HOLD) or b""


def is_release(record: ProtocolRecord) -> bool:
    """Whether a record only says that nobody waits for a dead letter any longer."""
    return any(name == h.RELEASE for name, _ in record.headers() or [])


def released_id(record: ProtocolRecord) -> bytes:
    """Id of the dead message that a record replays or gives up; empty for other records."""
    found = dict(record.headers() or [])
    return found.get(h.ID if h.REPLAY_ID in found else h.RELEASE) or b""


def attempts_in(record: ProtocolRecord) -> Attempts:
    """History in the headers of a moved record or a note; zeros where a header is no number."""
    found = dict(record.headers() or [])
    history = (h.ATTEMPT, h.FIRST_FAILED, h.RETRY_DUE)
    count, first_failed_ms, due_ms = (max(0, h.number_in(found.get(name), 0)) for name in history)
    return Attempts(min(count, _MOST_ATTEMPTS), first_failed_ms, due_ms, is_dead=h.HOLD in found)


def _history(attempts: Attempts) -> Headers:
    return [
        (h.ATTEMPT, b"%d" % attempts.count),
        (h.FIRST_FAILED, b"%d" % attempts.first_failed_ms),
        (h.RETRY_DUE, b"%d" % attempts.due_ms),
    ]
