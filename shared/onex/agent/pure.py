"""COMPUTE, REDUCER and ORCHESTRATOR: a batch from topics to topics in one transaction, on one thread.

The way of a batch: ``step`` takes it -> ``_carry`` opens the transaction -> ``_handle`` has every record handled
(:mod:`onex.agent.pure_work`) and hands over what came of it -> ``_carry`` writes the changelog and commits offsets
with it all.
"""

from collections.abc import Mapping, Sequence

import structlog

from onex.agent.alone import OutOfMemoryError
from onex.agent.backing import OpenBacking
from onex.agent.batch_traces import BatchTraces
from onex.agent.compute_work import ComputeWork
from onex.agent.current import CURRENT
from onex.agent.health import Health
from onex.agent.held import HeldPartitions
from onex.agent.keyed_work import KeyedWork
from onex.agent.metrics import AgentMetrics
from onex.agent.program import Program
from onex.agent.pure_work import TOGETHER, PureWork
from onex.agent.standby import Standby
from onex.agent.stores import Stores
from onex.agent.timers import DueTimer
from onex.agent.tracing import Tracing
from onex.bus.protocols import (
    OnDelivery,
    Partition,
    Position,
    ProtocolConsumer,
    ProtocolEventBus,
    ProtocolRecord,
    ProtocolTransaction,
)
from onex.capability import BatchFacts, ProtocolBatchObserver
from onex.model.clock import ProtocolClock
from onex.model.enums import EnumStage
from onex.model.errors import (
    BusError,
    FencedError,
    MessageTooLargeError,
    TransactionAbortedError,
)
from onex.model.mesh import EnumConsumerEvent

log = structlog.get_logger(__name__)
_TIMERS_PER_BATCH = 1000
_OBSERVE_EVERY = 1.0
_EARLY = 500
"""A batch of as many records is long enough for its offsets to travel while it is handled."""


class PureAgent:
    """One instance of a pure node. Single-threaded but for commits; drive it with ``step``."""

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
        contract = program.contract
        self._bus = bus
        self._group = group
        self._transactional_id = transactional_id
        self._topics = program.topics
        self._clock = clock
        self._health = health
        self._metrics = metrics
        self._most = contract.delivery.batch_size
        self._has_timers = program.timers is not None
        changelog = contract.changelog_topic
        self._standby = Standby(bus, changelog, open_backing) if contract.delivery.standby else None
        self._stores = (
            None if program.state is None else Stores(bus, changelog, program.state, open_backing, self._standby)
        )
        self._moved = True
        """Partitions were assigned or given up since the standby last looked."""
        self._traces = BatchTraces(tracing) if tracing else None
        self._keyed = None if self._stores is None else KeyedWork(program, group, self._stores, self._traces)
        self._work: PureWork = self._keyed or ComputeWork(program, group, self._traces)
        self._careful = False
        """An output was too large: in the next run each input hands its own over, so that it is known whose it is."""
        self._observers = [one for one in program.composition.layers() if isinstance(one, ProtocolBatchObserver)]
        self._observed = 0.0
        self._held = HeldPartitions(clock, health)
        self._progress: dict[Partition, int] = {}
        self._sent = 0

    @property
    def stage(self) -> EnumStage:
        """Where the record in hand is."""
        return self._work.stage

    @property
    def carried(self) -> int:
        """Records taken in hand so far; does not move while one hangs."""
        return self._work.carried

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
        records = list(self._consumer.batch(self._most, self._patience(timeout)))
        self._observe()
        due = self._due()
        behind = self._stand_by()
        if records or due:
            self._carry(records, due)
            return True
        return behind or (self._stores is not None and self._stores.restoring)

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

    def _carry(self, records: list[ProtocolRecord], due: Sequence[tuple[int, DueTimer]]) -> None:
        """One transaction; ``records`` is empty afterwards, because nobody may hold on to what is done."""
        if self._work.alone:
            records, due = self._cut(records, due)
        metrics, traces, transaction = self._metrics, self._traces, self._transaction
        started, now_ms = self._clock.monotonic(), self._clock.now_ms()
        count, (first, positions) = len(records), span_of(records)
        metrics.in_flight.set(count + len(due))
        if records:
            metrics.queue_seconds.observe(waited(records[0], now_ms))
        if traces is not None:
            traces.polled()
        self._sent = 0
        dead: list[str] = []
        self._work.begin(now_ms, dead)
        self._work.alone.is_single = count + len(due) == 1
        early = positions if count >= _EARLY else {}
        transaction.begin(self._consumer, early)
        try:
            self._handle(records, due)
            if self._stores is not None:
                self._stores.write_changes(transaction)
            committing, committing_ns = self._clock.monotonic(), traces.now() if traces else 0
            transaction.commit(self._consumer, {} if early else positions)
        except FencedError:
            self._rollback()
            raise
        except BusError as error:
            self._careful = isinstance(error, MessageTooLargeError)
            if traces is not None:
                traces.settle(0, committed=False)
            self._undo(first, error)
            return
        finally:
            CURRENT.set(None)
            metrics.in_flight.set(0)
        if traces is not None:
            traces.settle(committing_ns, committed=True)
        self._committed(positions)
        for observer in self._observers:
            observer.observed(BatchFacts(count, self._sent, dead, committing - started))
        for kind in dead:
            metrics.dead(kind)
        metrics.received.inc(count)
        metrics.sent.inc(self._sent)
        metrics.commits.inc()
        metrics.process_seconds.observe(committing - started)
        metrics.settle_seconds.observe(self._clock.monotonic() - committing)

    def _cut(
        self, records: list[ProtocolRecord], due: Sequence[tuple[int, DueTimer]]
    ) -> tuple[list[ProtocolRecord], Sequence[tuple[int, DueTimer]]]:
        """Carry a record that was short of memory alone: what follows it is read again."""
        now, timers, later = self._work.alone.cut(records, due)
        for partition, offset in span_of(later)[0].items():
            self._consumer.seek(partition, offset)
        return now, timers

    def _handle(self, records: list[ProtocolRecord], due: Sequence[tuple[int, DueTimer]]) -> None:
        """A few records at a time, which are let go at once: what was touched is still in the processor's cache."""
        work = self._work
        size = 1 if self._careful else TOGETHER
        records.reverse()
        while records:
            together = records[-size:]
            del records[-size:]
            together.reverse()
            work.carry(together)
            self._hand_over(together[0])
        if self._keyed is not None:
            for number, timer in due:
                self._keyed.fire(number, timer)
        self._hand_over(None)

    def _hand_over(self, record: ProtocolRecord | None) -> None:
        """Outputs and dead letters go into the transaction; in careful runs they are those of ``record``."""
        work, transaction = self._work, self._transaction
        self._sent += len(work.outputs)
        try:
            transaction.produce_all(work.outputs)
        except MessageTooLargeError as error:
            if not self._careful or record is None:
                raise
            work.doom(record, error)
            raise TransactionAbortedError(str(error)) from error
        work.outputs.clear()
        for origin, letter in work.letters:
            transaction.produce(*letter, on_delivery=self._holding(origin))
        work.letters.clear()

    def _holding(self, origin: Partition) -> OnDelivery:
        def report(failed: Exception | None, _: int) -> None:
            if failed is not None:
                self._held.note(origin, failed)

        return report

    def _committed(self, positions: Mapping[Partition, Position]) -> None:
        if self._stores is not None:
            self._stores.commit()
        for partition, position in positions.items():
            self._progress[partition] = position.offset
        self._work.doomed.clear()
        self._work.alone.carried(positions)
        self._careful = False
        self._held.settle(positions)

    def _undo(self, first: Mapping[Partition, int], error: BusError) -> None:
        """Abort, go back to where the batch began; a partition whose dead letter failed waits."""
        self._metrics.aborts.inc()
        self._transaction.abort()
        self._rollback()
        for partition, offset in first.items():
            self._consumer.seek(partition, offset)
        if (self._work.doomed or self._careful) and not isinstance(error, OutOfMemoryError):
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
        if self._stores is None or not self._has_timers:
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
        """Partitions that stand still: what they lead to cannot be written, or their state is being restored."""
        return [partition for partition in self._consumer.assignment() if self._stands(partition)]

    def _stands(self, partition: Partition) -> bool:
        return self._held.is_held(partition) or (self._stores is not None and partition.partition not in self._stores)

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

    def positions(self) -> dict[Partition, int]:
        """Next offset to read per partition held."""
        return dict(self._consumer.positions())

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
            self._work.alone.forget(partition)
            self._progress.pop(partition, None)
            if self._stores is not None:
                self._stores.close(partition.partition)
                self._health.settle(f"restore {partition.partition}")

    def on_lost(self, partitions: Sequence[Partition]) -> None:
        """The group moved on without this member; nothing is open here."""
        self.on_revoked(partitions)


def span_of(records: Sequence[ProtocolRecord]) -> tuple[dict[Partition, int], dict[Partition, Position]]:
    """Where a batch begins and where it ends, by partition; records of one partition are in order.

    Every record is looked at: partitions are interleaved and offsets have gaps, so that nothing can be told from
    the first and the last one of a run.
    """
    first: dict[tuple[str, int], ProtocolRecord] = {}
    last: dict[tuple[str, int], ProtocolRecord] = {}
    for record in records:
        place = record.topic(), record.partition()
        last[place] = record
        if place not in first:
            first[place] = record
    return (
        {Partition(*place): record.offset() for place, record in first.items()},
        {Partition(*place): Position(record.offset() + 1) for place, record in last.items()},
    )


def waited(record: ProtocolRecord, now_ms: int) -> float:
    """Seconds since a record was written; 0 for one without a time, or with one that is still to come."""
    written_ms = record.timestamp()[1]
    return (now_ms - written_ms) / 1000 if 0 < written_ms < now_ms else 0.0
