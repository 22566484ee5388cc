"""Results of an effect by idempotency key, so that a command that comes again gets the same result.

A result is written to the node's changelog in the transaction that publishes it, restored on assignment, and
forgotten after ``delivery.keep_answers``. Failures are not stored: a replayed dead letter runs.

A key belongs to the type and content of the message that came first. Another message with the key is rejected.

A key is looked up in the partition of its command only: a command that is sent again has the same record key, so it
comes by the same partition.
"""

import asyncio
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from onex.agent.message.program import Program
from onex.agent.state.backends import OpenBackend
from onex.agent.state.restored import Restored
from onex.agent.state.store_manager import StoreManager
from onex.agent.topic_limits import TopicLimits
from onex.bus.protocols import Emitted, OnDelivery, Partition, ProtocolEventBus
from onex.model.message import Message
from onex.node.idempotent_result import EffectResult, KeptAnswer, dump_result, load_result, require_same_work
from onex.util.clock import ProtocolClock
from onex.wire.changelog import STATE


@dataclass(frozen=True, slots=True)
class PendingResult:
    """A result that is written to the changelog with the next commit."""

    number: int
    """Partition number, of the changelog as of the command."""
    key: bytes
    result: KeptAnswer
    record: Emitted


class IdempotentResults:
    """The stored results of one instance.

    Lives on the event loop, except :meth:`open` and :meth:`restore`: these run on the thread that polls, for
    partitions of which the loop has no message yet. :meth:`delivered` makes callbacks for the thread that commits.
    """

    def __init__(
        self,
        stores: StoreManager,
        topic: str,
        models: Sequence[type[Message]],
        keep: float,
        clock: ProtocolClock,
        limits: TopicLimits,
    ) -> None:
        """``keep``: seconds after which a result is forgotten."""
        self._limits = limits
        self._stores = stores
        self._topic = topic
        self._models = {model.__name__: model for model in models}
        self._keep_ms = round(keep * 1000)
        self._clock = clock
        self._pending: dict[int, dict[bytes, KeptAnswer]] = defaultdict(dict)
        """Results that are not committed yet, by partition number and key."""
        self._locks: dict[tuple[int, bytes], asyncio.Lock] = {}
        """One for each key of which a handler runs."""
        self._users: Counter[tuple[int, bytes]] = Counter()
        """Messages that own such a lock or wait for it."""
        self._written: dict[int, int] = {}
        """Offset behind the latest record of each changelog partition."""

    @classmethod
    def of(
        cls, program: Program, bus: ProtocolEventBus, open_backend: OpenBackend, clock: ProtocolClock
    ) -> "IdempotentResults | None":
        """Return the results of a node as its contract declares them; None for a node that stores none."""
        contract = program.contract
        keep = contract.delivery.keep_answers
        if keep is None or program.state is None:
            return None
        stores = StoreManager(bus, contract.changelog_topic, program.state, open_backend, program.limits)
        return cls(stores, contract.changelog_topic, list(program.outputs), keep, clock, program.limits)

    def open(self, number: int) -> None:
        """Start to restore the results that earlier owners of a partition stored. Raise BusError."""
        self._stores.open(number)

    def restore(self) -> Sequence[int]:
        """Read a chunk of the changelog; return the partitions that are complete now. Raise BusError."""
        return self._stores.restore()

    @property
    def restored(self) -> Mapping[Partition, Restored]:
        """How far :meth:`restore` is. From any thread."""
        return self._stores.restored

    def forget(self, numbers: Iterable[int]) -> None:
        """Close the stores of partitions that are assigned to another instance."""
        for number in numbers:
            self._stores.close(number)
            self._pending.pop(number, None)
            self._written.pop(number, None)

    def close(self) -> None:
        """Close all stores."""
        self._stores.close_all()

    async def once(self, number: int, key: bytes, digest: str, work: Callable[[], Awaitable[object]]) -> object:
        """Return the stored result of a key, or that of ``work``. Messages with the same key wait for each other.

        Raise RejectedError when the stored result belongs to a message with another digest.
        """
        user = number, key
        self._users[user] += 1
        try:
            async with self._locks.setdefault(user, asyncio.Lock()):
                stored = self._find(number, key)
                if stored is None:
                    return await work()
                require_same_work(key.decode(errors="replace"), stored.digest, digest)
                return load_result(stored.text, self._models)
        finally:
            self._users[user] -= 1
            if not self._users[user]:
                del self._users[user], self._locks[user]

    def store(self, number: int, key: bytes, digest: str, result: object) -> PendingResult | None:
        """Have a result stored with the outcome that publishes it. Return None when it is stored already.

        Return None also for a partition that was revoked meanwhile: its outcome is not committed.
        Raise RejectedError for a result that is too large as a whole.
        """
        if number not in self._stores or self._find(number, key) is not None:
            return None
        stored = KeptAnswer(text=dump_result(cast(EffectResult, result)), kept_ms=self._clock.now_ms(), digest=digest)
        value = self._stores[number].encode(stored)
        record: Emitted = (self._topic, value, STATE + key, [])
        self._limits.require_fit([record], "the result to be stored")
        self._pending[number][key] = stored
        return PendingResult(number, key, stored, record)

    def withdraw(self, pending: PendingResult) -> None:
        """Do not store a result after all, because its outcome cannot be published."""
        self._pending.get(pending.number, {}).pop(pending.key, None)

    def delivered(self, pending: PendingResult) -> OnDelivery:
        """Return a callback that notes how far the changelog reaches. It runs on the thread that commits."""

        def report(error: Exception | None, offset: int) -> None:
            if error is None:
                self._written[pending.number] = max(self._written.get(pending.number, 0), offset + 1)

        return report

    def committed(self, results: Sequence[PendingResult]) -> None:
        """Write results that are in the changelog to the store."""
        by_number: Mapping[int, list[PendingResult]] = defaultdict(list)
        for pending in results:
            if self._pending.get(pending.number, {}).pop(pending.key, None) is not None:
                by_number[pending.number].append(pending)
        for number, of_number in by_number.items():
            store = self._stores[number]
            for pending in of_number:
                store.put(pending.key, pending.result)
            store.changes()
            store.commit(max(self._written.get(number, 0), store.checkpoint()))

    def _find(self, number: int, key: bytes) -> KeptAnswer | None:
        stored = self._pending[number].get(key)
        if stored is None and number in self._stores:
            stored = cast(KeptAnswer | None, self._stores[number].get(key))
        if stored is None or stored.kept_ms + self._keep_ms <= self._clock.now_ms():
            return None
        return stored
