"""Keyed state of one partition: decoded cache over a store, with an overlay until the transaction commits."""

from collections.abc import Iterable

from onex.agent.backing import Change, ProtocolBacking
from onex.agent.timers import TimerTable
from onex.bus.schema import Codec
from onex.model.message import Message

STATE = b"s"
TIMERS = b"t"
_CACHED_KEYS = 100_000


class PartitionStore:
    """An abort leaves no trace: changes live in the overlay until :meth:`commit`."""

    def __init__(self, codec: Codec, backing: ProtocolBacking) -> None:
        self.timers = TimerTable()
        self._codec = codec
        self._backing = backing
        self._cache: dict[bytes, Message | None] = {}
        self._overlay: dict[bytes, Message | None] = {}
        self._changes: list[Change] = []

    def restored(self) -> None:
        """The store is complete: load its timers."""
        self.timers.load((key[1:], value) for key, value in self._backing.scan(TIMERS))

    def checkpoint(self) -> int:
        """Changelog offset up to which the store is complete."""
        return self._backing.checkpoint()

    def size(self) -> tuple[int, int]:
        """Estimated keys, and bytes on disk."""
        return self._backing.size()

    def apply(self, changes: Iterable[Change], checkpoint: int) -> None:
        """Restore: take records of the changelog as they are."""
        self._backing.write(changes, checkpoint)

    def get(self, key: bytes) -> Message | None:
        """State of a key as the batch in hand sees it."""
        if key in self._overlay:
            return self._overlay[key]
        if key in self._cache:
            return self._cache[key]
        raw = self._backing.get(STATE + key)
        state = None if raw is None else self._codec.decode(raw)
        self._remember(key, state)
        return state

    def put(self, key: bytes, state: Message | None) -> None:
        """Stage the new state of a key."""
        self._overlay[key] = state

    def encoded(self, state: Message | None) -> bytes | None:
        """Bytes of a state; raises what the codec meets in a message that was not validated."""
        return None if state is None else self._codec.encode(state)

    def changes(self) -> list[Change]:
        """What the batch changed, once per key, as changelog and store hold it."""
        changes: list[Change] = [(STATE + key, self.encoded(state)) for key, state in self._overlay.items()]
        changes += [(TIMERS + key, value) for key, value in self.timers.changes()]
        self._changes = changes
        return changes

    def commit(self, checkpoint: int) -> None:
        """The transaction is committed: changes go to the store together with the changelog offset."""
        if self._changes:
            self._backing.write(self._changes, checkpoint)
            self._changes = []
        for key, state in self._overlay.items():
            self._remember(key, state)
        self._overlay.clear()
        self.timers.commit()

    def rollback(self) -> None:
        """The transaction was aborted."""
        self._overlay.clear()
        self._changes = []
        self.timers.rollback()

    def close(self) -> None:
        """Release the store."""
        self._backing.close()

    def _remember(self, key: bytes, state: Message | None) -> None:
        if key not in self._cache and len(self._cache) >= _CACHED_KEYS:
            del self._cache[next(iter(self._cache))]
        self._cache[key] = state
