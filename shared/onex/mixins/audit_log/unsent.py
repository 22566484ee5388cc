"""Audit entries that wait to be written."""

from collections import deque
from itertools import islice

from onex.model.mesh import AuditRecorded

_MAX_CHARACTERS = 16_777_216
"""Characters of all waiting entries: messages decide how long an entry is."""


class UnsentEntries:
    """A queue in ascending order of entry numbers, bounded in entries and in characters. The oldest are dropped."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._entries: deque[AuditRecorded] = deque()
        self._characters = 0
        self.dropped = 0
        """Entries dropped since the start."""

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def full(self) -> bool:
        """Whether the next entry causes the oldest to be dropped."""
        return len(self._entries) >= self._most or self._characters >= _MAX_CHARACTERS

    def add(self, entry: AuditRecorded) -> None:
        """Add an entry. Drop the oldest ones while there is no room."""
        while self._entries and self.full:
            self._remove()
            self.dropped += 1
        self._entries.append(entry)
        self._characters += _size(entry)

    def first(self, most: int, number: int) -> list[AuditRecorded]:
        """Return the oldest entries, at most ``most``. Empty when even the oldest is newer than ``number``."""
        if not self._entries or self._entries[0].number > number:
            return []
        return list(islice(self._entries, most))

    def sent(self, number: int) -> None:
        """Remove the entries up to this number, which are written."""
        while self._entries and self._entries[0].number <= number:
            self._remove()

    def give_up(self, number: int) -> None:
        """Drop the entry of this number, which cannot be written. The entries before it are written."""
        self.dropped += 1
        self.sent(number)

    def _remove(self) -> None:
        self._characters -= _size(self._entries.popleft())


def _size(entry: AuditRecorded) -> int:
    sizes = map(len, (entry.what, entry.detail, entry.facts, entry.who, entry.message_id, entry.correlation_id))
    return 256 + sum(sizes)
