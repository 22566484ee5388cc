"""Keyed state of one partition: what a group of records changes, what its batch has changed, decoded cache, disk.

A change is ``put``, encoded by ``settle`` (or forgotten by ``undo``), and goes to the changelog with ``changes`` and
to the disk with ``commit`` (or is forgotten by ``rollback``).
"""

from collections.abc import Callable, Iterable
from itertools import chain
from operator import itemgetter

import structlog

from onex.agent.message.topic_limits import TopicLimits
from onex.agent.state.backends import Change, ProtocolBackend
from onex.agent.state.memory import CacheBudget
from onex.agent.state.timers import TimerTable
from onex.errors import MessageError, StateStoreError, UnreadableStateError
from onex.model.message import Message
from onex.schema import Codec
from onex.wire.changelog import STATE, TIMERS

log = structlog.get_logger(__name__)
_ENCODED = itemgetter(1)


class PartitionStore:
    """An abort leaves no trace: changes live in the overlay until :meth:`commit`."""

    def __init__(
        self, codec: Codec, backend: ProtocolBackend, changelog: str, limits: TopicLimits, *, notes_new: bool = False
    ) -> None:
        """``notes_new``: somebody asks for ``new_keys``."""
        self._changelog = changelog
        self._limits = limits
        self.timers = TimerTable()
        self._codec = codec
        self._backend = backend
        self._is_complete = False
        """The end of the changelog was reached, and every change since then was made here."""
        self._cache: dict[bytes, tuple[Message | None, int]] = {}
        """Decoded state and its weight, the oldest entry first."""
        self._budget = backend.budget
        self._overlay: dict[bytes, tuple[Message | None, bytes | None]] = {}
        """State and its bytes, of keys that the batch in hand has changed."""
        self._fresh: dict[bytes, tuple[Message | None]] = {}
        """State of keys that were put since the last ``settle``: not encoded yet, so that it happens once a key."""
        self._changes: list[Change] = []
        self._new: list[bytes] = []
        self._note_new: Callable[[bytes], object] = self._new.append if notes_new else _ignore

    def new_keys(self) -> list[bytes]:
        """Keys without a state that were looked up since the last call and had not been looked up before, as far as
        is known: each must be where it belongs."""
        new = self._new[:]
        self._new.clear()
        return new

    def forget(self, keys: Iterable[bytes]) -> None:
        """These keys count as never looked up."""
        for key in keys:
            if known := self._cache.pop(key, None):
                self._budget.left += known[1]

    def restored(self) -> None:
        """The store is complete: load its timers."""
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
        """Changelog offset up to which the store is complete."""
        return self._backend.checkpoint()

    @property
    def is_empty(self) -> bool:
        """Whether no key has a state, and no timer is set."""
        return next(chain(self._backend.scan(STATE), self._backend.scan(TIMERS)), None) is None

    def size(self) -> tuple[int, int]:
        """Estimated keys, and bytes on disk."""
        return self._backend.size()

    def apply(self, changes: Iterable[Change], checkpoint: int) -> None:
        """Restore: take records of the changelog as they are."""
        self._backend.write(changes, checkpoint)

    def get(self, key: bytes) -> Message | None:
        """State of a key as the records in hand see it."""
        if fresh := self._fresh.get(key):
            return fresh[0]
        if changed := self._overlay.get(key):
            return changed[0]
        if known := self._cache.get(key):
            return known[0]
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
        """The new state of a key, until ``settle`` or ``undo``."""
        self._fresh[key] = (state,)

    def stage(self) -> None:
        """What was put belongs to the batch: all of it, or nothing when the codec raises at one that is not valid.

        Raises RejectedError for a state that its changelog does not take.
        """
        encode = self._codec.encode
        settled = {key: (state, None if state is None else encode(state)) for key, (state,) in self._fresh.items()}
        if not self._limits.surely_fit([*map(_ENCODED, settled.values())]):
            self._limits.require_fit(
                [(self._changelog, encoded, STATE + key, []) for key, (_, encoded) in settled.items()], "state"
            )
        self._overlay |= settled
        self._fresh.clear()

    def undo(self) -> None:
        """Forget what was put since the last ``settle``."""
        self._fresh.clear()

    def encoded(self, state: Message | None) -> bytes | None:
        """Bytes of a state; raises what the codec meets in a message that was not validated."""
        return None if state is None else self._codec.encode(state)

    def changes(self) -> list[Change]:
        """What the batch changed, once per key, as changelog and store hold it: states, then timers."""
        self.stage()
        changes: list[Change] = [(STATE + key, encoded) for key, (_, encoded) in self._overlay.items()]
        changes += [(TIMERS + key, value) for key, value in self.timers.changes()]
        self._changes = changes
        return changes

    def commit(self, checkpoint: int) -> None:
        """The transaction is committed: changes go to the store together with the changelog offset."""
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
        """The transaction was aborted."""
        self.forget(self.new_keys())
        self._fresh.clear()
        self._overlay.clear()
        self._changes = []
        self.timers.rollback()

    def close(self) -> None:
        """Release the store."""
        self._budget.left += sum(weight for _, weight in self._cache.values())
        self._cache.clear()
        if self._is_complete:
            self._keep_up()
        self._backend.close()

    def _keep_up(self) -> None:
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
        """The cache takes so much more; the oldest entries make room for it."""
        self._budget.left -= weight
        while self._budget.left < 0 and self._cache:
            oldest = next(iter(self._cache))
            self._budget.left += self._cache.pop(oldest)[1]


def _ignore(_: bytes) -> None:
    """No one asks for new keys."""
