"""Known bugs, put back on purpose: a simulation that does not find them proves nothing."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any
from unittest.mock import patch

from onex.agent.effect.attempts import AttemptRunner
from onex.agent.effect.committer import Committer
from onex.agent.effect.lanes import Lanes
from onex.agent.effect.offsets import OffsetTracker
from onex.agent.effect.outcome import Commit, Outcome, Task
from onex.agent.effect.outcome_writer import OutcomeWriter
from onex.agent.effect.retry_topic import Backlog, RetryTopic
from onex.agent.pure.engine import PureEngine
from onex.agent.pure.partitions import PurePartitions
from onex.agent.state.partition_store import PartitionStore
from onex.agent.state.store_manager import StoreManager
from onex.agent.state.timers import TimerTable
from onex.bus.memory.consumer import MemoryConsumer
from onex.bus.protocols import Position, ProtocolConsumer, ProtocolTransaction
from onex.errors import BusError
from onex.workflow.machine import WorkflowMachine

Mutant = Callable[[], Any]
"""A context manager that puts a bug into the engine."""


def _offset_before_dead_letter() -> Any:
    write = OutcomeWriter._write

    def commit_first(self: OutcomeWriter, transaction: ProtocolTransaction, outcome: Outcome) -> None:
        if not (outcome.dead and outcome.record.offset() % 2):
            write(self, transaction, outcome)

    return patch.object(OutcomeWriter, "_write", commit_first)


def _outcomes_lost_with_a_commit() -> Any:
    return patch.object(Committer, "give_back", lambda self, commit, error: None)


def _offsets_past_work_in_flight() -> Any:
    def position(self: OffsetTracker) -> Position:
        return Position(self._pending[-1] + 1 if self._pending else self._next)

    return patch.object(OffsetTracker, "position", position)


def _finished_offsets_forgotten() -> Any:
    return patch("onex.agent.effect.offsets.done_beyond", lambda position: frozenset())


def _key_freed_too_early() -> Any:
    def lane(task: Task) -> object:
        return task.partition, task.record.offset()

    return patch("onex.agent.effect.intake.lane_of", lambda ordering: lane)


def _key_freed_while_parked() -> Any:
    park = Lanes.park

    def too_early(self: Lanes[Task], lane: Any) -> None:
        queue = self._waiting[lane]
        if queue:
            self._ready.append((lane, queue.popleft()))
        park(self, lane)

    return patch.object(Lanes, "park", too_early)


def _missed_fence() -> Any:
    return patch.object(RetryTopic, "has_waiting", lambda self, number, key: False)


def _fence_forgotten_by_the_next_owner() -> Any:
    return patch.object(Backlog, "add", lambda self, record, done: None)


def _fence_freed_by_the_first_of_several() -> Any:
    def finish(self: RetryTopic, record: Any) -> None:
        if backlog := self._backlogs.get(record.partition()):
            backlog.keys.pop(record.key() or b"", None)

    return patch.object(RetryTopic, "finish", finish)


def _outcomes_of_given_up_partitions_committed() -> Any:
    def add(self: Committer, outcome: Outcome) -> None:
        self._trackers.setdefault(outcome.partition, OffsetTracker())
        self._outcomes.append(outcome)
        self._on_outcome()

    return patch.object(Committer, "add", add)


def _fence_freed_before_the_commit() -> Any:
    add = Committer.add

    def early(self: Committer, outcome: Outcome) -> None:
        add(self, outcome)
        if outcome.done and outcome.retry is not None:
            self._retry_topic.finish(outcome.record)

    return patch.object(Committer, "add", early)


def _outcomes_of_a_lost_partition_kept() -> Any:
    abandon = Committer.abandon

    def keep(self: Committer, partitions: Any) -> None:
        kept, trackers = list(self._outcomes), dict(self._trackers)
        abandon(self, partitions)
        self._outcomes, self._trackers = kept, trackers

    return patch.object(Committer, "abandon", keep)


def _overlay_kept_after_an_abort() -> Any:
    return patch.object(PartitionStore, "rollback", lambda self: None)


def _timers_kept_after_an_abort() -> Any:
    return patch.object(TimerTable, "rollback", lambda self: None)


def _no_rewind_after_an_abort() -> Any:
    def undo(self: PureEngine, first: Mapping[Any, int], due: Sequence[Any], error: Exception) -> None:
        self._transaction.abort()
        self._rollback()

    return patch.object(PureEngine, "_undo", undo)


def _state_without_changelog() -> Any:
    def changes(self: PartitionStore) -> list[Any]:
        self._changes = [(b"s" + key, encoded) for key, (_, encoded) in self._overlay.items()]
        return []

    return patch.object(PartitionStore, "changes", changes)


def _changelog_outside_the_transaction() -> Any:
    def write(self: StoreManager, transaction: ProtocolTransaction) -> None:
        for number, store in self.ready():
            for key, value in store.changes():
                self._bus.broker.append(self._changelog, value, key, [], number)  # type: ignore[attr-defined]

    return patch.object(StoreManager, "write_changes", write)


def _timer_fires_twice() -> Any:
    return patch.object(TimerTable, "fired", lambda self, timer: None)


def _offsets_without_outputs() -> Any:
    """At most once: positions go first, in a transaction of their own."""
    write, commit = Committer.write, Committer.commit

    def early(
        self: Committer,
        transaction: ProtocolTransaction,
        consumer: ProtocolConsumer,
        commit_: Commit,
        _: BusError | None,
    ) -> BusError | None:
        transaction.begin()
        positions: Mapping[Any, Any] = commit_.positions
        try:
            transaction.commit(consumer, positions)
        except BusError as error:
            transaction.abort()
            return error
        commit(self, transaction, consumer, commit_, write(self, transaction, commit_))
        return None

    return patch.multiple(Committer, write=lambda *_: None, commit=early)


def _repeated_command_starts_again() -> Any:
    start = WorkflowMachine.start

    def forgetful(self: WorkflowMachine, state: Any, command: Any, context: Any) -> Any:
        return start(self, None if state is not None and state.phase != "running" else state, command, context)

    return patch.object(WorkflowMachine, "start", forgetful)


def _timers_without_a_position() -> Any:
    return patch.object(PurePartitions, "unchanged_positions", lambda self, numbers: {})


def _begun_before_positions_are_stable() -> Any:
    def committed(self: MemoryConsumer, partitions: Sequence[Any]) -> Mapping[Any, Position]:
        return {p: self.group.positions[p] for p in partitions if p in self.group.positions}

    return patch.object(MemoryConsumer, "committed", committed)


def _unreadable_headers_lost_behind_a_key_that_waits() -> Any:
    def must_move(self: AttemptRunner, task: Task) -> bool:
        key = task.record.key()
        return task.retry is None and self._retry_topic.has_waiting(task.partition.partition, key)

    return patch.object(AttemptRunner, "must_move", must_move)


def _done_records_read_again() -> Any:
    return patch.object(PurePartitions, "check", lambda self, first: None)


def _effects_read_again() -> Any:
    take = OffsetTracker.take

    def any_order(self: OffsetTracker, offset: int) -> bool:
        is_new = take(self, offset)
        self.expected = 0
        return is_new

    return patch.object(OffsetTracker, "take", any_order)


MUTANTS: dict[str, Mutant] = {
    made.__name__.removeprefix("_"): made
    for made in (
        _offset_before_dead_letter,
        _outcomes_lost_with_a_commit,
        _offsets_past_work_in_flight,
        _finished_offsets_forgotten,
        _key_freed_too_early,
        _key_freed_while_parked,
        _missed_fence,
        _fence_forgotten_by_the_next_owner,
        _fence_freed_by_the_first_of_several,
        _outcomes_of_given_up_partitions_committed,
        _fence_freed_before_the_commit,
        _outcomes_of_a_lost_partition_kept,
        _overlay_kept_after_an_abort,
        _timers_kept_after_an_abort,
        _no_rewind_after_an_abort,
        _state_without_changelog,
        _changelog_outside_the_transaction,
        _timer_fires_twice,
        _offsets_without_outputs,
        _repeated_command_starts_again,
        _unreadable_headers_lost_behind_a_key_that_waits,
        _timers_without_a_position,
        _begun_before_positions_are_stable,
        _done_records_read_again,
        _effects_read_again,
    )
}
