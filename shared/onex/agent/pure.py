"""COMPUTE, REDUCER and ORCHESTRATOR: a batch from topics to topics in one transaction, on one thread.

The way of a record: ``step`` takes a batch -> ``_carry`` opens the transaction -> ``_one`` decodes,
calls the handler and produces -> ``_carry`` writes the changelog and commits offsets with it all.
"""

from collections.abc import Iterable, Sequence

import structlog

from onex.agent.answers import Answer, as_emissions
from onex.agent.backing import OpenBacking
from onex.agent.batch_traces import BatchTraces
from onex.agent.clock import ProtocolClock, to_datetime
from onex.agent.current import CURRENT
from onex.agent.dead_letter import DeadLetterOffice
from onex.agent.emit import Emitted, Emitter
from onex.agent.envelope import Envelope, TimerEnvelope, kept_for_timers
from onex.agent.failure import Classifier, Failure, stage_of
from onex.agent.health import Health
from onex.agent.held import HeldPartitions
from onex.agent.metrics import AgentMetrics
from onex.agent.program import Program
from onex.agent.receive import Received, Receiver
from onex.agent.standby import Standby
from onex.agent.stores import Stores
from onex.agent.timer_record import TimerRecord
from onex.agent.timers import DueTimer
from onex.agent.tracing import Tracing
from onex.bus.protocols import (
    Partition,
    Position,
    ProtocolConsumer,
    ProtocolEventBus,
    ProtocolRecord,
    ProtocolTransaction,
)
from onex.model.enums import EnumStage
from onex.model.errors import (
    BusError,
    FencedError,
    HandlerTimeoutError,
    MessageTooLargeError,
    TransactionAbortedError,
)
from onex.model.mesh import EnumConsumerEvent
from onex.model.message import Message
from onex.node import TimerFired

log = structlog.get_logger(__name__)
_TIMERS_PER_BATCH = 1000
_OBSERVE_EVERY = 1.0


class PureAgent:
    """One instance of a pure node. Single-threaded; drive it with ``step``."""

    def __init__(
        self,
        program: Program,
        bus: ProtocolEventBus,
        group: str,
        transactional_id: str | None,
        clock: ProtocolClock,
        health: Health,
        metrics: AgentMetrics,
        open_backing: OpenBacking,
        tracing: Tracing | None = None,
    ) -> None:
        contract, policy = program.contract, program.contract.error_handling.retry_policy
        self._bus = bus
        self._group = group
        self._transactional_id = transactional_id
        self._topics = program.topics
        self._clock = clock
        self._health = health
        self._metrics = metrics
        self._receiver = Receiver(program)
        self._emitter = Emitter(program.outputs, contract.name)
        self._office = DeadLetterOffice(contract, group)
        self._classifier = Classifier(policy.retryable_exceptions, policy.retryable_error_codes)
        self._most = contract.delivery.batch_size
        self._on_timer = program.timers
        self._handle = self._compute if program.state is None else self._keyed
        self._changelog = contract.changelog_topic
        self._standby = Standby(bus, self._changelog, open_backing) if contract.delivery.standby else None
        self._stores = (
            None
            if program.state is None
            else Stores(bus, self._changelog, program.state, open_backing, self._standby)
        )
        self._moved = True
        """Partitions were assigned or given up since the standby last looked."""
        self._traces = BatchTraces(tracing) if tracing else None
        self._observed = 0.0
        self._held = HeldPartitions(clock, health)
        self._doomed: dict[tuple[str, int, int], tuple[Exception, EnumStage]] = {}
        """Records that hung or that the bus refused: buried at once when the batch runs again."""
        self._dead: list[str] = []
        self._now_ms = 0
        self._sent = 0
        self.stage = EnumStage.DECODE
        """Where the record in hand is; the watchdog looks at it from a signal handler."""
        self.carried = 0
        """Records taken in hand so far; does not move while one hangs."""
        self._progress: dict[Partition, int] = {}

    def open(self) -> None:
        """Take over the transactional id, join the group. Raises BusError."""
        self._transaction: ProtocolTransaction = self._bus.transaction(self._transactional_id)
        self._consumer: ProtocolConsumer = self._bus.subscribe(self._group, self._topics, self)

    def close(self) -> None:
        """Leave the group and release everything; nothing is in work between two steps."""
        self._consumer.close()
        self._transaction.close()
        if self._stores is not None:
            self._stores.close_all()
        if self._standby is not None:
            self._standby.close()

    def step(self, timeout: float) -> bool:
        """Carry one batch, waiting up to ``timeout`` seconds for it; gives whether there was anything to do.

        Raises FencedError when another instance owns the transactional id, BusUnavailableError when
        clients must be made anew. Other failures of the bus undo the batch, which then runs again.
        """
        if self._stores is not None and self._stores.restoring:
            timeout = 0.0
            for number in self._stores.restore():
                self._consumer.resume([p for p in self._consumer.assignment() if p.partition == number])
                self._health.settle(f"restore {number}")
        self._consumer.resume(self._held.to_resume())
        records = self._consumer.batch(self._most, self._patience(timeout))
        self._observe()
        due = self._due()
        behind = self._stand_by()
        if not records and not due:
            return behind or (self._stores is not None and self._stores.restoring)
        self._carry(records, due)
        return True

    def _stand_by(self) -> bool:
        """Follow the partitions of the other instances, but not while own ones are being restored."""
        if self._standby is None or self._stores is None or self._stores.restoring:
            return False
        try:
            if self._moved:
                self._standby.follow_all_but(self._stores.held)
                self._moved = False
            return self._standby.step()
        except BusError as error:  # the node's own work goes on without copies, which are followed again later
            log.warning("standby cannot follow", reason=str(error))
            self._moved = True
            return False

    def _carry(self, records: Sequence[ProtocolRecord], due: Sequence[tuple[int, DueTimer]]) -> None:
        metrics, traces = self._metrics, self._traces
        started = self._clock.monotonic()
        self._now_ms = self._clock.now_ms()
        metrics.in_flight.set(len(records) + len(due))
        if records:
            metrics.queue_seconds.observe(max(0, self._now_ms - records[0].timestamp()[1]) / 1000)
        if traces is not None:
            traces.polled()
        self._emitter.time = to_datetime(self._now_ms).isoformat().encode()
        self._dead.clear()
        self._sent = 0
        transaction = self._transaction
        transaction.begin()
        try:
            for record in records:
                self._one(record)
            for number, timer in due:
                self._fire(number, timer)
            if self._stores is not None:
                self._stores.write_changes(transaction)
            last = {(record.topic(), record.partition()): record for record in records}
            positions = {Partition(*place): Position(record.offset() + 1) for place, record in last.items()}
            committing, committing_ns = self._clock.monotonic(), traces.now() if traces else 0
            transaction.commit(self._consumer, positions)
        except FencedError:
            self._rollback()
            raise
        except BusError as error:
            if traces is not None:
                traces.settle(0, committed=False)
            self._undo(records, error)
            return
        finally:
            CURRENT.set(None)
            metrics.in_flight.set(0)
        if traces is not None:
            traces.settle(committing_ns, committed=True)
        self._committed(positions)
        metrics.received.inc(len(records))
        metrics.sent.inc(self._sent)
        metrics.commits.inc()
        metrics.process_seconds.observe(committing - started)
        metrics.settle_seconds.observe(self._clock.monotonic() - committing)

    def _one(self, record: ProtocolRecord) -> None:
        """Decode, handle, produce: or a dead letter. Only failures of the bus get out."""
        self.carried += 1
        self.stage = EnumStage.DECODE
        try:
            if self._doomed and (doom := self._doomed.get(_place(record))):
                error, self.stage = doom
                CURRENT.set(Envelope(record))
                raise error
            received = self._receive(record)
            if self._traces is not None:
                self._traces.received(record, received[2])
            self._handle(received, record.partition())
        except HandlerTimeoutError as error:
            self._doomed[_place(record)] = (error, self.stage)
            self._bury(record, error)
        except MessageTooLargeError as error:
            if _place(record) not in self._doomed:
                # Some of its outputs may be in the transaction already: run the batch again without it.
                self._doomed[_place(record)] = (error, self.stage)
                raise TransactionAbortedError(str(error)) from error
            self._bury(record, error)
        except BusError:
            raise
        except Exception as error:  # noqa: BLE001 - whatever a handler raises becomes a dead letter
            self._bury(record, error)
        if self._traces is not None:
            self._traces.processed()

    def _receive(self, record: ProtocolRecord) -> Received:
        """Decode; logs speak of this record from here on, also when it cannot be decoded."""
        try:
            received = self._receiver.receive(record)
        except Exception:
            CURRENT.set(Envelope(record))
            raise
        CURRENT.set(received[2])
        return received

    def _compute(self, received: Received, _: int) -> None:
        entry, message, envelope = received
        self.stage = EnumStage.HANDLER
        result = entry.handle(message)
        self.stage = EnumStage.ENCODE
        only = self._emitter.only(result, envelope, envelope.reply_key)
        if only is not None and self._traces is None:
            self._transaction.produce(*only)
            self._sent += 1
        elif only is not None:
            self._produce([only])
        else:
            self._produce(self._emitter.emit(as_emissions(result), envelope, envelope.reply_key))

    def _keyed(self, received: Received, number: int) -> None:
        entry, message, envelope = received
        self._decide(entry.handle, message, envelope, number)

    def _decide(self, handle: object, message: Message, envelope: Envelope, number: int) -> None:
        """Run a keyed handler; its outputs, state and timers are staged together or not at all."""
        assert self._stores is not None
        assert callable(handle)
        store, key = self._stores[number], envelope.key or b""
        state = store.get(key)
        self.stage = EnumStage.HANDLER
        answer: Answer = handle(state, message, envelope.context(self._now_ms))
        self.stage = EnumStage.ENCODE
        records = self._emitter.emit(answer.events, envelope, envelope.reply_key)
        if answer.commands:
            records += self._emitter.emit(answer.commands, envelope, key, len(records))
        if answer.state is not None and answer.state is not state:
            store.encoded(answer.state)
        self._produce(records)
        if answer.state is not state:
            store.put(key, answer.state)
        if answer.timers:
            store.timers.change(key, answer.timers, self._now_ms, kept_for_timers(envelope))

    def _fire(self, number: int, timer: DueTimer) -> None:
        """A timer is an input like any other; a failing handler gives a dead letter and the timer is gone."""
        assert self._stores is not None
        store = self._stores[number]
        if not store.timers.still_due(timer):
            return
        store.timers.fired(timer)
        envelope = TimerEnvelope(timer.key, timer.name, timer.due_ms, timer.kept)
        fired = TimerFired(name=timer.name, due=to_datetime(timer.due_ms))
        self.carried += 1
        CURRENT.set(envelope)
        if self._traces is not None:
            self._traces.fired(timer.name, envelope)
        try:
            self._decide(self._on_timer, fired, envelope, number)
        except BusError:
            raise
        except Exception as error:  # noqa: BLE001 - as in _one
            self._bury(TimerRecord(self._changelog, number, envelope, fired, self._now_ms), error)
        if self._traces is not None:
            self._traces.processed()

    def _produce(self, records: Iterable[Emitted]) -> None:
        if self._traces is not None:
            records = self._traces.send(records)
        for topic, value, key, headers in records:
            self._transaction.produce(topic, value, key, headers)
            self._sent += 1

    def _bury(self, record: ProtocolRecord, error: BaseException) -> None:
        kind = self._classifier.classify(error)
        failure = Failure(kind, stage_of(error, self.stage), error, 1, self._now_ms, self._now_ms)
        letter = self._office.letter(record, failure)
        log.warning("dead letter", **{"class": kind}, stage=failure.stage, topic=record.topic(), error=str(error))
        if self._traces is not None:
            self._traces.buried(record, kind, failure.stage, error)
        origin = Partition(record.topic(), record.partition())

        def report(failed: Exception | None, _: int) -> None:
            if failed is not None:
                self._held.note(origin, failed)

        self._transaction.produce(*letter, on_delivery=report)
        self._dead.append(kind)

    def _committed(self, positions: dict[Partition, Position]) -> None:
        if self._stores is not None:
            self._stores.commit()
        for partition, position in positions.items():
            self._progress[partition] = position.offset
        for kind in self._dead:
            self._metrics.dead(kind)
        self._doomed.clear()
        self._held.settle(positions)

    def _undo(self, records: Sequence[ProtocolRecord], error: BusError) -> None:
        """Abort, go back to where the batch began; a partition whose dead letter failed waits."""
        self._metrics.aborts.inc()
        self._transaction.abort()
        self._rollback()
        first: dict[Partition, int] = {}
        for record in records:
            first.setdefault(Partition(record.topic(), record.partition()), record.offset())
        for partition, offset in first.items():
            self._consumer.seek(partition, offset)
        if self._doomed:
            return
        self._consumer.pause(self._held.hold() or self._held.hold_all(first, error))

    def _rollback(self) -> None:
        if self._stores is not None:
            self._stores.rollback()

    def _observe(self) -> None:
        """Once a second: how large the state is, and how much of it is still to be restored."""
        if self._stores is None or (now := self._clock.monotonic()) - self._observed < _OBSERVE_EVERY:
            return
        self._observed = now
        keys, size = self._stores.size()
        self._metrics.state_keys.set(keys)
        self._metrics.state_bytes.set(size)
        self._metrics.restore_remaining.set(self._stores.remaining())
        if self._standby is not None:
            self._metrics.standby_keys.set(self._standby.keys())

    def _due(self) -> list[tuple[int, DueTimer]]:
        if self._stores is None or self._on_timer is None:
            return []
        now = self._clock.now_ms()
        return [(n, t) for n, store in self._stores.ready() for t in store.timers.due(now, _TIMERS_PER_BATCH)]

    def _patience(self, timeout: float) -> float:
        """Do not sleep past the next timer."""
        due = self.next_timer_ms()
        return timeout if due is None else max(0.0, min(timeout, (due - self._clock.now_ms()) / 1000))

    def progress(self) -> dict[Partition, int]:
        """Next offset per partition held, as far as committed here."""
        return dict(self._progress)

    def held(self) -> list[Partition]:
        """Partitions that stand still until what they lead to can be written."""
        return [partition for partition in self._consumer.assignment() if self._held.is_held(partition)]

    @property
    def clients(self) -> tuple[ProtocolConsumer, ProtocolTransaction]:
        """Consumer and transaction in use; test drivers put faults into them."""
        return self._consumer, self._transaction

    def next_timer_ms(self) -> int | None:
        """When the earliest timer of the partitions held is due."""
        if self._stores is None:
            return None
        due = [at for _, store in self._stores.ready() if (at := store.timers.next_due_ms()) is not None]
        return min(due, default=None)

    def overdue(self) -> float:
        """Seconds by which a call of the bus has outlasted its own timeout."""
        return self._transaction.overdue()

    def lag(self) -> dict[Partition, int]:
        """Offsets left per partition held."""
        return dict(self._consumer.lag())

    def on_assigned(self, partitions: Sequence[Partition]) -> None:
        """Keyed kinds restore first: the partitions stay paused until their stores are complete."""
        self._metrics.rebalanced(EnumConsumerEvent.ASSIGNED, partitions)
        if self._stores is None:
            return
        self._moved = True
        self._consumer.pause(partitions)
        for number in sorted({partition.partition for partition in partitions}):
            self._health.complain(f"restore {number}", "restoring state")
            self._stores.open(number)
            if number not in self._stores:
                continue
            self._consumer.resume([p for p in partitions if p.partition == number])
            self._health.settle(f"restore {number}")

    def on_revoked(self, partitions: Sequence[Partition]) -> None:
        """Called between batches: everything taken is committed already."""
        self._metrics.rebalanced(EnumConsumerEvent.REVOKED, partitions)
        self._moved = True
        for partition in partitions:
            self._held.forget(partition)
            self._progress.pop(partition, None)
            if self._stores is not None:
                self._stores.close(partition.partition)
                self._health.settle(f"restore {partition.partition}")

    def on_lost(self, partitions: Sequence[Partition]) -> None:
        """The group moved on without this member; nothing is open here."""
        self.on_revoked(partitions)


def _place(record: ProtocolRecord) -> tuple[str, int, int]:
    return record.topic(), record.partition(), record.offset()
