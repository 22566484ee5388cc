"""Publishes the events of an effect's outbox, each exactly once.

One Kafka transaction holds a batch of events and, in the position of a separate group, the numbers of their rows.
When the relay ends between that transaction and the deletion of the rows, the next leader reads the numbers there,
and deletes the rows instead of publishing them again. A leader that was thought dead is fenced.
"""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TypeVar

import structlog

from onex.agent.failure.classify import Classifier, Failure
from onex.agent.failure.dead_letter import DeadLetterBuilder
from onex.agent.failure.synthetic_records import UnsentRecord
from onex.agent.message.encoding import Encoder
from onex.agent.message.envelope import CauseEnvelope
from onex.agent.message.program import Program
from onex.bus.protocols import (
    Emitted,
    Outgoing,
    Partition,
    Position,
    ProtocolConsumer,
    ProtocolEventBus,
    ProtocolTransaction,
)
from onex.errors import ConfigurationError, FencedError, MessageTooLargeError, TransientError
from onex.model.enums import EnumStage
from onex.model.message import Message
from onex.node import Addressed
from onex.node.outbox import OutboxEvent, ProtocolOutbox
from onex.util.clock import ProtocolClock
from onex.util.failpoint import failpoint

log = structlog.get_logger(__name__)
T = TypeVar("T")
_BATCH = 100
"""Events in one transaction."""
_IDLE = 1.0
"""Seconds to wait for an event, before the outbox is read again."""
_FOLLOW = 2.0
"""Seconds between two tries to lead."""
_TAKE_OVER = 90.0
"""Seconds to make clients. The bus gives up after 60 s, when no broker replies."""


class OutboxRelay:
    """The relay of one node. One instance leads at a time."""

    def __init__(
        self, outbox: ProtocolOutbox, program: Program, bus: ProtocolEventBus, group: str, clock: ProtocolClock
    ) -> None:
        self._outbox = outbox
        self._bus = bus
        self._group = f"{group}.outbox"
        self._clock = clock
        self._models = {model.__name__: model for model in program.outputs}
        self._encoder = Encoder(program.outputs, program.contract.name, seal=program.seal)
        self._mark = Partition(program.contract.retry_topic, 0)
        self._dead_letters = DeadLetterBuilder(program.contract, group, program.limits)
        self._clients: tuple[ProtocolConsumer, ProtocolTransaction] | None = None
        self._taking_over: float | None = None
        """Monotonic time in seconds at which clients began to be made; None while none are."""

    async def run(self, stopping: asyncio.Event) -> None:
        """Publish until ``stopping`` is set. Wait while the database is away. Raise BusError for clients that failed.

        Raise ConfigurationError when the outbox has an event that this version of the node cannot write.
        """
        try:
            while not stopping.is_set():
                try:
                    if not await self._outbox.lead():
                        await _sleep(stopping, _FOLLOW)
                    elif not await self.step():
                        await self._outbox.wait(_IDLE)
                except FencedError as error:  # another instance leads: this one was thought dead
                    log.warning("another instance leads the relay", reason=str(error))
                    await self._pause(stopping)
                except TransientError as error:
                    log.warning("the relay waits for the outbox", reason=str(error))
                    await self._pause(stopping)
        finally:
            await self.close()

    async def _pause(self, stopping: asyncio.Event) -> None:
        """Close the clients and wait. The next take-over reads which rows are published already."""
        await self.close()
        await _sleep(stopping, _FOLLOW)

    async def step(self) -> bool:
        """Publish one batch. Return False when the outbox is empty."""
        if self._clients is None:
            await self._take_over()
        events = await self._outbox.take(_BATCH)
        if not events:
            return False
        failpoint("outbox.taken")
        self._encoder.set_time(self._clock.now_ms())
        await self._carry(events)
        return True

    async def _carry(self, events: Sequence[OutboxEvent]) -> None:
        """Publish in one transaction, or in one for each event when a broker refuses an event for its size."""
        records = [self._record(event) for event in events]
        numbers = [event.number for event in events]
        try:
            await _blocking(lambda: self._publish(records, numbers))
        except MessageTooLargeError as error:
            # The abort may have replaced the producer, which fences a leader that came after this one. So this one
            # takes over as any leader does: it learns which events are published already.
            await self.close()
            await self._take_over()
            left = {event.number for event in await self._outbox.take(_BATCH)}
            if len(events) > 1 or not left.issuperset(numbers):
                for event in events:
                    if event.number in left:
                        await self._carry([event])
                return
            letters = [self._letter(record, error) for record in records]
            await _blocking(lambda: self._publish(letters, numbers))
        failpoint("outbox.published")
        await self._outbox.done(numbers)
        failpoint("outbox.done")

    def _letter(self, record: Emitted, error: MessageTooLargeError) -> Emitted:
        now = self._clock.now_ms()
        failure = Failure(Classifier().classify(error), EnumStage.ENCODE, error, 1, now, now)
        log.warning("dead letter", **{"class": failure.kind}, stage=failure.stage, topic=record[0], error=str(error))
        return self._dead_letters.letter(UnsentRecord(Outgoing(*record), now), failure)

    def overdue(self) -> float:
        """Return the seconds by which a call of the bus has outlasted its own timeout. From any thread."""
        taking_over, clients = self._taking_over, self._clients
        if taking_over is not None:
            return max(0.0, self._clock.monotonic() - taking_over - _TAKE_OVER)
        return 0.0 if clients is None else clients[1].overdue()

    async def close(self) -> None:
        """Close the clients."""
        if self._clients is not None:
            consumer, transaction = self._clients
            self._clients = None
            await _blocking(consumer.close)
            await _blocking(transaction.close)

    async def _take_over(self) -> None:
        """Fence an earlier leader, then delete the rows that it has published."""
        self._taking_over = self._clock.monotonic()
        try:
            transaction = await _blocking(lambda: self._bus.transaction(self._group))
            try:
                consumer = await _blocking(lambda: self._bus.subscribe(self._group, ()))
            except BaseException:
                await _blocking(transaction.close)
                raise
        finally:
            self._taking_over = None
        self._clients = consumer, transaction
        committed = await _blocking(lambda: consumer.committed([self._mark]))
        if (position := committed.get(self._mark)) and position.metadata:
            await self._outbox.done([int(number) for number in position.metadata.split(",")])

    def _publish(self, records: list[Emitted], numbers: list[int]) -> None:
        assert self._clients is not None
        consumer, transaction = self._clients
        transaction.begin()
        try:
            for emitted in records:
                transaction.produce(*emitted)
            failpoint("outbox.produced")
            mark = Position(numbers[-1], ",".join(map(str, numbers)))
            transaction.commit(consumer, {self._mark: mark})
        except BaseException:
            transaction.abort()
            raise

    def _record(self, event: OutboxEvent) -> Emitted:
        model = self._models.get(event.type)
        if model is None:
            raise ConfigurationError(
                f"row {event.number} of the outbox has a {event.type}, which is no output of this node's contract; "
                "declare it again, or delete the row"
            )
        message: Message = model.from_stored_json(event.body)
        cause = CauseEnvelope(event.causation_id, event.correlation_id)
        (record,) = self._encoder.encode_all([Addressed(message, key=event.key, id=event.id)], cause, None)
        return record


async def _blocking(call: Callable[[], T]) -> T:
    return await asyncio.get_running_loop().run_in_executor(None, call)


async def _sleep(stopping: asyncio.Event, seconds: float) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await stopping.wait()
