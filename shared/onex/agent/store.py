"""Keyed state of one partition: decoded cache over a store, with an overlay until the transaction commits."""

from collections.abc import Iterable

from onex.agent.backing import Change, ProtocolBacking
from onex.agent.state_memory import CacheBudget
from onex.agent.timers import TimerTable
from onex.bus.schema import Codec
from onex.model.message import Message

STATE = b"s"
TIMERS = b"t"


class PartitionStore:
    """An abort leaves no trace: changes live in the overlay until :meth:`commit`."""

    def __init__(self, codec: Codec, backing: ProtocolBacking) -> None:
        self.timers = TimerTable()
        self._codec = codec
        self._backing = backing
        self._cache: dict[bytes, tuple[Message | None, int]] = {}
        """Decoded state and its weight, the oldest entry first."""
        self._budget = backing.budget
        self._overlay: dict[bytes, tuple[Message | None, bytes | None]] = {}
        """State and its bytes, of keys that the batch in hand has changed."""
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
        if changed := self._overlay.get(key):
            return changed[0]
        if known := self._cache.get(key):
            return known[0]
        raw = self._backing.get(STATE + key)
        state = None if raw is None else self._codec.decode(raw)
        self._remember(key, state, raw)
        return state

    def put(self, key: bytes, state: Message | None) -> None:
        """Stage the new state of a key; raises what the codec meets in a state that was not validated."""
        self._overlay[key] = state, self.encoded(state)

    def encoded(self, state: Message | None) -> bytes | None:
        """Bytes of a state; raises what the codec meets in a message that was not validated."""
        return None if state is None else self._codec.encode(state)

    def changes(self) -> list[Change]:
        """What the batch changed, once per key, as changelog and store hold it: states, then timers."""
        changes: list[Change] = [(STATE + key, encoded) for key, (_, encoded) in self._overlay.items()]
        changes += [(TIMERS + key, value) for key, value in self.timers.changes()]
        self._changes = changes
        return changes

    def commit(self, checkpoint: int) -> None:
        """The transaction is committed: changes go to the store together with the changelog offset."""
        if self._changes:
            self._backing.write(self._changes, checkpoint)
        for key, (state, encoded) in self._overlay.items():
            self._remember(key, state, encoded)
        self._changes = []
        self._overlay.clear()
        self.timers.commit()

    def rollback(self) -> None:
        """The transaction was aborted."""
        self._overlay.clear()
        self._changes = []
        self.timers.rollback()

    def close(self) -> None:
        """Release the store."""
        self._budget.left += sum(weight for _, weight in self._cache.values())
        self._cache.clear()
        self._backing.close()

    def _remember(self, key: bytes, state: Message | None, encoded: bytes | None) -> None:
        weight = CacheBudget.weight(encoded)
        before = self._cache.get(key)
        self._cache[key] = state, weight
        self._budget.left -= weight - (before[1] if before else 0)
        while self._budget.left < 0 and self._cache:
            oldest = next(iter(self._cache))
            self._budget.left += self._cache.pop(oldest)[1]
