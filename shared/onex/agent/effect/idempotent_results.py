"""Answers of an effect by idempotency key, so that the same key again gets the same answer.

An answer is written to the node's changelog in the transaction that publishes it, restored on assignment and
forgotten after ``delivery.keep_answers``. Failures are not kept: a replayed dead letter runs.

A key belongs to the type and content of the message that came first: another message under it is refused.

A key is known in the partition that its command came by: a command that is sent again has the same record
key, so it comes by the same one.
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
from onex.node.idempotent_result import EffectResult, IdempotentResult, dump_result, load_result, require_same_work
from onex.util.clock import ProtocolClock
from onex.wire.changelog import STATE


@dataclass(frozen=True, slots=True)
class Kept:
    """An answer on its way to the changelog."""

    number: int
    """Partition number, of the changelog as of the command."""
    key: bytes
    answer: IdempotentResult
    record: Emitted


class IdempotentResults:
    """Lives on the loop's thread, but for :meth:`open` and :meth:`restore`, and reports.

    Those two run on the thread that polls, for partitions of which the loop has no message yet.
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
        self._limits = limits
        self._stores = stores
        self._topic = topic
        self._models = {model.__name__: model for model in models}
        self._keep_ms = round(keep * 1000)
        self._clock = clock
        self._pending: dict[int, dict[bytes, IdempotentResult]] = defaultdict(dict)
        """Given, and not committed yet."""
        self._working: dict[tuple[int, bytes], asyncio.Lock] = {}
        self._users: Counter[tuple[int, bytes]] = Counter()
        """How many hold such a lock or wait for it."""
        self._written: dict[int, int] = {}
        """Offset behind the latest record of each changelog partition."""

    @classmethod
    def of(
        cls, program: Program, bus: ProtocolEventBus, open_backend: OpenBackend, clock: ProtocolClock
    ) -> "IdempotentResults | None":
        """As the contract asks for it; None for a node that keeps none."""
        contract = program.contract
        keep = contract.delivery.keep_answers
        if keep is None or program.state is None:
            return None
        stores = StoreManager(bus, contract.changelog_topic, program.state, open_backend, program.limits)
        return cls(stores, contract.changelog_topic, list(program.outputs), keep, clock, program.limits)

    def open(self, number: int) -> None:
        """Begin to restore what earlier owners of a partition answered. Raises BusError."""
        self._stores.open(number)

    def restore(self) -> Sequence[int]:
        """Read a chunk of the changelog; return the partitions that are complete now. Raises BusError."""
        return self._stores.restore()

    @property
    def restored(self) -> Mapping[Partition, Restored]:
        """How far :meth:`restore` is. From any thread."""
        return self._stores.restored

    def forget(self, numbers: Iterable[int]) -> None:
        """These partitions are held elsewhere."""
        for number in numbers:
            self._stores.close(number)
            self._pending.pop(number, None)
            self._written.pop(number, None)

    def close(self) -> None:
        """Release the stores."""
        self._stores.close_all()

    async def once(self, number: int, key: bytes, digest: str, work: Callable[[], Awaitable[object]]) -> object:
        """The answer that is kept, or what ``work`` gives; the same key waits while it is worked on.

        Raises RejectedError when the answer belongs to a message with another digest.
        """
        place = number, key
        self._users[place] += 1
        try:
            async with self._working.setdefault(place, asyncio.Lock()):
                found = self._find(number, key)
                if found is None:
                    return await work()
                require_same_work(key.decode(errors="replace"), found.digest, digest)
                return load_result(found.text, self._models)
        finally:
            self._users[place] -= 1
            if not self._users[place]:
                del self._users[place], self._working[place]

    def keep(self, number: int, key: bytes, digest: str, answer: object) -> Kept | None:
        """Have an answer kept with the outcome that publishes it; None when it is kept already.

        None as well for a partition that was given up meanwhile: its outcome goes nowhere.
        Raises RejectedError for an answer that is too large as a whole.
        """
        if number not in self._stores or self._find(number, key) is not None:
            return None
        kept = IdempotentResult(
            text=dump_result(cast(EffectResult, answer)), kept_ms=self._clock.now_ms(), digest=digest
        )
        value = self._stores[number].encode(kept)
        record: Emitted = (self._topic, value, STATE + key, [])
        self._limits.require_fit([record], "the answer to be kept")
        self._pending[number][key] = kept
        return Kept(number, key, kept, record)

    def withdraw(self, kept: Kept) -> None:
        """The outcome of an answer cannot be published, so the answer is not kept."""
        self._pending.get(kept.number, {}).pop(kept.key, None)

    def delivered(self, kept: Kept) -> OnDelivery:
        """Notes how far the changelog reaches, on the thread that commits."""

        def report(failed: Exception | None, offset: int) -> None:
            if failed is None:
                self._written[kept.number] = max(self._written.get(kept.number, 0), offset + 1)

        return report

    def committed(self, answers: Sequence[Kept]) -> None:
        """These are in the changelog: into the store with them."""
        by_number: Mapping[int, list[Kept]] = defaultdict(list)
        for kept in answers:
            if self._pending.get(kept.number, {}).pop(kept.key, None) is not None:
                by_number[kept.number].append(kept)
        for number, some in by_number.items():
            store = self._stores[number]
            for kept in some:
                store.put(kept.key, kept.answer)
            store.changes()
            store.commit(max(self._written.get(number, 0), store.checkpoint()))

    def _find(self, number: int, key: bytes) -> IdempotentResult | None:
        found = self._pending[number].get(key)
        if found is None and number in self._stores:
            found = cast(IdempotentResult | None, self._stores[number].get(key))
        if found is None or found.kept_ms + self._keep_ms <= self._clock.now_ms():
            return None
        return found
