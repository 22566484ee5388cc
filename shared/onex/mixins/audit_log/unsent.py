"""Entries that are not in the topic yet."""

from collections import deque
from itertools import islice

from onex.model.mesh import AuditRecorded

_MOST_CHARACTERS = 16_777_216
"""Of what messages bring into the entries that wait."""


class UnsentEntries:
    """Ascending by number; bounded in number and in characters. The oldest ones make room."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._entries: deque[AuditRecorded] = deque()
        self._characters = 0
        self.dropped = 0
        """Entries that were given up since the start."""

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def full(self) -> bool:
        """Whether the next entry may take the place of the oldest one."""
        return len(self._entries) >= self._most or self._characters >= _MOST_CHARACTERS

    def add(self, entry: AuditRecorded) -> None:
        """Have an entry wait."""
        while self._entries and self.full:
            self._remove()
            self.dropped += 1
        self._entries.append(entry)
        self._characters += _size(entry)

    def first(self, most: int, number: int) -> list[AuditRecorded]:
        """The oldest ones, as long as one of them is not newer than this number."""
        if not self._entries or self._entries[0].number > number:
            return []
        return list(islice(self._entries, most))

    def sent(self, number: int) -> None:
        """All up to this number are in the topic."""
        while self._entries and self._entries[0].number <= number:
            self._remove()

    def give_up(self, number: int) -> None:
        """The entry of this number cannot be written; those before it are in the topic."""
        self.dropped += 1
        self.sent(number)

    def _remove(self) -> None:
        self._characters -= _size(self._entries.popleft())


def _size(entry: AuditRecorded) -> int:
    sizes = map(len, (entry.what, entry.detail, entry.facts, entry.who, entry.message_id, entry.correlation_id))
    return 256 + sum(sizes)
