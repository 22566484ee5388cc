"""COMPUTE, REDUCER and ORCHESTRATOR: a batch from topics to topics in one transaction, on one thread.

The way of a batch: ``step`` takes it -> ``_carry`` opens the transaction -> ``_handle`` has every record handled
(:mod:`onex.agent.pure.processor`) and hands over what came of it -> ``_carry`` writes the changelog and commits
offsets with it all.
"""

from collections.abc import Collection, Mapping, Sequence

import structlog

from onex.agent.crash import Isolation
from onex.agent.crash.pure_gate import PureGate
from onex.agent.failure.blocked_partitions import BlockedPartitions
from onex.agent.failure.memory_shortages import Location, location_of
from onex.agent.message.batch import span_of, waited
from onex.agent.message.current import CURRENT
from onex.agent.message.misrouted import MisroutedKeys
from onex.agent.message.program import Program
from onex.agent.pure.batch_pace import BatchPace
from onex.agent.pure.compute import ComputeProcessor
from onex.agent.pure.due_timers import Due, DueTimers
from onex.agent.pure.keyed import KeyedProcessor
from onex.agent.pure.partitions import PurePartitions
from onex.agent.pure.processor import Processor
from onex.agent.state.backends import OpenBackend
from onex.agent.state.restored import Restored
from onex.agent.telemetry.batch_traces import BatchTraces
from onex.agent.telemetry.health import Health
from onex.agent.telemetry.metrics import AgentMetrics
from onex.agent.telemetry.tracing import Tracing
from onex.bus.protocols import (
    OnDelivery,
    Partition,
    Position,
    ProtocolConsumer,
    ProtocolEventBus,
    ProtocolRecord,
    ProtocolTransaction,
)
from onex.capability import BatchFacts
from onex.capability.layer import ProtocolBatchObserver
from onex.errors import (
    BusError,
    FencedError,
    MessageTooLargeError,
    TransactionTimedOutError,
)
from onex.model.enums import EnumStage
from onex.model.mesh import EnumConsumerEvent
from onex.util.clock import ProtocolClock

log = structlog.get_logger(__name__)
_OBSERVE_EVERY = 1.0
_BEFORE_TIMERS = 0.67
"""Records may use this part of a batch's time when timers are due, too."""
_EARLY = 500
"""A batch of as many records is long enough for its offsets to travel while it is handled."""


class PureEngine:
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
        open_backend: OpenBackend,
        tracing: Tracing | None = None,
        isolation: Isolation | None = None,
        *,
        batch_seconds: float = 5.0,
        first_batch: int = 0,
    ) -> None:
        """``batch_seconds``: when the time of a batch is up; ``first_batch``: records in the first one, 0 for as many
        as the contract says."""
        contract = program.contract
        self._bus = bus
        self._group = group
        self._transactional_id = transactional_id
        self._topics = program.topics
        self._clock = clock
        self._health = health
        self._metrics = metrics
        self._pace = BatchPace(contract.delivery.batch_size, batch_seconds, first_batch)
        self._limits = program.limits
        self._changelog = contract.changelog_topic
        self._blocked = BlockedPartitions(clock, health)
        self._partitions = PurePartitions(program, bus, self._blocked, health, open_backend)
        self._stores = self._partitions.stores
        self._traces = BatchTraces(tracing) if tracing else None
        self._keyed = None if self._stores is None else KeyedProcessor(program, group, self._stores, self._traces)
        self._work: Processor = self._keyed or ComputeProcessor(program, group, self._traces)
        self._timers_turn = False
        """In narrow batches records and timers take turns."""
        self._observers = [one for one in program.composition.layers() if isinstance(one, ProtocolBatchObserver)]
        self._observed = 0.0
        found_out = isolation or Isolation(None, clock)
        self._gate = PureGate(found_out, self._blocked, self._work, contract, group, clock)
        self._timers = (
            None
            if self._stores is None or program.timers is None
            else DueTimers(self._stores, self._blocked, self._changelog, clock)
        )
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
        self.take_over()
        self.subscribe()

    def take_over(self) -> None:
        """Fence an earlier owner of the transactional id. Raises BusError."""
        if self._keyed is not None:
            self._keyed.places = MisroutedKeys(self._bus, self._topics[-1], self._clock)
        self._transaction: ProtocolTransaction = self._bus.transaction(self._transactional_id)

    def subscribe(self) -> None:
        """Join the group; partitions come with the first steps. Raises BusError."""
        self._consumer: ProtocolConsumer = self._bus.subscribe(self._group, self._topics, self)
        self._partitions.consumer = self._consumer

    def close(self) -> None:
        """Leave the group and release everything; nothing is in work between two steps."""
        self._consumer.close()
        self._transaction.close()
        self._partitions.close()

    def step(self, timeout: float) -> bool:
        """Carry one batch, waiting up to ``timeout`` seconds for it; gives whether there was anything to do.

        Raises FencedError when another instance owns the transactional id, BusUnavailableError when
        clients must be made anew. Other failures of the bus undo the batch, which then runs again.
        """
        if self._partitions.are_restoring:
            timeout = 0.0
            self._partitions.restore()
        self._gate.look(self._bus)
        self._consumer.resume(self._blocked.to_resume())
        self._limits.refresh()
        records = list(self._consumer.batch(self._pace.size, self._patience(timeout)))
        self._observe()
        due = [] if self._timers is None else self._timers.take()
        records, due = self._gate.admit(records, due, self._consumer)
        behind = self._partitions.stand_by()
        if records or due:
            self._carry(*self._narrowed(records, due))
            return True
        return behind or self._partitions.are_restoring

    def _narrowed(
        self, records: list[ProtocolRecord], due: Sequence[Due]
    ) -> tuple[list[ProtocolRecord], Sequence[Due]]:
        """While a culprit is looked for, a batch has records or timers, and no more of them than its size says."""
        if not self._pace.narrow:
            return records, due
        if records and due:
            self._timers_turn = not self._timers_turn
            if not self._timers_turn:
                return records, []
            self._seek(span_of(records)[0])
        return ([], due[: self._pace.size]) if due else (records, due)

    def _carry(self, records: list[ProtocolRecord], due: Sequence[Due]) -> None:
        """One transaction; only what no time was left for is in ``records`` afterwards, to be read again."""
        metrics, traces, transaction = self._metrics, self._traces, self._transaction
        started, now_ms = self._clock.monotonic(), self._clock.now_ms()
        count, inputs, (first, positions) = len(records), len(records) + len(due), span_of(records)
        self._partitions.check(first)
        positions = self._partitions.marked(positions)
        metrics.in_flight.set(inputs)
        if records:
            metrics.queue_seconds.observe(waited(records[0], now_ms))
        if traces is not None:
            traces.polled()
        self._sent = 0
        sole = self._location_of(records, due) if inputs == 1 else None
        dead: list[str] = []
        self._gate.without_skips(records, first)
        self._work.begin(now_ms, dead)
        self._work.memory_shortages.is_single = inputs == 1
        early = positions if count >= _EARLY else {}
        transaction.begin(self._consumer, early)
        self._gate.begin(first, positions, due)
        try:
            fired = self._handle(records, due)
            self._gate.end()
            rest = span_of(records)[0]
            if rest:  # offsets that were sent early are replaced: the last ones in a transaction count
                early = {}
                positions |= self._partitions.marked({p: Position(offset) for p, offset in rest.items()})
            if self._stores is not None:
                self._stores.write_changes(transaction)
            if not positions:
                positions = self._partitions.unchanged_positions({number for number, _ in due})
            committing, committing_ns = self._clock.monotonic(), traces.now() if traces else 0
            transaction.commit(self._consumer, {} if early else positions)
        except BusError as error:
            self._gate.end()
            if isinstance(error, FencedError | TransactionTimedOutError):
                self._rollback()
                raise
            if isinstance(error, MessageTooLargeError):
                self._suspect([*first, *self._of_timers(due)], inputs, sole, error)
            if traces is not None:
                traces.finish(0, committed=False)
            self._undo(first, due, error)
            return
        finally:
            CURRENT.set(None)
            self._work.stage = EnumStage.DECODE  # an attempt that was undone is in no handler any more
            metrics.in_flight.set(0)
        if traces is not None:
            traces.finish(committing_ns, committed=True)
        count -= len(records)
        self._committed(positions, fired, rest, count, committing - started)
        for observer in self._observers:
            observer.observed(BatchFacts(count, self._sent, dead, committing - started))
        for kind in dead:
            metrics.dead(kind)
        metrics.received.inc(count)
        metrics.sent.inc(self._sent - self._work.forwarded)
        metrics.misrouted.inc(self._work.forwarded)
        metrics.commits.inc()
        metrics.process_seconds.observe(committing - started)
        metrics.commit_seconds.observe(self._clock.monotonic() - committing)

    def _handle(self, records: list[ProtocolRecord], due: Sequence[Due]) -> Sequence[Due]:
        """A few records at a time, which are let go at once: what was touched is still in the processor's cache.

        Ends when the time of the batch is up; what is left of it stays in ``records``. Returns the timers that have
        fired; the others stay due.
        """
        work, pace, now = self._work, self._pace, self._clock.monotonic
        watches, fired = self._gate.watches, 0
        pace.begin(singly=watches)
        at = now()
        until = at + pace.seconds
        records_until = at + pace.seconds * (_BEFORE_TIMERS if due else 1.0)
        records.reverse()
        while records and at < records_until:
            together = records[-pace.group :]
            del records[-pace.group :]
            together.reverse()
            if watches:
                self._gate.at(together[0])
            work.carry(together)
            self._hand_over()
            began, at = at, now()
            pace.carried(len(together), at - began)
        if self._keyed is not None:
            for number, timer in due:
                if now() >= until:
                    break
                if watches:
                    self._gate.at_timer(number, timer)
                self._keyed.fire(number, timer)
                fired += 1
            self._hand_over()
        records.reverse()
        return due[:fired]

    def _hand_over(self) -> None:
        """Outputs and dead letters go into the transaction."""
        work, transaction = self._work, self._transaction
        self._sent += len(work.outputs)
        transaction.produce_all(work.outputs)
        work.outputs.clear()
        for origin, letter in work.letters:
            transaction.produce(*letter, on_delivery=self._holding(origin))
        work.letters.clear()

    def _holding(self, origin: Partition) -> OnDelivery:
        def report(failed: Exception | None, _: int) -> None:
            if failed is not None:
                self._blocked.note(origin, failed)

        return report

    def _location_of(self, records: Sequence[ProtocolRecord], due: Sequence[Due]) -> Location:
        """Where the first input of a batch is."""
        if records or self._timers is None:
            return location_of(records[0])
        return self._timers.places(due[:1])[0]

    def _suspect(
        self, partitions: Sequence[Partition], inputs: int, sole: Location | None, error: MessageTooLargeError
    ) -> None:
        """A broker refused a record that seemed to fit: measure all of them, then make batches smaller, until the
        input that it comes from is alone. That one becomes a dead letter in the next run."""
        if not self._limits.careful:
            self._limits.suspect(partitions)
        elif sole is None:
            self._pace.refused(inputs, partitions)
        else:
            self._work.mark_failed(sole, error, self._work.stage)

    def _committed(
        self,
        positions: Mapping[Partition, Position],
        fired: Sequence[Due],
        rest: Mapping[Partition, int],
        count: int,
        seconds: float,
    ) -> None:
        if self._stores is not None:
            self._stores.commit()
        for partition, position in positions.items():
            self._partitions.progress[partition] = position.offset
        done = [*positions, *self._of_timers(fired)]
        if rest:
            self._pace.cut(count)
            self._seek(rest)
        else:
            self._pace.committed(seconds, done)
        if not self._pace.narrow:
            self._limits.trust(done)
        self._blocked.clear(done)
        places: Sequence[Location] = ()
        if fired and self._timers is not None:
            positions, places = {**positions, **self._timers.positions(fired)}, self._timers.places(fired)
        self._work.passed(positions, places)
        if self._gate.suspects:
            self._gate.committed(positions, places)

    def _undo(self, first: Mapping[Partition, int], due: Sequence[Due], error: BusError) -> None:
        """Abort, go back to where the batch began; all of it waits, or the partition whose dead letter failed."""
        self._metrics.aborts.inc()
        self._transaction.abort()
        self._rollback()
        self._seek(first)
        if self._timers is not None:
            self._timers.undone(due)
        if self._work.waits is not None:
            self._consumer.pause(self._blocked.stall([self._work.waits], error, "a record cannot be carried now"))
            return
        self._consumer.pause(
            self._blocked.stall_noted() or self._blocked.stall([*first, *self._of_timers(due)], error)
        )

    def _seek(self, offsets: Mapping[Partition, int]) -> None:
        for partition, offset in offsets.items():
            self._consumer.seek(partition, offset)

    def _of_timers(self, due: Sequence[Due]) -> Collection[Partition]:
        """What waits when these timers cannot be committed."""
        return () if self._timers is None else self._timers.partitions(due)

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
        if (standby := self._partitions.standby) is not None:
            self._metrics.standby_keys.set(standby.keys())

    def _patience(self, timeout: float) -> float:
        """Do not sleep past the next timer."""
        due = self.next_timer_ms()
        return timeout if due is None else max(0.0, min(timeout, (due - self._clock.now_ms()) / 1000))

    def progress(self) -> dict[Partition, int]:
        """Next offset per partition held, as far as committed here."""
        return dict(self._partitions.progress)

    def waiting_partitions(self) -> list[Partition]:
        """Partitions that stand still: what they lead to cannot be written, or their state is being restored."""
        return [partition for partition in self._consumer.assignment() if self._partitions.is_stopped(partition)]

    def restoring(self) -> dict[Partition, Restored]:
        """Partitions that are being assigned, and how far the restores of their state are. From any thread."""
        return self._partitions.restoring()

    @property
    def clients(self) -> tuple[ProtocolConsumer, ProtocolTransaction]:
        """Consumer and transaction in use; test drivers put faults into them."""
        return self._consumer, self._transaction

    def next_timer_ms(self) -> int | None:
        """When the earliest timer is due, of partitions that are assigned and not blocked."""
        return None if self._timers is None else self._timers.next_ms()

    def overdue(self) -> float:
        """Seconds by which a call of the bus has outlasted its own timeout."""
        return self._transaction.overdue()

    def lag(self) -> dict[Partition, int]:
        """Offsets left per partition held."""
        return dict(self._consumer.lag())

    def positions(self) -> dict[Partition, int]:
        """Next offset to read per partition held."""
        return dict(self._consumer.positions())

    def on_assigned(self, partitions: Sequence[Partition], committed: Mapping[Partition, Position]) -> None:
        """Compare the partitions with what is committed; keyed kinds restore their state before records are read."""
        self._metrics.rebalanced(EnumConsumerEvent.ASSIGNED, partitions)
        self._partitions.assigned(partitions, committed)

    def on_revoked(self, partitions: Sequence[Partition]) -> None:
        """Called between batches: everything taken is committed already."""
        self._metrics.rebalanced(EnumConsumerEvent.REVOKED, partitions)
        for partition in partitions:
            self._blocked.forget(partition)
            self._pace.forget(partition)
            self._work.forget(partition)
            self._limits.trust([partition, Partition(self._changelog, partition.partition)])
            if self._timers is not None:
                self._pace.forget(Partition(self._changelog, partition.partition))
                self._work.forget(Partition(self._changelog, partition.partition))
                self._timers.forget(partition.partition)
            self._partitions.revoked(partition)

    def on_lost(self, partitions: Sequence[Partition]) -> None:
        """The group moved on without this member; nothing is open here."""
        self.on_revoked(partitions)
