"""Commits name the offsets that are done, however far apart these are."""

import random
import zlib
from base64 import b85encode
from collections.abc import Callable, Sequence
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onex.agent.crash import Isolation
from onex.agent.effect.committer import Committer
from onex.agent.effect.crash_gate import EffectGate
from onex.agent.effect.offsets import OffsetTracker
from onex.agent.effect.outcome import Commit, Outcome
from onex.agent.effect.retry_topic import RetryTopic
from onex.agent.failure.blocked_partitions import BlockedPartitions
from onex.agent.telemetry.health import Health
from onex.agent.telemetry.metrics import AgentMetrics
from onex.agent.topic_limits import TopicLimits
from onex.bus.memory.log import MemoryRecord
from onex.bus.protocols import (
    Emitted,
    Headers,
    OnDelivery,
    Partition,
    Position,
    ProtocolConsumer,
    ProtocolTransaction,
    TopicState,
)
from onex.errors import MessageTooLargeError
from onex.testing.clock import ManualClock
from onex.wire.positions import FITS

_P = Partition("orders", 0)


def _committer(
    limits: TopicLimits | None = None,
    clock: ManualClock | None = None,
    too_large: Callable[[Outcome, MessageTooLargeError], Outcome] = lambda one, _: one,
) -> Committer:
    clock, health, limits = clock or ManualClock(), Health(), limits or TopicLimits.usual()
    held = BlockedPartitions(clock, health)
    gate = EffectGate(Isolation(None, clock), held, "n", "retry", "g", clock)
    queue, metrics = RetryTopic("retry"), AgentMetrics("n")
    made = Committer(queue, None, held, gate, clock, health, metrics, None, lambda: None, limits, too_large)
    made.adopt({_P: None})
    return made


def _outcome(offset: int) -> Outcome:
    return Outcome(MemoryRecord("orders", 0, offset, b"k", None, (), 0), _P)


def _commit(committer: Committer) -> set[int]:
    """Return the offsets of a commit, after a check that a restart reads the same ones from it."""
    commit = committer.snapshot()
    if commit is None:
        return set()
    assert isinstance(commit, Commit)
    position = commit.positions[_P]
    assert len(position.metadata) <= 4095
    committer.committed(commit)
    offsets = {outcome.record.offset() for outcome in commit.outcomes}
    successor = OffsetTracker(position)
    assert not any(offset >= position.offset and successor.take(offset) for offset in sorted(offsets))
    return offsets


@pytest.mark.parametrize("step", [1, 1000], ids=["no gaps", "gaps as of compaction"])
def test_one_slow_message_before_a_huge_batch_never_makes_a_commit_too_long(step: int) -> None:
    committer, rng = _committer(), random.Random(3)
    offsets = [number * step for number in range(40_000)]
    for offset in offsets:
        assert committer.take(_P, offset)
    finished = rng.sample(offsets[1:], 20_000)
    for offset in finished:
        committer.add(_outcome(offset))
    first = _commit(committer)
    assert first == {offset for offset in finished if offset < FITS}
    assert not committer.idle
    committer.add(_outcome(0))
    second = _commit(committer)
    assert 0 in second
    assert not first & second, "nothing is committed twice"


def test_when_the_slow_message_is_done_everything_is_committed_together() -> None:
    committer = _committer()
    for offset in range(40_000):
        committer.take(_P, offset)
    for offset in range(39_999, 0, -1):
        committer.add(_outcome(offset))
    assert len(_commit(committer)) == FITS - 1
    committer.add(_outcome(0))
    assert len(_commit(committer)) == 40_000 - FITS + 1
    assert committer.idle


def test_outcomes_that_wait_for_the_watermark_are_dropped_with_their_partition() -> None:
    committer = _committer()
    for offset in (0, FITS + 5):
        committer.take(_P, offset)
    committer.add(_outcome(FITS + 5))
    assert committer.snapshot() is None
    assert not committer.owes([_P])
    committer.abandon({_P})
    assert committer.idle


@given(st.lists(st.integers(1, 5000), min_size=1, max_size=60), st.randoms(use_true_random=False))
def test_in_whatever_order_messages_end_each_is_committed_once(steps: list[int], rng: random.Random) -> None:
    committer = _committer()
    offsets = [sum(steps[: n + 1]) for n in range(len(steps))]
    for offset in offsets:
        committer.take(_P, offset)
    committed: list[int] = []
    for offset in rng.sample(offsets, len(offsets)):
        committer.add(_outcome(offset))
        if rng.random() < 0.3:
            committed += _commit(committer)
    committed += _commit(committer)
    assert sorted(committed) == offsets
    assert committer.idle


def test_a_set_without_room_is_cut_and_one_that_unpacks_to_too_much_is_ignored() -> None:
    tracker = OffsetTracker()
    for offset in (0, 7, 10**9):
        tracker.take(offset)
    tracker.finish(7)
    tracker.finish(10**9)
    assert len(tracker.position().metadata) < 10
    bomb = "z" + b85encode(zlib.compress(b"\xff" * 3_000_000)).decode()
    assert len(bomb) <= 4095
    assert OffsetTracker(Position(0, bomb)).take(4)


class _Refusing:
    """A transaction whose dead-letter topic refuses large records from now on, with an error of the commit."""

    def begin(self) -> None:
        self._refused: list[OnDelivery | None] = []

    def produce(
        self,
        topic: str,
        value: bytes | None,
        key: bytes | None,
        headers: Headers,
        partition: int = -1,
        on_delivery: OnDelivery | None = None,
    ) -> None:
        if topic == "dlq" and value is not None and len(value) > 100:
            self._refused.append(on_delivery)

    def produce_all(self, records: Sequence[Emitted]) -> None:
        for record in records:
            self.produce(*record)

    def commit(self, consumer: object, positions: object) -> None:
        for report in filter(None, self._refused):
            report(MessageTooLargeError("dlq"), -1)
        if self._refused:
            raise MessageTooLargeError("dlq")

    def abort(self) -> None: ...


def test_a_dead_letter_that_its_topic_refuses_costs_no_other_outcome() -> None:
    other, clock, blamed = Partition("others", 0), ManualClock(), list[Outcome]()
    limits = TopicLimits(None, {"dlq": TopicState("dlq", 1, 1, {}, max_message_bytes=150)}, clock)

    def too_large(outcome: Outcome, _: MessageTooLargeError) -> Outcome:
        blamed.append(outcome)
        return outcome

    committer = _committer(limits=limits, clock=clock, too_large=too_large)
    committer.adopt({other: None})
    transaction = cast(ProtocolTransaction, _Refusing())
    committer.take(_P, 0)
    committer.add(_outcome(0)._replace(emitted=[("dlq", b"x" * 1000, b"k", [])], dead="bug"))
    done = 0
    for turn in range(6):
        committer.take(other, turn)
        record = MemoryRecord(other.topic, 0, turn, b"k", None, (), 0)
        committer.add(Outcome(record, other, [("out", b"good", b"k", [])]))
        for _ in range(2):
            if (commit := committer.snapshot()) is None:
                break
            refused = committer.write(transaction, commit)
            refused = committer.commit(transaction, cast(ProtocolConsumer, None), commit, refused)
            if refused is None:
                committer.committed(commit)
                done += len(commit.outcomes)
            else:
                committer.give_back(commit, refused)
        clock.move_to((turn + 1) * 40.0)
    assert (done, blamed) == (6, [])
    assert committer.is_stopped(_P) or committer.waiting == 1


def test_a_dead_letter_that_waits_for_an_operator_does_not_make_other_records_run_alone() -> None:
    clock = ManualClock()
    gate = EffectGate(Isolation(None, clock), BlockedPartitions(clock, Health()), "n", "retry", "g", clock)
    gate._alone.add((_P, 0))
    outcome = _outcome(0)._replace(dead="bug", done=False)
    gate.committed(Commit([outcome], {_P: Position(0)}))
    assert not gate._alone
