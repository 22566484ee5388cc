"""COMPUTE, REDUCER and ORCHESTRATOR: a batch from topics to topics in one transaction, on one thread.

The way of a batch: ``step`` reads it -> ``_carry`` opens the transaction -> ``_handle`` has every group of records
handled (:mod:`onex.agent.pure.processor`) and writes its outputs -> ``_carry`` writes the changelog and commits the
offsets with all of it.
"""

from collections.abc import Mapping, Sequence

import structlog

from onex.agent.crash import Isolation
from onex.agent.failure.blocked_partitions import BlockedPartitions
from onex.agent.failure.memory_shortages import Location, location_of
from onex.agent.message.batch import span_of, waited
from onex.agent.message.current import CURRENT, Current
from onex.agent.message.program import Program
from onex.agent.pure.batch_pace import BatchPace
from onex.agent.pure.batch_report import BatchReport
from onex.agent.pure.catch_up import CatchUp
from onex.agent.pure.compute import ComputeProcessor
from onex.agent.pure.crash_gate import PureGate
from onex.agent.pure.due_timers import Due, DueTimers
from onex.agent.pure.intake import Intake
from onex.agent.pure.keyed import KeyedProcessor
from onex.agent.pure.misrouted import MisroutedKeys
from onex.agent.pure.outcome import BatchTotals, GroupOutcome
from onex.agent.pure.partitions import PurePartitions
from onex.agent.pure.processor import Processor
from onex.agent.pure.refused_search import RefusedInputSearch
from onex.agent.runtime import AgentRuntime
from onex.agent.state.restored import Restored
from onex.agent.telemetry.batch_traces import BatchTraces
from onex.bus.protocols import (
    OnDelivery,
    Partition,
    Position,
    ProtocolConsumer,
    ProtocolRecord,
    ProtocolTransaction,
)
from onex.capability import Shrinkables
from onex.errors import BusError, FencedError, MessageTooLargeError, TransactionTimedOutError
from onex.model.enums import EnumStage
from onex.model.mesh import EnumConsumerEvent

log = structlog.get_logger(__name__)
_BEFORE_TIMERS = 0.67
"""Records may use this part of a batch's time when timers are due, too."""
_EARLY = 500
"""A batch of this many records takes long enough for its offsets to travel while it is handled."""


class PureEngine:
    """One instance of a pure node. It runs on one thread, but for commits; a runner calls ``step``."""

    def __init__(
        self, program: Program, runtime: AgentRuntime, *, batch_seconds: float = 5.0, first_batch: int = 0
    ) -> None:
        """``batch_seconds``: when the time of a batch is over; ``first_batch``: records in the first one, 0 for the
        batch size of the contract."""
        contract, clock, group = program.contract, runtime.clock, runtime.group
        self._runtime = runtime
        self._bus = runtime.bus
        self._topics = program.topics
        self._clock = clock
        self._metrics = runtime.metrics
        self._report = BatchReport(runtime.metrics, program.composition.layers(), clock)
        self._pace = BatchPace(contract.delivery.batch_size, batch_seconds, first_batch)
        self._limits = program.limits
        self._changelog = contract.changelog_topic
        self._blocked = BlockedPartitions(clock, runtime.health)
        self._partitions = PurePartitions(program, runtime, self._blocked)
        self._stores = self._partitions.stores
        self._traces = BatchTraces(runtime.tracing) if runtime.tracing else None
        self._keyed = None if self._stores is None else KeyedProcessor(program, group, self._stores, self._traces)
        self._processor: Processor = self._keyed or ComputeProcessor(program, group, self._traces)
        self._search = RefusedInputSearch(self._pace, self._limits, self._processor)
        isolation = runtime.isolation or Isolation(None, clock)
        self._gate = PureGate(isolation, self._blocked, self._processor, contract, group, clock)
        stores_with_timers = None if program.timers is None else self._stores
        partitions = self._partitions
        self._catch_up = CatchUp(
            self._bus, lambda: self._consumer.assignment(), partitions.done, partitions.is_stopped, clock
        )
        self._timers = DueTimers(stores_with_timers, self._blocked, self._catch_up, self._changelog, clock)
        self._totals = BatchTotals()
        if self._stores is not None:
            program.node.container.get(Shrinkables).replace("state", self._stores)
        self._intake = Intake((*program.composition.layers(), runtime.pause), self._partitions.is_stopped, clock)

    @property
    def stage(self) -> EnumStage:
        """Stage of the current record."""
        return self._processor.stage

    @property
    def carried(self) -> int:
        """Number of records whose handler was called. It does not change while a handler hangs."""
        return self._processor.carried

    def open(self) -> None:
        """Take over the transactional id and join the group. Raise BusError."""
        self.take_over()
        self.subscribe()

    def take_over(self) -> None:
        """Fence an earlier owner of the transactional id. Raise BusError."""
        if self._keyed is not None:
            self._keyed.misrouted_keys = MisroutedKeys(self._bus, self._topics[-1], self._clock)
        self._transaction: ProtocolTransaction = self._bus.transaction(self._runtime.transactional_id)

    def subscribe(self) -> None:
        """Join the group; partitions are assigned in the first steps. Raise BusError."""
        self._consumer: ProtocolConsumer = self._bus.subscribe(self._runtime.group, self._topics, self)
        self._partitions.consumer = self._consumer

    def close(self) -> None:
        """Leave the group and release everything. No input is in work between two steps."""
        self._consumer.close()
        self._transaction.close()
        self._catch_up.close()
        self._partitions.close()

    def step(self, timeout: float) -> bool:
        """Carry one batch, waiting up to ``timeout`` seconds for it. Return whether there was work.

        Raise FencedError when another instance owns the transactional id, and BusUnavailableError when clients must
        be replaced. Other failures of the bus undo the batch, which then runs again.
        """
        if self._partitions.are_restoring:
            timeout = 0.0
            self._partitions.restore()
        self._gate.look(self._bus)
        self._continue(self._blocked.end_waits())
        self._limits.refresh()
        records = self._intake.read(self._consumer, self._pace.size, self._patience(timeout))
        self._report.state(self._stores, self._partitions.standby)
        records, due = self._gate.admit(records, self._due(), self._consumer)
        has_followed = self._partitions.stand_by()
        if records or due:
            self._carry(*self._search.narrowed(records, due, self._consumer))
            if not self._intake.is_holding:
                self._timers.worked()
            return True
        return has_followed or self._partitions.are_restoring

    def _continue(self, partitions: Sequence[Partition]) -> None:
        """Read again partitions that were stalled or blocked; their timers wait for the inputs of that time."""
        self._consumer.resume(partitions)
        if partitions:
            self._catch_up.hold(set(partitions).intersection(self._consumer.assignment()))

    def _carry(self, records: list[ProtocolRecord], due: Sequence[Due]) -> None:
        """Carry one transaction. Afterwards ``records`` has only records to read again: the time was over."""
        traces, transaction = self._traces, self._transaction
        started, now_ms = self._clock.monotonic(), self._clock.now_ms()
        count, inputs, (first, positions) = len(records), len(records) + len(due), span_of(records)
        self._partitions.check(first)
        positions = self._partitions.marked(positions)
        self._report.began(inputs, waited(records[0], now_ms) if records else None)
        if traces is not None:
            traces.polled()
        totals = self._totals = BatchTotals()
        only_input = self._location_of(records, due) if inputs == 1 else None
        self._gate.without_skips(records, first)
        self._processor.begin(now_ms)
        self._processor.memory_shortages.is_single = inputs == 1
        early = positions if count >= _EARLY else {}
        transaction.begin(self._consumer, early)
        self._gate.begin(first, positions, due)
        try:
            fired = self._handle(records, due)
            self._gate.end()
            unread = span_of(records)[0]
            if unread:  # offsets that were sent early are replaced: the last ones in a transaction count
                early = {}
                positions |= self._partitions.marked({p: Position(offset) for p, offset in unread.items()})
            if self._stores is not None:
                self._stores.write_changes(transaction)
            if not positions:
                positions = self._partitions.unchanged_positions({number for number, _ in due})
            committing, committing_ns = self._clock.monotonic(), traces.now() if traces else 0
            transaction.commit(self._consumer, {} if early else positions)
        except BusError as error:
            self._gate.end()
            self._processor.stage = EnumStage.DECODE  # the watchdog takes what follows for no handler
            if isinstance(error, FencedError | TransactionTimedOutError):
                self._rollback()
                raise
            if isinstance(error, MessageTooLargeError):
                self._search.refused([*first, *self._timers.partitions(due)], inputs, only_input, error)
            if traces is not None:
                traces.finish(0, committed=False)
            self._undo(first, due, error)
            return
        finally:
            CURRENT.set(Current())
            self._processor.stage = EnumStage.DECODE  # an attempt that was undone is in no handler any more
            self._report.ended()
        if traces is not None:
            traces.finish(committing_ns, committed=True)
        count -= len(records)
        self._committed(positions, fired, unread, count, committing - started)
        self._report.committed(count, totals, committing - started, self._clock.monotonic() - committing)

    def _handle(self, records: list[ProtocolRecord], due: Sequence[Due]) -> Sequence[Due]:
        """Carry small groups of records and release each: what was touched is still in the CPU's cache.

        The loop ends when the time of the batch is over; records that are left stay in ``records``. Return the timers
        that have fired; the others stay due.
        """
        processor, pace, now = self._processor, self._pace, self._clock.monotonic
        watches, fired = self._gate.watches, 0
        pace.begin(singly=watches)
        at = now()
        until = at + pace.seconds
        records_until = at + pace.seconds * (_BEFORE_TIMERS if due else 1.0)
        records.reverse()
        while records and at < records_until:
            group = records[-pace.group :]
            del records[-pace.group :]
            group.reverse()
            if watches:
                self._gate.at(group[0])
            self._write(processor.carry(group))
            began, at = at, now()
            pace.carried(len(group), at - began)
        if self._keyed is not None and due:
            outcome = GroupOutcome()
            for number, timer in due:
                if now() >= until:
                    break
                if watches:
                    self._gate.at_timer(number, timer)
                outcome.add(self._keyed.fire(number, timer))
                fired += 1
            self._write(outcome)
        records.reverse()
        return due[:fired]

    def _write(self, outcome: GroupOutcome) -> None:
        """Write outputs, entries and dead letters into the transaction."""
        self._totals.add(outcome)
        self._transaction.produce_all(outcome.outputs)
        if outcome.entries:
            self._transaction.produce_all(outcome.entries)
        for origin, letter, _ in outcome.dead_letters:
            self._transaction.produce(*letter, on_delivery=self._stalling(origin))

    def _due(self) -> list[Due]:
        """Return the timers that are due; none while the intake is closed: an input that is not read may cancel them.

        After a pause, timers wait for such inputs, and as after a stall when a capability had the intake closed.
        """
        if self._runtime.pause.is_paused:
            self._timers.hold()
            return []
        if self._intake.is_holding:
            return []
        return self._timers.take()

    def _stalling(self, origin: Partition) -> OnDelivery:
        """Return a delivery report that stalls a partition whose dead letter was not written."""

        def report(failed: Exception | None, _: int) -> None:
            if failed is not None:
                self._blocked.note(origin, failed)

        return report

    def _location_of(self, records: Sequence[ProtocolRecord], due: Sequence[Due]) -> Location:
        """Return the location of the first input of a batch."""
        return location_of(records[0]) if records else self._timers.locations(due[:1])[0]

    def _committed(
        self,
        positions: Mapping[Partition, Position],
        fired: Sequence[Due],
        unread: Mapping[Partition, int],
        count: int,
        seconds: float,
    ) -> None:
        if self._stores is not None:
            self._stores.commit()
        for partition, position in positions.items():
            self._partitions.progress[partition] = position.offset
        done = [*positions, *self._timers.partitions(fired)]
        if unread:
            self._pace.cut(count)
            self._seek(unread)
        else:
            self._pace.committed(seconds, done)
        self._search.committed(done)
        self._blocked.clear(done)
        locations: Sequence[Location] = ()
        if fired:
            positions, locations = {**positions, **self._timers.positions(fired)}, self._timers.locations(fired)
        self._processor.remove_committed(positions, locations)
        if self._gate.suspects:
            self._gate.committed(positions, locations)

    def _undo(self, first: Mapping[Partition, int], due: Sequence[Due], error: BusError) -> None:
        """Abort, and go back to where the batch began. The partition whose record or dead letter failed waits, or all
        partitions of the batch."""
        self._report.aborted()
        self._transaction.abort()
        self._rollback()
        self._seek(first)
        self._timers.commit_failed(due)
        if (stalled := self._processor.stalled_partition) is not None:
            self._consumer.pause(self._blocked.stall([stalled], error, "a record cannot be carried now"))
            return
        self._consumer.pause(
            self._blocked.stall_noted() or self._blocked.stall([*first, *self._timers.partitions(due)], error)
        )

    def _seek(self, offsets: Mapping[Partition, int]) -> None:
        for partition, offset in offsets.items():
            self._consumer.seek(partition, offset)

    def _rollback(self) -> None:
        if self._stores is not None:
            self._stores.rollback()

    def _patience(self, timeout: float) -> float:
        """Return the seconds to wait for records: not past the next timer."""
        due = self.next_timer_ms()
        return timeout if due is None else max(0.0, min(timeout, (due - self._clock.now_ms()) / 1000))

    def progress(self) -> dict[Partition, int]:
        """Return the next offset per assigned partition, as far as this engine has committed."""
        return dict(self._partitions.progress)

    def waiting_partitions(self) -> list[Partition]:
        """Return partitions that are stalled or blocked, or whose state is being restored. All while a capability
        allows no message."""
        is_closed = self._intake.is_closed
        return [p for p in self._consumer.assignment() if is_closed or self._partitions.is_stopped(p)]

    def restoring(self) -> dict[Partition, Restored]:
        """Return partitions that are being assigned, and the progress of their restores. From any thread."""
        return self._partitions.restoring()

    def next_timer_ms(self) -> int | None:
        """Return when the earliest timer is due, of partitions that are assigned and not stopped, or the intake
        opens again, in milliseconds since 1970."""
        timer = None if self._intake.is_closed else self._timers.next_ms()
        dues = [due for due in (timer, self._intake.opens_ms()) if due is not None]
        return min(dues, default=None)

    def overdue(self) -> float:
        """Return the seconds by which a call of the bus has outlasted its own timeout."""
        return self._transaction.overdue()

    def assigned(self) -> int:
        """Return the number of assigned partitions of inputs. From any thread."""
        return sum(partition.topic != self._topics[-1] for partition in self._consumer.assignment())

    def lag(self) -> dict[Partition, int]:
        """Return the number of offsets left per assigned partition."""
        return dict(self._consumer.lag())

    def positions(self) -> dict[Partition, int]:
        """Return the next offset to read per assigned partition."""
        return dict(self._consumer.positions())

    def on_assigned(self, partitions: Sequence[Partition], committed: Mapping[Partition, Position]) -> None:
        """Compare the partitions with what is committed; keyed kinds restore their state before records are read."""
        self._metrics.rebalanced(EnumConsumerEvent.ASSIGNED, partitions)
        self._catch_up.hold(partitions)
        self._partitions.assigned(partitions, committed)
        self._intake.assigned(self._consumer, partitions)

    def on_revoked(self, partitions: Sequence[Partition]) -> None:
        """Forget partitions. Called between two batches: every record that was read is committed."""
        self._metrics.rebalanced(EnumConsumerEvent.REVOKED, partitions)
        for partition in partitions:
            self._blocked.forget(partition)
            self._catch_up.forget(partition)
            for forgotten in (partition, Partition(self._changelog, partition.partition)):
                self._search.forget(forgotten)
                self._processor.forget(forgotten)
            self._timers.forget(partition.partition)
            self._partitions.revoked(partition)

    def on_lost(self, partitions: Sequence[Partition]) -> None:
        """Forget partitions: the group continued without this member. No transaction is open here."""
        self.on_revoked(partitions)
