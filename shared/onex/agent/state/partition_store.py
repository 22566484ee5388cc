"""Keyed state of one partition: changes of a group of records, changes of a batch, decoded cache, disk.

The way of a change: ``put`` -> ``prepare`` encodes it -> ``stage`` makes it a part of the batch (or ``undo`` forgets
it) -> ``changes`` returns it for the changelog -> ``commit`` writes it to the disk (or ``rollback`` forgets it).
"""

from collections.abc import Callable, Iterable
from itertools import chain, islice
from math import ceil
from operator import itemgetter

import structlog

from onex.agent.state.backends import Change, ProtocolBackend
from onex.agent.state.memory import CacheBudget
from onex.agent.state.timers import TimerTable
from onex.agent.topic_limits import TopicLimits
from onex.errors import MessageError, StateStoreError, UnreadableStateError
from onex.model.message import Message
from onex.schema import Codec
from onex.wire.changelog import STATE, TIMERS

log = structlog.get_logger(__name__)
_ENCODED = itemgetter(1)


class PartitionStore:
    """An aborted batch leaves no trace: its changes are in the overlay until :meth:`commit`."""

    def __init__(
        self, codec: Codec, backend: ProtocolBackend, changelog: str, limits: TopicLimits, *, notes_new: bool = False
    ) -> None:
        """``notes_new``: collect the keys that :meth:`new_keys` returns."""
        self._changelog = changelog
        self._limits = limits
        self.timers = TimerTable()
        self._codec = codec
        self._backend = backend
        self._is_complete = False
        """The end of the changelog was reached, and every later change was made by this process."""
        self._cache: dict[bytes, tuple[Message | None, int]] = {}
        """Decoded state and its weight, the oldest entry first."""
        self._budget = backend.budget
        self._overlay: dict[bytes, tuple[Message | None, bytes | None]] = {}
        """State and its bytes, of keys that the batch has changed."""
        self._fresh: dict[bytes, tuple[Message | None]] = {}
        """State of keys that were put since the last ``stage``. It is encoded once a key, not once a record."""
        self._prepared: dict[bytes, tuple[Message | None, bytes | None]] = {}
        """What ``prepare`` has encoded of ``_fresh``."""
        self._changes: list[Change] = []
        self._new: list[bytes] = []
        self._note_new: Callable[[bytes], object] = self._new.append if notes_new else _ignore

    def new_keys(self) -> list[bytes]:
        """Return keys without a state that were looked up for the first time since the last call.

        A key that has left the cache may come again. The caller checks that each belongs to this partition.
        """
        new = self._new[:]
        self._new.clear()
        return new

    def forget(self, keys: Iterable[bytes]) -> None:
        """Remove keys from the cache, so that the next look-up of each is a first one."""
        for key in keys:
            if entry := self._cache.pop(key, None):
                self._budget.left += entry[1]

    @property
    def cached(self) -> int:
        """Number of keys whose decoded state is in memory."""
        return len(self._cache)

    def shrink(self, share: float) -> int:
        """Remove this share of the decoded states from memory, the oldest first. Return their number."""
        oldest = list(islice(self._cache, ceil(len(self._cache) * share)))
        self.forget(oldest)
        return len(oldest)

    def restored(self) -> None:
        """Mark the store as complete, and load its timers."""
        self._backend.mark_complete()
        self._is_complete = True
        unreadable = self.timers.load((key[1:], value) for key, value in self._backend.scan(TIMERS))
        if unreadable:
            key, error = unreadable[0]
            log.error(
                "timers in the changelog cannot be read, their keys have none",
                topic=self._changelog,
                keys=len(unreadable),
                first=repr(key[:100]),
                reason=str(error),
            )

    def checkpoint(self) -> int:
        """Return the changelog offset up to which the store is complete."""
        return self._backend.checkpoint()

    @property
    def is_empty(self) -> bool:
        """Whether no key has a state, and no timer is set."""
        return next(chain(self._backend.scan(STATE), self._backend.scan(TIMERS)), None) is None

    def size(self) -> tuple[int, int]:
        """Return the estimated number of keys, and bytes on disk."""
        return self._backend.size()

    def apply(self, changes: Iterable[Change], checkpoint: int) -> None:
        """Write records of the changelog to the disk as they are, while the store is restored."""
        self._backend.write(changes, checkpoint)

    def get(self, key: bytes) -> Message | None:
        """Return the state of a key, with the changes of the group and of the batch."""
        if fresh := self._fresh.get(key):
            return fresh[0]
        if changed := self._overlay.get(key):
            return changed[0]
        if cached := self._cache.get(key):
            return cached[0]
        raw = self._backend.get(STATE + key)
        if raw is None:
            state = None
            self._note_new(key)
        else:
            state = self._decoded(key, raw)
        self._remember(key, state, raw)
        return state

    def _decoded(self, key: bytes, raw: bytes) -> Message:
        try:
            return self._codec.decode(raw)
        except MessageError as error:
            raise UnreadableStateError(
                f"the state of key {key[:100]!r} in {self._changelog} cannot be decoded: {error}; run the version of "
                "the node that wrote it"
            ) from error

    def put(self, key: bytes, state: Message | None) -> None:
        """Set the state of a key, until ``stage`` or ``undo``."""
        self._fresh[key] = (state,)

    def prepare(self) -> None:
        """Encode what was put. Raise what the codec raises for a state that is not valid, and RejectedError for one
        that the changelog does not take."""
        encode = self._codec.encode
        prepared = {key: (state, None if state is None else encode(state)) for key, (state,) in self._fresh.items()}
        if not self._limits.surely_fit([*map(_ENCODED, prepared.values())]):
            self._limits.require_fit(
                [(self._changelog, encoded, STATE + key, []) for key, (_, encoded) in prepared.items()], "state"
            )
        self._prepared = prepared

    def stage(self) -> None:
        """Make what ``prepare`` has encoded a part of the batch. Raise nothing: stores of a group change together."""
        self._overlay |= self._prepared
        self._fresh.clear()
        self._prepared = {}

    def undo(self) -> None:
        """Forget what was put since the last ``stage``."""
        self._fresh.clear()
        self._prepared = {}

    def encode(self, state: Message | None) -> bytes | None:
        """Return the bytes of a state. Raise what the codec raises for a message that was not validated."""
        return None if state is None else self._codec.encode(state)

    def changes(self) -> list[Change]:
        """Return what the batch changed, once per key, as changelog and store hold it: states, then timers."""
        if self._fresh:
            self.prepare()
            self.stage()
        changes: list[Change] = [(STATE + key, encoded) for key, (_, encoded) in self._overlay.items()]
        changes += [(TIMERS + key, value) for key, value in self.timers.changes()]
        self._changes = changes
        return changes

    def commit(self, checkpoint: int) -> None:
        """Write the changes of the committed transaction to the disk, together with the changelog offset."""
        if self._changes:
            self._backend.write(self._changes, checkpoint, at_end=True)
        cache, weight_of, grown = self._cache, CacheBudget.weight, 0
        for key, (state, encoded) in self._overlay.items():
            weight = weight_of(encoded)
            grown += weight - (before[1] if (before := cache.get(key)) else 0)
            cache[key] = state, weight
        self._grow(grown)
        self._changes = []
        self._overlay.clear()
        self.timers.commit()

    def rollback(self) -> None:
        """Forget the changes of the aborted transaction."""
        self.forget(self.new_keys())
        self.undo()
        self._overlay.clear()
        self._changes = []
        self.timers.rollback()

    def close(self) -> None:
        """Release the store."""
        self._budget.left += sum(weight for _, weight in self._cache.values())
        self._cache.clear()
        if self._is_complete:
            self._mark_complete()
        self._backend.close()

    def _mark_complete(self) -> None:
        try:
            self._backend.mark_complete()
        except StateStoreError as error:
            log.warning(
                "state not marked as complete, a later start may read it from the changelog", reason=str(error)
            )

    def _remember(self, key: bytes, state: Message | None, encoded: bytes | None) -> None:
        weight = CacheBudget.weight(encoded)
        self._cache[key] = state, weight
        self._grow(weight)

    def _grow(self, weight: int) -> None:
        """Account for this growth of the cache. Evict the oldest entries when the budget is spent."""
        self._budget.left -= weight
        while self._budget.left < 0 and self._cache:
            oldest = next(iter(self._cache))
            self._budget.left += self._cache.pop(oldest)[1]


def _ignore(_: bytes) -> None:
    """Collect no new keys."""
