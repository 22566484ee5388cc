"""MixinRateLimiting."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest
from node_gate_compute.v1_0_0.models import Enter, Entered
from node_tally_reducer.v1_0_0.models import Amount, Tallied
from node_vault_effect.v1_0_0.models import Fetch, Fetched
from node_vault_effect.v1_0_0.node import NodeVaultEffect

from onex.agent.pure.intake import Intake
from onex.capability import Subcontract
from onex.capability.host import PartitionShare
from onex.contract import resolve_node
from onex.errors import CompositionError, NodeUseError, RateLimitedError
from onex.mixins.rate_limiting import MixinRateLimiting, ModelRateLimitingSubcontract
from onex.mixins.rate_limiting.engine import RateLimitingEngine
from onex.mixins.service import with_mixins
from onex.model.enums import EnumNodeKind
from onex.testing import MeshDriver
from onex.testing.clock import ManualClock
from tests.conftest import NODES
from tests.mixins.virtual import play


def made(clock: ManualClock, share: PartitionShare | None = None, **settings: object) -> RateLimitingEngine:
    model = ModelRateLimitingSubcontract.model_validate(settings)
    return RateLimitingEngine(model, clock, share or PartitionShare())


def times(
    count: int,
    limits: Mapping[str, object],
    *,
    keys: Sequence[str] = ("",),
    share: PartitionShare | None = None,
    **more: object,
) -> list[float]:
    """Return when each call got its permit, or -1 for a refused call."""
    clock = ManualClock()
    engine = made(clock, share, **limits, **more)

    async def call(key: str) -> float:
        try:
            await engine.acquire(key)
        except RateLimitedError:
            return -1.0
        return round(clock.monotonic(), 6)

    async def live() -> list[float]:
        return await asyncio.gather(*(call(keys[number % len(keys)]) for number in range(count)))

    return play(live(), clock)


@pytest.mark.enforces("rate_limiting.permits_per_second", "rate_limiting.burst")
def test_a_burst_and_then_so_many_a_second() -> None:
    assert times(6, {"permits_per_second": 2, "burst": 3, "max_wait_seconds": 10}) == [0, 0, 0, 0.5, 1.0, 1.5]
    assert times(3, {"permits_per_second": 10, "burst": 1, "max_wait_seconds": 10}) == [0, 0.1, 0.2]


@pytest.mark.enforces("rate_limiting.max_wait_seconds")
def test_a_refusal_has_the_time_of_the_next_permit() -> None:
    assert times(4, {"permits_per_second": 1, "burst": 1, "max_wait_seconds": 1}) == [0, 1, -1, -1]

    async def live() -> None:
        engine = made(ManualClock(), permits_per_second=1, burst=1, max_wait_seconds=0)
        await engine.acquire()
        with pytest.raises(RateLimitedError, match="too many calls; the next one in 1 s") as late:
            await engine.acquire()
        assert (late.value.retry_after, late.value.for_all) == (1.0, True)

    play(live())


@pytest.mark.enforces("rate_limiting.per_key")
def test_keys_have_limits_of_their_own() -> None:
    limits = {"permits_per_second": 1, "burst": 1, "max_wait_seconds": 10}
    assert times(4, limits, keys=("a", "b"), per_key=True) == [0, 0, 1, 1]
    assert times(4, limits, keys=("a", "b")) == [0, 1, 2, 3]

    async def live() -> None:
        engine = made(ManualClock(), permits_per_second=1, burst=1, max_wait_seconds=0, per_key=True)
        await engine.acquire("ann")
        with pytest.raises(RateLimitedError, match="too many calls of 'ann'") as late:
            await engine.acquire("ann")
        assert not late.value.for_all

    play(live())


@pytest.mark.enforces("rate_limiting.max_keys")
def test_so_many_keys_are_remembered() -> None:
    engine = made(ManualClock(), permits_per_second=1, burst=1, per_key=True, max_keys=2)
    assert [engine.try_acquire(key) for key in ("a", "b", "a", "b")] == [True, True, False, False]
    assert engine.try_acquire("c")
    assert engine.try_acquire("a"), "forgotten, because it was not used for the longest time"


@pytest.mark.enforces("rate_limiting.cluster_wide")
def test_all_instances_together_have_the_limit() -> None:
    share = PartitionShare()
    share.follow(lambda: 1, 4)
    limits = {"permits_per_second": 4, "burst": 1, "max_wait_seconds": 10}
    assert times(3, limits, share=share, cluster_wide=True) == [0, 1, 2]
    assert times(3, limits, share=share) == [0, 0.25, 0.5]
    share.follow(lambda: 0, 4)
    assert share.fraction == 0.25
    share.follow(lambda: 8, 4)
    assert share.fraction == 1


def test_a_permit_that_is_not_taken_is_not_used_up() -> None:
    clock = ManualClock()
    engine = made(clock, permits_per_second=1, burst=1)
    assert engine.try_acquire()
    assert [engine.try_acquire() for _ in range(5)] == [False] * 5
    assert engine.reported_metrics() == {"refused": 5.0}
    clock.move_to(1)
    assert engine.try_acquire()


@pytest.mark.enforces("rate_limiting.limit_messages")
@pytest.mark.parametrize(("limited", "at_once"), [(True, 2), (False, 10)])
def test_messages_need_permits_and_wait_without_counting_attempts(limited: bool, at_once: int) -> None:
    NodeVaultEffect.asked.clear()
    NodeVaultEffect.closed = False
    vault = resolve_node(NODES / "node_vault_effect" / "v1_0_0")
    limits = ModelRateLimitingSubcontract(permits_per_second=1, burst=2, max_wait_seconds=0, limit_messages=limited)
    node = replace(
        vault,
        node_class=with_mixins(vault.node_class, [MixinRateLimiting]),
        subcontracts={**vault.subcontracts, ModelRateLimitingSubcontract: limits},
    )
    mesh = MeshDriver([node])
    sent = [mesh.send(Fetch(name=f"n-{number}")) for number in range(10)]
    assert len(NodeVaultEffect.asked) == at_once
    mesh.advance("60s")
    assert [mesh.published(Fetched, one) for one in sent] == [[Fetched(name=f"n-{n}", attempt=1)] for n in range(10)]
    assert mesh.dead_letters() == []
    mesh.close()


def test_long_keys_of_senders_are_not_stored_in_memory() -> None:
    engine = made(ManualClock(), permits_per_second=1, burst=1, per_key=True)
    long = "x" * 500_000
    assert engine.try_acquire(long + "1")
    assert not engine.try_acquire(long + "1")
    assert engine.try_acquire(long + "2")
    assert max(len(key) for key in engine._due) <= 128


# -- COMPUTE, REDUCER and ORCHESTRATOR: the intake ------------------------------------------------


def pure(clock: ManualClock, share: PartitionShare | None = None, **settings: object) -> RateLimitingEngine:
    model = ModelRateLimitingSubcontract.model_validate(settings)
    return RateLimitingEngine(model, clock, share or PartitionShare(), EnumNodeKind.REDUCER)


def test_a_pure_node_reads_what_its_rate_allows() -> None:
    clock = ManualClock()
    engine = pure(clock, permits_per_second=2, burst=4)
    assert (engine.available(10), engine.available(3), engine.wait_seconds()) == (4, 3, 0.0)
    engine.took(4)
    assert (engine.available(10), engine.wait_seconds()) == (0, 0.5)
    clock.move_to(clock.monotonic() + 0.5)
    assert (engine.available(10), engine.wait_seconds()) == (1, 0.0)
    engine.took(3)  # a partition that was assigned meanwhile: what is too much is waited for
    assert engine.wait_seconds() == 1.5
    clock.move_to(clock.monotonic() + 100)
    assert engine.available(10) == 4


def test_a_fast_node_reads_a_tenth_of_a_second_together() -> None:
    clock = ManualClock()
    engine = pure(clock, permits_per_second=1000, burst=500)
    engine.took(500)
    clock.move_to(clock.monotonic() + 0.05)
    assert (engine.available(1000), round(engine.wait_seconds(), 6)) == (0, 0.05)
    clock.move_to(clock.monotonic() + 0.05)
    assert engine.available(1000) == 100


def test_a_pure_node_shares_the_limit_of_all_instances() -> None:
    clock, share = ManualClock(), PartitionShare()
    share.follow(lambda: 1, 4)
    engine = pure(clock, share, permits_per_second=4, burst=1, cluster_wide=True)
    engine.took(1)
    assert engine.wait_seconds() == 1.0


def test_a_pure_node_whose_messages_need_no_permit_reads_all() -> None:
    engine = pure(ManualClock(), permits_per_second=1, burst=1, limit_messages=False, per_key=True)
    engine.took(100)
    assert (engine.available(7), engine.wait_seconds()) == (7, 0.0)


def test_a_pure_node_knows_no_keys_and_no_clock() -> None:
    with pytest.raises(CompositionError, match="a REDUCER limits what it reads, .*; remove per_key"):
        pure(ManualClock(), per_key=True)
    engine = pure(ManualClock())
    with pytest.raises(NodeUseError, match="a REDUCER is pure and has no clock"):
        engine.try_acquire()
    with pytest.raises(NodeUseError, match="a REDUCER is pure and has no clock"):
        asyncio.run(engine.acquire())


@pytest.mark.parametrize("name", ["node_gate_compute", "node_tally_reducer"])
def test_messages_of_pure_nodes_wait_in_their_topic(name: str) -> None:
    resolved = resolve_node(NODES / name / "v1_0_0")
    limits: dict[type[Subcontract], Subcontract] = {
        **resolved.subcontracts,
        ModelRateLimitingSubcontract: ModelRateLimitingSubcontract(permits_per_second=1, burst=2),
    }
    made = with_mixins(resolved.node_class, [MixinRateLimiting])
    mesh = MeshDriver([replace(resolved, node_class=made, subcontracts=limits)])
    for number in range(5):
        compute = name == "node_gate_compute"
        mesh.send(Enter(name=f"n{number}", age=30) if compute else Amount(entity=f"n{number}", value=1), run=False)
    mesh.run_until_idle()
    output = Entered if name == "node_gate_compute" else Tallied
    counts = [len(mesh.published(output))]
    for _ in range(3):
        mesh.advance(1)
        counts.append(len(mesh.published(output)))
    assert counts == [2, 3, 4, 5]
    assert mesh.dead_letters() == []
    mesh.close()


def test_a_partition_that_waits_for_another_reason_stays_paused() -> None:
    class Consumer:
        def __init__(self) -> None:
            self.calls: list[object] = []

        def assignment(self) -> list[str]:
            return ["a", "b", "c"]

        def pause(self, partitions: list[str]) -> None:
            self.calls.append(("pause", partitions))

        def resume(self, partitions: list[str]) -> None:
            self.calls.append(("resume", partitions))

        def batch(self, most: int, timeout: float) -> list[str]:
            self.calls.append((most, timeout))
            stopped.add("c")  # it stopped while the group was served
            return []

    stopped = {"b"}
    clock, consumer = ManualClock(), Consumer()
    engine = pure(clock, permits_per_second=1, burst=1)
    intake = Intake([engine, object()], stopped.__contains__, clock)  # names for partitions
    assert intake.opens_ms() is None
    engine.took(1)
    assert intake.opens_ms() == clock.now_ms() + 1000
    assert intake.read(consumer, 10, 0.1) == []  # type: ignore[arg-type]  # as above
    assert consumer.calls == [("pause", ["a", "c"]), (1, 0.1)]
    clock.move_to(clock.monotonic() + 1)
    assert intake.read(consumer, 10, 0.1) == []  # type: ignore[arg-type]  # as above
    assert consumer.calls[2:] == [("resume", ["a"]), (1, 0.1)]
